"""Ankles moved by bending legs, against what geometry says."""

import numpy as np
import pytest

from model import rotations
from model.body.numpy_body import forward_kinematics
from synthesis.motion import builtin, leg_ik, rig

LEGS = [*rig.HIPS, *rig.KNEES, *rig.ANKLES]


@pytest.fixture(scope="module")
def joints():
    return rig.reference().joints


@pytest.fixture(scope="module")
def squat():
    return builtin.make("squat", 3, 2.0, fps=15.0).pose


def posed(pose, joints):
    return forward_kinematics(rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3)), joints)


def knee_planes(positions):
    hip, knee, ankle = (positions[:, list(which)] for which in (rig.HIPS, rig.KNEES, rig.ANKLES))
    normal = np.cross(knee - hip, ankle - knee)
    return normal, np.linalg.norm(ankle - hip, axis=-1)


def test_bent_legs_reach_their_target_and_nothing_else_moves(joints, squat):
    shift = np.random.default_rng(0).uniform(-0.01, 0.01, (len(squat), 2, 3))
    (rot, before), (turned, after) = (posed(p, joints) for p in (squat, leg_ik.move_ankles(squat, joints, shift)))
    ankles = list(rig.ANKLES)
    _, reach = knee_planes(before)
    bent = reach < 0.9 * rig.reference().leg_length
    assert bent.mean() > 0.3
    np.testing.assert_allclose((after - before)[:, ankles][bent], shift[bent], atol=5e-4)
    np.testing.assert_allclose(turned[:, ankles], rot[:, ankles], atol=1e-5)
    moved = [j for j in range(24) if j not in (*rig.KNEES, *rig.ANKLES, *rig.TOES)]
    np.testing.assert_allclose(after[:, moved], before[:, moved], atol=1e-6)


def test_a_shift_along_the_leg_keeps_the_plane_of_the_knee(joints, squat):
    _, before = posed(squat, joints)
    along = before[:, list(rig.ANKLES)] - before[:, list(rig.HIPS)]
    _, after = posed(leg_ik.move_ankles(squat, joints, -0.1 * along), joints)
    (plane, reach), (turned, shorter) = knee_planes(before), knee_planes(after)
    cosine = (plane * turned).sum(-1) / np.linalg.norm(plane, axis=-1) / np.linalg.norm(turned, axis=-1)
    assert cosine[reach < 0.97 * rig.reference().leg_length].min() > 1.0 - 1e-6
    np.testing.assert_allclose(shorter, 0.9 * reach, rtol=3e-4)


def test_legs_stretch_no_farther_than_they_reach(joints, squat):
    shift = np.broadcast_to([0.0, -5.0, 0.0], (len(squat), 2, 3))
    _, before = posed(squat, joints)
    _, after = posed(leg_ik.move_ankles(squat, joints, shift), joints)
    thigh = np.linalg.norm(joints[list(rig.KNEES)] - joints[list(rig.HIPS)], axis=-1)
    leg = thigh + np.linalg.norm(joints[list(rig.ANKLES)] - joints[list(rig.KNEES)], axis=-1)
    (_, before_reach), (_, reach) = knee_planes(before), knee_planes(after)
    assert (reach < np.maximum(before_reach, leg_ik.MAX_REACH * leg) + 1e-6).all()
    assert (reach > 0.99 * leg).all()
    np.testing.assert_allclose((after - before)[:, list(rig.ANKLES)][..., [0, 2]], 0.0, atol=1e-6)


def test_a_straight_leg_bends_about_the_axis_of_its_knee():
    down, up = np.array([[0.0, -0.4, 0.0]]), np.array([[0.0, 0.08, 0.0]])
    thigh, shank = leg_ik.bend(down, down, np.array([[1.0, 0.0, 0.0]]), up)
    # Two sides of 0.4 m and a base of 0.72 m: the knee is 0.4 sin(acos(0.9)) before the line from hip to ankle.
    forward = 0.4 * np.sin(np.arccos(0.9))
    np.testing.assert_allclose((thigh @ down[0])[0], [0.0, -0.36, forward], atol=1e-3)
    np.testing.assert_allclose((shank @ down[0])[0], [0.0, -0.36, -forward], atol=1e-3)


def test_without_a_shift_a_pose_keeps_its_bytes(joints, squat):
    shift = np.zeros((len(squat), 2, 3))
    assert leg_ik.move_ankles(squat, joints, shift).tobytes() == squat.tobytes()
    shift[3, 0] = 0.0, -0.01, 0.0
    changed = (leg_ik.move_ankles(squat, joints, shift) != squat).reshape(len(squat), -1, 3).any(-1)
    assert set(zip(*np.nonzero(changed), strict=True)) <= {(3, j) for j in (rig.HIPS[0], rig.KNEES[0], rig.ANKLES[0])}
    assert changed.any()
    tiny = np.where(shift != 0, 1e-7, 0.0)
    np.testing.assert_allclose(leg_ik.move_ankles(squat, joints, tiny), squat, atol=1e-4)
