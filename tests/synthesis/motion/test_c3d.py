"""C3D files: units, labels, gaps, and files that are none."""

import pathlib

import ezc3d
import numpy as np
import pytest

from model.errors import MotionError
from synthesis.motion.c3d import read_c3d

FOLDER = pathlib.Path(__file__).parents[4] / "shared" / "mocap" / "c3d"
LABELS = ("Ann:LFHD", "Ann:rkne", "*7", "Ann:LTOE", "Ann:LFHD")


def write(path, metres, labels=LABELS, unit="mm", scale=1000.0, residuals=None):
    """Writes positions [T, M, 3] metres as the file's unit has it."""
    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"], point["UNITS"]["value"], point["LABELS"]["value"] = [100.0], [unit], list(labels)
    points = np.ones((4, metres.shape[1], len(metres)))
    points[:3] = np.moveaxis(metres, 2, 0).transpose(0, 2, 1) * scale
    file["data"]["points"] = points
    if residuals is not None:
        file["data"]["meta_points"]["residuals"] = residuals.T[None]
    file.write(str(path))
    return path


@pytest.fixture
def walk():
    """[9, 5, 3] a head, a knee, a stray point, a toe and a second head, z up, moving along x."""
    metres = np.zeros((9, 5, 3))
    metres[:, :, 2] = [1.7, 0.5, 1.0, 0.05, 1.6]
    metres[:, :, 0] = np.linspace(1, 2, 9)[:, None]
    return metres


@pytest.mark.parametrize(("unit", "scale"), [("mm", 1000.0), ("m", 1.0), ("cm", 100.0)])
def test_metres_and_labels_whatever_the_unit(tmp_path, walk, unit, scale):
    markers = read_c3d(write(tmp_path / "walk.c3d", walk, unit=unit, scale=scale))
    assert markers.labels == ("LFHD", "RKNE", "LTOE")
    assert (len(markers), markers.fps) == (9, 100.0)
    assert markers.visible.all()
    np.testing.assert_allclose(markers.positions, walk[:, [0, 1, 3]], atol=1e-6)


def test_points_marked_invalid_not_finite_or_in_the_origin_are_missing(tmp_path, walk):
    residuals = np.zeros((9, 5))
    residuals[2, 0] = -1
    walk[3, 1], walk[4, 3] = np.nan, 0.0
    visible = read_c3d(write(tmp_path / "gaps.c3d", walk, residuals=residuals)).visible
    assert sorted(map(tuple, np.argwhere(~visible).tolist())) == [(2, 0), (3, 1), (4, 2)]


def test_damaged_files_are_refused(tmp_path, walk):
    whole = write(tmp_path / "whole.c3d", np.repeat(walk, 50, 0)).read_bytes()
    # ezc3d pads with whole blocks: what is cut off reaches into the frames.
    contents = {"empty": b"", "junk": b"junk" * 500, "header": whole[:512], "short": whole[:-1500]}
    for name, content in contents.items():
        path = tmp_path / f"{name}.c3d"
        path.write_bytes(content)
        with pytest.raises(MotionError, match=r"Received: .*" + name):
            read_c3d(path)
    with pytest.raises(MotionError, match=r"announces 450 frames.*ends within frame"):
        read_c3d(tmp_path / "short.c3d")
    with pytest.raises(MotionError, match="absent"):
        read_c3d(tmp_path / "absent.c3d")


def test_files_that_say_nothing_of_a_person_are_refused(tmp_path, walk):
    lost, far = np.full_like(walk, np.nan), walk.copy()
    far[6, 3, 1] = 1e7
    for positions, settings, message in (
        (lost, {}, "all 9 frames"),
        (far, {}, r"LTOE .*frame 6 of .*file\.c3d"),
        (walk, {"unit": "m"}, "span .*frame 0 .*another unit"),
        (walk, {"unit": "parsec"}, "'parsec'"),
        (walk, {"labels": ("",) * 5}, "unnamed points"),
        (walk, {"labels": ("*1", "*2", "*3", "*4", "*5")}, "unlabelled"),
        (walk, {"labels": ("Ann:A", "Bob:A", "Ann:B", "Bob:B", "C")}, "subjects Ann, Bob"),
    ):
        with pytest.raises(MotionError, match=message):
            read_c3d(write(tmp_path / "file.c3d", positions, **settings))


def test_a_file_without_frames_is_refused(tmp_path, walk):
    content = bytearray(write(tmp_path / "whole.c3d", walk).read_bytes())
    # The header's last frame, the parameter POINT:FRAMES (name, offset, type, no dimensions, value), and no data.
    content[8:10] = bytes(2)
    value = content.index(b"FRAMES") + len(b"FRAMES") + 4
    content[value : value + 2] = bytes(2)
    (tmp_path / "none.c3d").write_bytes(content[: 512 * (int.from_bytes(content[16:18], "little") - 1)])
    with pytest.raises(MotionError, match=r"none\.c3d"):
        read_c3d(tmp_path / "none.c3d")


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no motion capture files in {FOLDER}")
def test_shared_files():
    for name, frames in {"135_02": 5202, "85_02": 810}.items():
        markers = read_c3d(FOLDER / f"{name}.c3d")
        assert (len(markers), len(markers.labels), markers.fps) == (frames, 41, 120.0)
        head, toe = (markers.positions[0, markers.labels.index(label)] for label in ("LFHD", "LTOE"))
        assert 1.4 < head[2] - toe[2] < 2.0
