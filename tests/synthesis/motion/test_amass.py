"""AMASS files, written here as the data set has them: axes, unit, and what damaged ones are answered with."""

import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import MotionError
from synthesis.motion import placement, rig
from synthesis.motion.amass import read_amass

BETAS = np.array([0.8, -0.5, 0.3, *np.zeros(13)])


def arrays(frames=5):
    """A woman who walks along the file's +y and turns left about its z; her feet stay on its floor."""
    measures = rig.measure(NumpyBody(load_body("female")), BETAS[:10])
    turn = rotations.rotation_about(2, np.linspace(0.0, 0.4, frames))
    # AMASS's bodies stand up by a quarter turn about x and then face -y: half a turn more makes it +y.
    up = rotations.rotation_about(2, np.pi) @ rotations.rotation_about(0, np.pi / 2)
    poses = np.zeros((frames, 156))
    poses[:, :3] = rotations.matrix_to_axis_angle(turn @ up)
    poses[:, 66:] = 0.3
    poses[:, 3 * 18 : 3 * 19] = [0.0, 1.0, 0.0]
    path = np.stack([np.zeros(frames), np.linspace(0.0, 0.1, frames), np.full(frames, -measures.floor)], 1)
    # The body turns about its pelvis, which `trans` leaves at its rest place.
    trans = path + np.array([0.0, 0.0, measures.joints[0, 1]]) - measures.joints[0]
    return {"poses": poses, "trans": trans, "betas": BETAS, "mocap_framerate": np.array(60.0), "gender": "female"}


def written(tmp_path, **changes):
    values = {key: value for key, value in {**arrays(), **changes}.items() if value is not None}
    np.savez(tmp_path / "walk.npz", **values)
    return tmp_path / "walk.npz"


def test_axes_floor_and_rate(tmp_path):
    motion = read_amass(written(tmp_path), "walk")
    assert (len(motion), motion.fps, motion.name) == (5, 60.0, "walk")
    world = rotations.axis_angle_to_matrix(motion.pose[:, :3].astype(np.float64))
    np.testing.assert_allclose(world, rotations.rotation_about(1, np.linspace(0, 0.4, 5)), atol=1e-6)
    np.testing.assert_allclose(motion.pose[:, 54:57], np.tile([0.0, 1.0, 0.0], (5, 1)), atol=1e-6)
    np.testing.assert_array_equal(motion.pose[:, 66:], 0.0)
    body = NumpyBody(load_body("female"))
    measures = rig.measure(body, BETAS[:10])
    way = (motion.root[-1] - motion.root[0]) * measures.leg_length
    np.testing.assert_allclose(way, [0.0, 0.0, 0.1], atol=1e-5)
    np.testing.assert_allclose(
        motion.root[:, 1], (measures.joints[0, 1] - measures.floor) / measures.leg_length, rtol=1e-5
    )
    pose, trans = placement.place(motion, body, BETAS[:10])
    vertices, _ = body(pose, BETAS[:10], trans)
    np.testing.assert_allclose(vertices[..., 1].min(1), 0.0, atol=2e-3)


def test_the_other_name_of_the_rate_and_genders_as_bytes(tmp_path):
    path = written(tmp_path, mocap_framerate=None, mocap_frame_rate=100, gender=np.bytes_(b"female"), betas=None)
    assert read_amass(path, "walk").fps == 100.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": None}, "without poses"),
        ({"mocap_framerate": None}, "without mocap_framerate"),
        ({"poses": np.zeros((5, 63))}, r"\(5, 63\)"),
        ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, r"\(0, 156\)"),
        ({"trans": np.zeros((4, 3))}, r"\(4, 3\)"),
        ({"poses": np.where(np.arange(5)[:, None] == 3, np.nan, np.zeros((5, 156)))}, "NaN or infinity in frame 3"),
        ({"mocap_framerate": -1.0}, "positive frame rate"),
        ({"betas": np.zeros(4)}, "10 finite betas"),
        ({"trans": 1000.0 * np.arange(15.0).reshape(5, 3)}, "m/s"),
        ({"trans": np.full((5, 3), 900.0)}, "height of 90"),
        ({"poses": np.full((5, 156), "x")}, "are numbers"),
        ({"poses": np.array([{}] * 5)}, "readable"),
    ],
)
def test_damaged_files_are_answered_with_what_is_wrong(tmp_path, changes, message):
    with pytest.raises(MotionError, match=message):
        read_amass(written(tmp_path, **changes), "walk")


def test_files_that_are_no_archive_are_refused(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    for content in (b"", b"noise", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(MotionError, match="readable"):
            read_amass(path, "walk")
    with open(path, "wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(MotionError, match=r"not an \.npz archive"):
        read_amass(path, "walk")
    with pytest.raises(MotionError, match="readable"):
        read_amass(tmp_path / "none.npz", "walk")
