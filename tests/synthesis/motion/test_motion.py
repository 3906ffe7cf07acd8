"""Windows and frame rates of a motion."""

import dataclasses

import numpy as np
import pytest

from model import rotations
from model.errors import MotionError
from synthesis.motion import builtin
from synthesis.motion.motion import Motion


@pytest.fixture(scope="module")
def spin():
    """Turns about y at 2 rad/s and moves along x at 3 leg lengths a second, 30 fps, 31 frames."""
    t = np.arange(31) / 30.0
    pose = np.zeros((31, 72), np.float32)
    pose[:, 1] = 2.0 * t
    root = np.stack([3.0 * t, np.ones(31), np.zeros(31)], 1).astype(np.float32)
    return Motion("spin-0", "spin", pose, root, 30.0)


def test_window(spin):
    cut = spin.window(4, 10)
    np.testing.assert_array_equal(cut.pose, spin.pose[4:14])
    assert (len(cut), cut.fps, cut.name) == (10, 30.0, "spin-0")
    for start, length in ((-1, 5), (25, 7), (0, 0)):
        with pytest.raises(MotionError, match=f"start={start}, length={length}"):
            spin.window(start, length)


def test_resample_by_a_stride_keeps_frames_as_they_are(spin):
    np.testing.assert_array_equal(spin.resample(10.0).pose, spin.pose[::3])
    assert len(spin.resample(30.0)) == len(spin)
    rounded = dataclasses.replace(spin, fps=1 / 0.008333)
    np.testing.assert_array_equal(rounded.resample(30.0).root, spin.root[::4])


@pytest.mark.parametrize("fps", [25.0, 50.0, 60.0])
def test_resample_follows_a_uniform_turn_and_keeps_both_ends(spin, fps):
    out = spin.resample(fps)
    times = np.arange(len(out)) / fps
    assert (len(out), out.fps) == (round(fps) + 1, fps)
    np.testing.assert_allclose(out.pose[:, 1], 2.0 * times, atol=2e-5)
    np.testing.assert_allclose(out.root[:, 0], 3.0 * times, atol=1e-5)
    np.testing.assert_allclose(out.pose[[0, -1]], spin.pose[[0, -1]], atol=2e-5)


def test_resample_goes_the_short_way_past_half_a_turn():
    """From 170 to 190 degrees, written as -170: the middle is 180, not 0."""
    pose = np.zeros((2, 72), np.float32)
    pose[:, 1] = np.radians([170.0, -170.0])
    motion = Motion("past", "past", pose, np.ones((2, 3), np.float32), 30.0).resample(60.0)
    middle = rotations.axis_angle_to_matrix(motion.pose[1, :3].astype(np.float64))
    np.testing.assert_allclose(middle, np.diag([-1.0, 1.0, -1.0]), atol=1e-5)


def test_resample_of_a_real_motion_is_near_its_own_sampling():
    fine, coarse = builtin.make("punch", 0, 2.0, fps=60.0), builtin.make("punch", 0, 2.0, fps=40.0)
    count = 70
    a = rotations.axis_angle_to_matrix(fine.resample(40.0).pose[:count].astype(np.float64).reshape(count, -1, 3))
    b = rotations.axis_angle_to_matrix(coarse.pose[:count].astype(np.float64).reshape(count, -1, 3))
    assert np.linalg.norm(rotations.matrix_to_axis_angle(np.swapaxes(a, -1, -2) @ b), axis=-1).max() < 0.03


def test_arrays_that_are_no_motion_are_refused(spin):
    for change, message in (
        ({"pose": spin.pose[:, :69]}, "69"),
        ({"root": spin.root[:5]}, r"\(5, 3\)"),
        ({"pose": np.full_like(spin.pose, np.nan)}, "NaN"),
        ({"fps": 0.0}, "fps=0.0"),
    ):
        with pytest.raises(MotionError, match=message):
            dataclasses.replace(spin, **change)
    with pytest.raises(MotionError, match="fps=-1"):
        spin.resample(-1.0)
