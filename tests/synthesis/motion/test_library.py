"""The motion library: what goes in comes out, nothing twice, nothing half-written; and the verb that fills it."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from model.errors import MotionError
from synthesis.motion import builtin, clips, library
from synthesis.motion.clips import ClipLibrary

ROOT = pathlib.Path(__file__).parents[3]
CAPTURES = ROOT.parent / "shared" / "mocap" / "bvh"


@pytest.fixture
def motion():
    return builtin.make("walk", 0, 1.0)


def added(folder, motion, sha256="a"):
    target = ClipLibrary.open(folder, create=True)
    return target, target.add(motion, "walk.bvh", sha256, "CC0", "somebody")


def test_a_clip_comes_back_as_it_was_and_its_terms_are_kept(tmp_path, motion):
    added(tmp_path / "lib", motion)
    again = ClipLibrary.open(tmp_path / "lib")
    (entry,) = again.entries
    assert (entry.name, entry.kind, entry.frames, entry.fps) == ("walk-0", "walk", 30, 30.0)
    assert (entry.source, entry.licence, entry.credit) == ("walk.bvh", "CC0", "somebody")
    loaded = again.load("walk-0")
    np.testing.assert_array_equal(loaded.pose, motion.pose)
    np.testing.assert_array_equal(loaded.root, motion.root)
    assert (loaded.name, loaded.kind, loaded.fps) == (motion.name, motion.kind, motion.fps)


def test_every_user_of_motion_folders_takes_a_library(tmp_path, motion):
    target, entry = added(tmp_path, motion)
    (tmp_path / "clips" / "stray.npz").write_bytes(b"left by a run that was stopped")
    assert library.find_motion_files(tmp_path) == [tmp_path / entry.file]
    np.testing.assert_array_equal(library.load_motion(target.path("walk-0")).pose, motion.pose)


def test_names_and_sources_are_taken_once(tmp_path, motion):
    target, _ = added(tmp_path, motion)
    with pytest.raises(MotionError, match="name of its own"):
        target.add(motion, "other.bvh", "b", "CC0")
    with pytest.raises(MotionError, match="there as walk-0"):
        target.add(builtin.make("run", 0, 1.0), "walk.bvh", "a", "CC0")
    assert target.holding("a").name == "walk-0" and target.holding("b") is None
    assert target.free_name("walk-0", "walk-0_amc") == "walk-0_amc"
    assert target.free_name("WALK-0") == "WALK-0-2"
    assert target.free_name("../a b") == "a-b"


def test_a_stop_between_clip_and_index_leaves_a_whole_library(tmp_path, motion, monkeypatch):
    target, _ = added(tmp_path, motion)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(clips, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        target.add(builtin.make("run", 0, 1.0), "run.bvh", "b", "CC0")
    monkeypatch.undo()
    again = ClipLibrary.open(tmp_path)
    assert [entry.name for entry in again.entries] == ["walk-0"]
    again.add(builtin.make("run", 0, 1.0), "run.bvh", "b", "CC0")
    assert len(ClipLibrary.open(tmp_path)) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(version=2),
        lambda index: index.pop("clips"),
        lambda index: index["clips"][0].update(name="../../outside"),
        lambda index: index["clips"][0].update(frames="many"),
        lambda index: index["clips"][0].pop("licence"),
        lambda index: index["clips"].append(index["clips"][0]),
    ],
)
def test_damaged_indexes_are_refused_by_name(tmp_path, motion, change):
    added(tmp_path, motion)
    path = tmp_path / clips.INDEX
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))
    with pytest.raises(MotionError, match=r"index\.json"):
        ClipLibrary.open(tmp_path)


def test_damaged_clips_and_missing_libraries_are_refused(tmp_path, motion):
    target, entry = added(tmp_path / "lib", motion)
    path = tmp_path / "lib" / entry.file
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(MotionError, match=r"walk-0\.npz"):
        target.load("walk-0")
    with pytest.raises(MotionError, match="Received: 'fly'"):
        target.load("fly")
    with pytest.raises(MotionError, match="none"):
        ClipLibrary.open(tmp_path / "none")


def test_readings_are_told_apart_by_their_digest(tmp_path):
    path = tmp_path / "a.amc"
    path.write_bytes(b"1")
    plain, faster = library.digest(path), library.digest(path, library.Reading(fps=60.0))
    assert plain != faster and plain == library.digest(path, library.Reading())


@pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no motion capture files in {CAPTURES}")
def test_import_goes_on_after_a_bad_file_and_passes_over_what_is_there(tmp_path):
    captures = tmp_path / "captures"
    captures.mkdir()
    (captures / "09_11.bvh").write_bytes((CAPTURES / "09_11_reexported.bvh").read_bytes())
    (captures / "01_broken.bvh").write_text("HIERARCHY\nROOT hips\n{")
    command = [sys.executable, "-m", "pipeline.cli.main", "motion", "import", str(captures)]
    command += [f"--library={tmp_path / 'lib'}", "--licence=test"]
    for said in ("1 added, 0 there already, 1 rejected", "0 added, 1 there already, 1 rejected"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert "rejected " in done.stderr and "01_broken.bvh" in done.stderr
    (entry,) = ClipLibrary.open(tmp_path / "lib").entries
    assert entry.name == "09_11" and entry.licence == "test"
