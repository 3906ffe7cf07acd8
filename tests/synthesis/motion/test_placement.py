"""Bodies on the floor, and the way into the first pose."""

import dataclasses

import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.motion import builtin, lead_in, placement, rig

HEAVY = np.array([1.5, -1.0, 0.5, 0, 0, 0, 0, 0, 0, 0], np.float32)


@pytest.fixture(scope="module")
def body():
    return NumpyBody(load_body("female"))


@pytest.mark.parametrize("kind", sorted(set(builtin.KINDS) - {"jump", "run"}))
def test_grounded_motions_touch_the_floor_in_every_frame(body, kind):
    motion = builtin.make(kind, 7, 2.0, fps=10.0)
    pose, trans = placement.place(motion, body, HEAVY)
    vertices, _ = body(pose, HEAVY, trans)
    assert np.abs(vertices[..., 1].min(1)).max() < 0.01


def test_jumps_leave_the_floor_and_come_back(body):
    motion = builtin.make("jump", 0, 3.0)
    pose, trans = placement.place(motion, body, HEAVY)
    lowest = trans[:, 1] + placement.lowest_points(pose, body, HEAVY)
    assert lowest.min() > -5e-3
    assert 0.08 < lowest.max() < 0.6
    assert (lowest < 1e-3).mean() > 0.5


def test_the_way_is_scaled_by_the_legs_and_starts_at_the_rest_pose(body):
    motion = builtin.make("walk", 0, 2.0)
    _, trans = placement.place(motion, body, HEAVY)
    measures = rig.measure(body, HEAVY)
    np.testing.assert_allclose(trans[0, [0, 2]], 0.0, atol=1e-6)
    way = (motion.root[-1] - motion.root[0]) * measures.leg_length
    # Steps of other hips and feet differ a little from the legs' share.
    assert np.linalg.norm(trans[-1, [0, 2]] - way[[0, 2]]) < 0.05 * np.linalg.norm(way)
    neutral, mean = NumpyBody(load_body("neutral")), np.zeros(10, np.float32)
    way = (motion.root[-1] - motion.root[0]) * rig.reference().leg_length
    _, trans = placement.place(motion, neutral, mean)
    np.testing.assert_allclose(trans[-1, [0, 2]], way[[0, 2]], atol=1e-4)


def test_a_standing_foot_that_floats_is_put_down_and_a_lifted_one_is_not():
    """One knee bent a little more than the other lifts a foot by centimetres; bent a lot, it is a raised leg."""
    body, betas, fps = NumpyBody(load_body("neutral")), np.zeros(10, np.float32), 30.0
    for bend, stands in ((0.35, True), (1.2, False)):
        motion = builtin.make("wave", 0, 1.0, fps)
        pose = motion.pose.copy()
        # Hip, knee and ankle of the left leg, which keep the foot level.
        for j, share in zip((rig.HIPS[0], rig.KNEES[0], rig.ANKLES[0]), (-0.5, 1.0, -0.5), strict=True):
            pose[:, 3 * j] += share * bend
        motion = dataclasses.replace(motion, pose=pose)
        placed, trans = placement.place(motion, body, betas)
        left, right = placement.foot_vertices(body)
        before, after = (body(p, betas, trans)[0][..., 1] for p in (pose, placed))
        np.testing.assert_allclose(after[:, right].min(1), 0.0, atol=2e-3)
        if stands:
            assert before[:, left].min() > 0.01
            assert after[:, left].min(1).max() < 0.4 * before[:, left].min(1).min()
        else:
            assert placed.tobytes() == pose.tobytes()


def test_a_throw_is_flight_and_a_lifted_outline_is_not():
    """Free fall is kept whole; the same rise of the lowest point under a level pelvis is none."""
    fps, air = 60.0, 0.5
    t = np.arange(90) / fps - 0.5
    arc = np.where((t > 0) & (t < air), 0.5 * 9.81 * t * (air - t), 0.0)
    flight = placement.flight_height(arc + 0.02, 0.9 + arc, fps)
    np.testing.assert_allclose(flight[arc > 0.03], arc[arc > 0.03], atol=1e-9)
    assert (flight[arc == 0.0] == 0.0).all()
    assert (placement.flight_height(arc, np.full(90, 0.9), fps) == 0.0).all()


def test_lead_in_goes_from_the_t_pose_to_the_first_pose():
    motion = builtin.make("kick", 1, 1.0)
    trans = np.cumsum(np.full((len(motion), 3), 0.01), axis=0)
    pose, moved, frames = lead_in.with_lead_in(motion.pose, trans, motion.fps)
    assert len(pose) == len(moved) == len(motion) + frames
    assert frames >= motion.fps
    assert (pose[0] == 0).all()
    np.testing.assert_array_equal(pose[frames:], motion.pose)
    np.testing.assert_array_equal(moved[frames:], trans)


def test_lead_in_arrives_at_the_motions_first_speed():
    motion = builtin.make("kick", 1, 1.0)
    trans = np.cumsum(np.full((len(motion), 3), 0.1), axis=0)
    pose, moved, frames = lead_in.with_lead_in(motion.pose, trans, motion.fps)
    steps = np.diff(moved[: frames + 1], axis=0)
    np.testing.assert_allclose(steps[-1], 0.1, rtol=0.05)
    assert np.abs(steps[0]).max() < 0.004
    # From rest to full speed without a jump: a constant acceleration.
    assert np.abs(np.diff(steps, axis=0)).max() < 1.1 * 0.1 / frames
    turns = np.diff(pose[frames - 2 : frames + 2], axis=0)
    assert np.abs(turns[1] - turns[2]).max() < 0.25 * np.abs(turns[2]).max() + 1e-3


@pytest.mark.parametrize("angle", [1.0, 3.0, 2 * np.pi - 0.5])
def test_lead_in_speed_is_bounded_and_takes_the_short_way(angle):
    first = np.zeros((1, 72))
    first[0, 1], first[0, 50] = angle, 1.2
    pose, _, frames = lead_in.with_lead_in(first, np.zeros((1, 3)), 30.0, seconds=0.2)
    rot = rotations.axis_angle_to_matrix(pose.reshape(len(pose), -1, 3))
    steps = rotations.matrix_to_axis_angle(np.swapaxes(rot[:-1], -1, -2) @ rot[1:])
    assert np.linalg.norm(steps, axis=-1).max() * 30.0 <= lead_in.MAX_JOINT_SPEED * 1.001
    assert np.linalg.norm(pose[:frames].reshape(frames, -1, 3), axis=-1).max() <= np.pi
