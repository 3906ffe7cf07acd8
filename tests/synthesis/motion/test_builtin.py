"""Built-in motions: repeatable, varied, within what bodies can do."""

import numpy as np
import pytest

from model import rotations
from model.body.numpy_body import forward_kinematics
from model.conventions import JOINTS, joint
from model.errors import MotionError
from synthesis.motion import builtin, rig
from synthesis.motion.builtin import curves

SEEDS = range(5)


def matrices(motion):
    return rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))


def figure(motion):
    """World rotations and positions of the reference body's joints, metres over the floor."""
    measures = rig.reference()
    world, pos = forward_kinematics(matrices(motion), measures.joints)
    return world, pos - pos[:, :1] + motion.root[:, None] * measures.leg_length


@pytest.fixture(scope="module")
def motions():
    return {kind: [builtin.make(kind, seed, 3.0) for seed in SEEDS] for kind in builtin.KINDS}


def test_there_are_a_dozen_kinds():
    wanted = {"walk", "run", "jump", "squat", "wave", "punch", "kick", "turn", "sit", "bend", "reach", "dance"}
    assert wanted <= set(builtin.KINDS)


def test_same_seed_same_motion_and_other_seed_another(motions):
    for kind, made in motions.items():
        again = builtin.make(kind, 1, 3.0)
        assert again.name == f"{kind}-1" and again.kind == kind
        np.testing.assert_array_equal(again.pose, made[1].pose)
        np.testing.assert_array_equal(again.root, made[1].root)
        for other in made[2:]:
            assert np.abs(made[1].pose - other.pose).max() > 0.2, f"seeds of {kind} hardly differ"


def test_a_longer_motion_begins_like_the_shorter_one():
    for kind in ("walk", "squat", "wave"):
        long, short = builtin.make(kind, 3, 4.0), builtin.make(kind, 3, 2.0)
        np.testing.assert_allclose(long.pose[:50], short.pose[:50], atol=1e-4)


def test_frame_rate_changes_the_sampling_only():
    slow, fast = builtin.make("dance", 2, 2.0, fps=30.0), builtin.make("dance", 2, 2.0, fps=60.0)
    assert (len(slow), len(fast)) == (60, 120)
    difference = np.swapaxes(matrices(slow), -1, -2)[:55] @ matrices(fast)[::2][:55]
    assert np.linalg.norm(rotations.matrix_to_axis_angle(difference), axis=-1).max() < 0.08


def test_kinds_have_poses_of_their_own(motions):
    """Each kind somewhere takes a pose that no other kind comes near."""
    poses = {kind: np.concatenate([m.pose[::10, 3:] for m in made]) for kind, made in motions.items()}
    for kind, own in poses.items():
        others = np.concatenate([p for k, p in poses.items() if k != kind])
        nearest = np.linalg.norm(own[:, None] - others[None], axis=-1).min(1)
        assert nearest.max() > 0.6, f"{kind} looks like the other kinds"


def test_motions_face_forward_within_thirty_degrees(motions):
    for kind in set(builtin.KINDS) - {"turn"}:
        for motion in motions[kind]:
            feet = figure(motion)[0][0, [joint("L_ankle"), joint("R_ankle")]]
            forward = feet.mean(0) @ [0.0, 0.0, 1.0]
            assert abs(np.degrees(np.arctan2(forward[0], forward[2]))) < 50, motion.name
    headings = [np.arctan2(*matrices(m)[:, 0, [0, 2], 2].mean(0)) for m in motions["walk"]]
    assert np.ptp(headings) > np.radians(10)
    assert np.abs(headings).max() < np.radians(32)


def test_walking_goes_where_it_faces(motions):
    for motion in motions["walk"] + motions["run"]:
        forward = matrices(motion)[:, 0, :, 2].mean(0)
        way = motion.root[-1] - motion.root[0]
        assert way @ forward > 0.95 * np.linalg.norm(way), motion.name
        assert 0.7 < np.linalg.norm(way) * rig.reference().leg_length / motion.seconds < 5.0, motion.name


def test_joints_turn_no_faster_than_people_do(motions):
    for made in motions.values():
        for motion in made:
            rot = matrices(motion)
            steps = rotations.matrix_to_axis_angle(np.swapaxes(rot[:-1], -1, -2) @ rot[1:])
            speed = np.linalg.norm(steps, axis=-1).max(0) * motion.fps
            assert speed.max() < 25.0, f"{motion.name}: {JOINTS[speed.argmax()]} turns at {speed.max():.0f} rad/s"


def test_knees_and_elbows_bend_one_way(motions):
    for made in motions.values():
        for motion in made:
            world, pos = figure(motion)
            for s, sign in (("L", 1.0), ("R", -1.0)):
                for a, b, c, axis in (
                    ("hip", "knee", "ankle", [1.0, 0.0, 0.0]),
                    ("shoulder", "elbow", "wrist", [0.0, -sign, 0.0]),
                ):
                    upper = pos[:, joint(f"{s}_{b}")] - pos[:, joint(f"{s}_{a}")]
                    lower = pos[:, joint(f"{s}_{c}")] - pos[:, joint(f"{s}_{b}")]
                    hinge = world[:, joint(f"{s}_{a}")] @ np.array(axis)
                    scale = np.linalg.norm(upper, axis=1) * np.linalg.norm(lower, axis=1)
                    flexion = (np.cross(upper, lower) * hinge).sum(1) / scale
                    # The reference body's own limbs are bent by a few degrees at rest.
                    assert flexion.min() > -0.2, f"{motion.name}: {s}_{b} is bent backwards"


def test_standing_feet_do_not_slide(motions):
    """While a ball of a foot is down for two frames it stays where it is; rolling off it may turn it a little."""
    for kind in builtin.KINDS:
        for motion in motions[kind]:
            balls = figure(motion)[1][:, [joint("L_foot"), joint("R_foot")]]
            height = balls[..., 1] - balls[..., 1].min()
            standing = (height[1:] < 0.01) & (height[:-1] < 0.01)
            speed = np.linalg.norm(np.diff(balls[..., [0, 2]], axis=0), axis=-1) * motion.fps
            assert standing.any(), f"{motion.name} never stands"
            assert np.quantile(speed[standing], 0.9) < 0.22, f"{motion.name} slides"


def test_kicking_legs_stretch(motions):
    for motion in (builtin.make("kick", seed, 4.0) for seed in range(8)):
        pos = figure(motion)[1]
        leg = rig.reference().leg_length
        for_legs = [pos[:, joint(f"{s}_ankle")] - pos[:, joint(f"{s}_hip")] for s in "LR"]
        high = [way[way[:, 1] > -0.6 * leg] for way in for_legs]
        assert max(np.linalg.norm(way, axis=1).max(initial=0) for way in high) > 0.88 * leg, motion.name


def test_figures_are_at_rest_where_motions_begin_and_end_a_cycle():
    """Eased curves start and stop softly: from key to key, at both ends too."""
    t = np.linspace(-0.5, 1.5, 2001)
    speed = np.gradient(curves.eased(t, (0.0, 0.3, 1.0), (0.0, 1.0, 3.0)), t)
    assert np.abs(speed[(t < 0.002) | (t > 0.998)]).max() < 0.1
    assert speed[(t > 0.1) & (t < 0.9)].min() > 0.5


def test_unknown_kinds_and_empty_durations_are_refused():
    with pytest.raises(MotionError, match="Received: 'moonwalk'"):
        builtin.make("moonwalk", 0, 1.0)
    with pytest.raises(MotionError, match="positive seconds"):
        builtin.make("walk", 0, 0.0)
