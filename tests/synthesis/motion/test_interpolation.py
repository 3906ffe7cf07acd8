"""Pose interpolation of section 3.2: the distance matrix, the most distant pair, frames by distance, both methods."""

import numpy as np
import pytest

from model import rotations
from model.conventions import joint
from model.errors import ConfigError, MotionError
from synthesis.motion import builtin, interpolation
from synthesis.motion.interpolation import InterpolationSettings
from synthesis.motion.motion import Motion

ELBOW = slice(3 * joint("L_elbow"), 3 * joint("L_elbow") + 3)


def still(name, **joints):
    """One motion of poses that bend one joint each: still("a", L_elbow=[[0, 0, 1], ...])."""
    frames = len(next(iter(joints.values())))
    pose = np.zeros((frames, 72), np.float32)
    for key, values in joints.items():
        pose[:, 3 * joint(key) : 3 * joint(key) + 3] = values
    return Motion(name, name, pose, np.tile([0.0, 1.0, 0.0], (frames, 1)).astype(np.float32), 30.0)


def test_distances_are_norms_of_theta_differences_without_the_global_rotation():
    rng = np.random.default_rng(0)
    a, b = (0.5 * rng.normal(size=(n, 72)).astype(np.float32) for n in (700, 5))
    expected = np.linalg.norm((a[:, None, 3:] - b[None, :, 3:]).astype(np.float64), axis=-1)
    np.testing.assert_allclose(interpolation.distance_matrix(a, b), expected, atol=1e-5)
    a[:, :3] += 1.0
    np.testing.assert_allclose(interpolation.distance_matrix(a, b), expected, atol=1e-5)


def test_equal_poses_are_at_no_distance():
    pose = builtin.make("dance", 0, 3.0).pose
    assert np.diagonal(interpolation.distance_matrix(pose, pose)).max() < 1e-5


def test_the_farthest_pair_is_the_matrix_maximum_across_blocks():
    rng = np.random.default_rng(1)
    a, b = (0.1 * rng.normal(size=(n, 72)) for n in (1300, 40))
    a[1111, 30], b[7, 30] = 1.5, -1.5
    pair = interpolation.farthest_pair(a, b)
    matrix = interpolation.distance_matrix(a, b)
    assert (pair.start, pair.end) == (1111, 7) == np.unravel_index(matrix.argmax(), matrix.shape)
    assert pair.distance == pytest.approx(matrix.max())


def test_frames_follow_from_the_distance_and_ends_are_the_captured_poses():
    a, b = still("a", L_knee=[[0, 0, 0], [0.2, 0, 0]]), still("b", L_knee=[[0.5, 0, 0], [1.25, 0, 0]])
    motion = interpolation.interpolate(a, b, InterpolationSettings(rate=0.25, fps=24.0))
    assert (motion.kind, motion.name, motion.fps) == ("interpolated", "a-0-to-b-1", 24.0)
    np.testing.assert_allclose(motion.pose[:, 3 * joint("L_knee")], np.linspace(0, 1.25, 6), atol=1e-6)
    twice = interpolation.interpolate(a, b, InterpolationSettings(rate=0.125))
    assert len(twice) == 11


def test_linear_goes_straight_in_axis_angle_and_slerp_about_one_axis():
    start, end = np.array([0.0, 0.0, 1.2]), np.array([1.5, 0.0, 0.0])
    a, b = still("a", L_shoulder=[start]), still("b", L_shoulder=[end])
    shoulder = slice(3 * joint("L_shoulder"), 3 * joint("L_shoulder") + 3)
    linear = interpolation.interpolate(a, b).pose[:, shoulder]
    share = np.linspace(0, 1, len(linear))[:, None]
    np.testing.assert_allclose(linear, start + share * (end - start), atol=1e-6)
    slerp = interpolation.interpolate(a, b, InterpolationSettings(method="slerp")).pose[:, shoulder].astype(float)
    rot = rotations.axis_angle_to_matrix(slerp)
    steps = rotations.matrix_to_axis_angle(np.swapaxes(rot[:-1], -1, -2) @ rot[1:])
    np.testing.assert_allclose(steps, np.tile(steps[0], (len(steps), 1)), atol=1e-5)
    np.testing.assert_allclose(slerp[[0, -1]], [start, end], atol=1e-5)


@pytest.mark.parametrize("method", interpolation.METHODS)
def test_half_a_turn_is_no_seam(method):
    """170 degrees and -170 degrees are 20 degrees apart, and the way between leads over 180."""
    a = still("a", L_elbow=[[0, np.radians(170), 0]])
    b = still("b", L_elbow=[[0, np.radians(-170), 0]])
    np.testing.assert_allclose(interpolation.distance_matrix(a.pose, b.pose), np.radians(20), atol=1e-5)
    middle = interpolation.interpolate(a, b, InterpolationSettings(rate=np.radians(5.1), method=method)).pose[2]
    rot = rotations.axis_angle_to_matrix(middle[ELBOW].astype(float))
    np.testing.assert_allclose(rot, np.diag([-1.0, 1.0, -1.0]), atol=1e-4)


def test_alike_motions_and_impossible_settings_are_refused():
    a = still("a", L_knee=[[0.5, 0, 0]])
    with pytest.raises(MotionError, match="all alike"):
        interpolation.interpolate(a, a)
    with pytest.raises(ConfigError, match="rate=0"):
        InterpolationSettings(rate=0.0)
    with pytest.raises(ConfigError, match="'cubic'"):
        InterpolationSettings(method="cubic")
