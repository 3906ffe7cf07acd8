"""A captured skeleton onto SMPL's joints: one made of SMPL's own joints comes back, and what cannot be mapped."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import conventions, rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody, forward_kinematics
from model.conventions import JOINTS, joint
from model.errors import MotionError
from synthesis.motion import builtin, footing, placement, quality, repair, retarget, rig, skeletons
from synthesis.motion.skeleton import SkeletonMotion

OWN = {name: f"bone {name}" for name in JOINTS}


def captured(motion, scale=100.0, metres=None):
    """A built-in motion of the reference body, as a file with another unit and names of its own would hold it."""
    measures = rig.reference()
    local = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
    rot, pos = forward_kinematics(local, measures.joints)
    pos = pos - pos[:, :1] + motion.root[:, None] * measures.leg_length
    rest = measures.joints * scale
    return SkeletonMotion(
        "own.xyz", tuple(OWN.values()), conventions.PARENTS, rest, rot, pos * scale, motion.fps, metres
    )


def matrices(motion):
    return rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))


@pytest.fixture(scope="module")
def walk():
    return builtin.make("walk", 0, 3.0, fps=60.0)


@pytest.mark.parametrize("metres", [None, 0.01])
def test_smpls_own_joints_come_back(walk, metres):
    source = captured(walk, metres=metres)
    motion = retarget.to_smpl(source, "walk", OWN)
    heading = matrices(motion)[0, 0] @ matrices(walk)[0, 0].T
    np.testing.assert_allclose(heading[1], [0, 1, 0], atol=1e-3)
    wanted = matrices(walk)
    wanted[:, 0] = heading @ wanted[:, 0]
    angle = np.linalg.norm(rotations.matrix_to_axis_angle(np.swapaxes(matrices(motion), -1, -2) @ wanted), axis=-1)
    # The sole is estimated, and toes stay straight.
    loose = [joint(f"{side}_{part}") for side in "LR" for part in ("ankle", "foot", "wrist", "hand")]
    assert np.degrees(np.delete(angle, loose, 1).max()) < 0.5
    assert np.degrees(angle[:, loose].mean()) < 8.0
    assert quality.limb_angle_errors(source, motion, skeletons.map_joints(source.names, "", OWN)).max() < 0.1
    way = (walk.root - walk.root[0] * [1, 0, 1]) @ heading.T
    assert np.abs(motion.root - way)[:, [0, 2]].max() < 0.02


def test_z_up_files_are_turned(walk):
    source = captured(walk)
    up = source.turned(rotations.rotation_about(0, np.pi / 2))
    a, b = (retarget.to_smpl(file, "walk", OWN) for file in (source, up))
    np.testing.assert_allclose(a.pose, b.pose, atol=1e-5)
    np.testing.assert_allclose(a.root, b.root, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1000.0))
def test_neither_the_unit_nor_the_place_nor_the_heading_of_a_file_matters(walk, seed, scale):
    rng = np.random.default_rng(seed)
    source = captured(walk)
    moved = source.turned(rotations.rotation_about(1, rng.uniform(-3.0, 3.0)))
    moved = dataclasses.replace(
        moved, rest=scale * moved.rest, world_pos=scale * (moved.world_pos + 100 * rng.normal(size=3))
    )
    a, b = (retarget.to_smpl(file, "walk", OWN) for file in (source, moved))
    np.testing.assert_allclose(a.pose, b.pose, atol=1e-4)
    np.testing.assert_allclose(a.root, b.root, atol=1e-3)


def test_impossible_units_proportions_and_lengths_are_refused(walk):
    source = captured(walk)
    with pytest.raises(MotionError, match=r"is the unit right.*own\.xyz"):
        retarget.to_smpl(dataclasses.replace(source, metres=0.0254), "walk", OWN)
    with pytest.raises(MotionError, match="a trunk of"):
        retarget.to_smpl(source, "walk", OWN | {"neck": OWN["spine1"], "spine1": OWN["neck"]})
    with pytest.raises(MotionError, match="frame rate right"):
        retarget.to_smpl(dataclasses.replace(source, fps=60_000.0), "walk", OWN)
    flat = dataclasses.replace(source, world_pos=np.zeros_like(source.world_pos))
    with pytest.raises(MotionError, match="Limbs have a length"):
        retarget.to_smpl(flat, "walk", OWN)
    with pytest.raises(MotionError, match="at least one frame"):
        source.from_frame(len(source))
    broken = source.world_pos.copy()
    broken[7, 3] = np.nan
    with pytest.raises(MotionError, match=r"frame 7 of own\.xyz"):
        dataclasses.replace(source, world_pos=broken)


def test_single_frames_are_motions_too(walk):
    assert len(retarget.to_smpl(captured(walk.window(0, 1)), "still", OWN)) == 1


def test_a_flip_of_a_joint_is_bridged_and_a_joint_that_flips_on_is_left(walk):
    source = captured(walk)
    elbow, wrist = joint("L_elbow"), joint("L_wrist")

    def flipped(first, last):
        rot = source.world_rot.copy()
        rot[first : last + 1, [elbow, wrist]] = rot[first : last + 1, [elbow, wrist]] @ np.diag([1.0, -1.0, -1.0])
        return dataclasses.replace(source, world_rot=rot)

    sound, found = repair.repair(source, {elbow}, 80.0)
    assert sound is source and not found
    fixed, (fault,) = repair.repair(flipped(60, 65), {elbow}, 80.0)
    assert fault.repaired and fault.start <= 60 and fault.stop >= 66
    np.testing.assert_allclose(fixed.world_rot[: fault.start], source.world_rot[: fault.start], atol=1e-9)
    turn = np.swapaxes(fixed.world_rot[:, elbow], -1, -2) @ source.world_rot[:, elbow]
    assert np.linalg.norm(rotations.matrix_to_axis_angle(turn), axis=-1).max() < 0.3
    np.testing.assert_allclose(np.linalg.norm(fixed.local_offsets(), axis=-1)[:, 1:].std(0), 0.0, atol=1e-6)
    rot = source.world_rot.copy()
    rot[30:130:9, elbow] = rot[30:130:9, elbow] @ np.diag([1.0, -1.0, -1.0])
    left, (fault,) = repair.repair(dataclasses.replace(source, world_rot=rot), {elbow}, 80.0)
    assert not fault.repaired and fault.stop - fault.start > 100
    np.testing.assert_array_equal(left.world_rot, rot)
    rot = source.world_rot.copy()
    rot[30:120:2, elbow] = rot[30:120:2, elbow] @ np.diag([1.0, -1.0, -1.0])
    lost = dataclasses.replace(source, world_rot=rot, fps=30.0)
    with pytest.raises(MotionError, match="frame rate right"):
        repair.repair(lost, {elbow}, 80.0)


def test_standing_feet_of_other_legs_keep_their_place():
    """A body whose feet reach 1.2 times as far, walking in place of another: the standing foot must not slide."""
    fps, t = 100.0, np.arange(200) / 100.0
    stance = np.floor(t / 0.5) % 2 == 0
    wanted = np.zeros((200, 2, 3))
    for foot, stands in enumerate((stance, ~stance)):
        step = np.where(stands, 0.0, 2.0) / fps
        wanted[:, foot, 2] = np.cumsum(step)
        wanted[:, foot, 1] = np.where(stands, 0.0, 0.2)
    root = np.stack([0 * t, 0 * t, 1.0 * t], 1)
    feet = root[:, None] + 1.2 * (wanted - root[:, None])
    feet += footing.kept_path(wanted, feet, fps)[:, None]
    for foot, stands in enumerate((stance, ~stance)):
        inside = stands[1:-1] & stands[:-2] & stands[2:]
        speed = np.abs(np.diff(feet[1:, foot, 2])) * fps
        assert np.median(speed[inside]) < 0.01


@pytest.mark.parametrize("kind", ["walk", "squat"])
def test_one_motion_on_many_bodies_stays_on_the_floor(kind):
    motion = builtin.make(kind, 2, 2.0, fps=30.0)
    rng = np.random.default_rng(0)
    for gender in ("female", "male"):
        body = NumpyBody(load_body(gender))
        for _ in range(2):
            betas = rng.uniform(-2.0, 2.0, 10).astype(np.float32)
            pose, trans = placement.place(motion, body, betas)
            vertices, _ = body(pose, betas, trans)
            assert np.abs(vertices[..., 1].min(1)).max() < 0.01


def test_mappings_are_read_and_checked(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(OWN))
    assert skeletons.read_mapping(path) == OWN
    names = [*OWN.values(), "tail"]
    assert skeletons.map_joints(names, "own.xyz", OWN) == {name: i for i, name in enumerate(JOINTS)}
    with pytest.raises(MotionError, match=r"R_wrist: bone R_wrist.*own\.xyz"):
        skeletons.map_joints([name for name in names if name != "bone R_wrist"], "own.xyz", OWN)
    for content, message in (
        (json.dumps(OWN | {"tail": "tail"}), "Received: tail"),
        (json.dumps({k: v for k, v in OWN.items() if k != "neck"}), "without neck"),
        (json.dumps(OWN | {"L_wrist": OWN["R_wrist"]}), "bone R_wrist twice"),
        (json.dumps([1]), "one JSON object"),
        (json.dumps(OWN | {"neck": 3}), "one JSON object"),
        ("{", "readable JSON"),
    ):
        path.write_text(content)
        with pytest.raises(MotionError, match=message):
            skeletons.read_mapping(path)
