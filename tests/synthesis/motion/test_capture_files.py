"""Real motion capture of the CMU database, where it lies beside the repository."""

import dataclasses
import pathlib

import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody, forward_kinematics
from model.conventions import joint
from model.errors import MotionError
from synthesis.motion import library, placement, quality, repair, retarget, rig, skeletons
from synthesis.motion.asf_amc import read_amc
from synthesis.motion.bvh import read_bvh
from synthesis.motion.reference import LIMB_ENDS

SHARED = pathlib.Path(__file__).parents[4] / "shared" / "mocap"
FOLDER = SHARED / "bvh"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no motion capture files in {FOLDER}")
FILES = [*sorted(FOLDER.glob("*.bvh")), *sorted((SHARED / "asfamc").glob("*.amc"))]
# Read from ASF/AMC, beside the BVH of the same name.
TWIN = "01_01"
# Gender and betas: the mean, 1.47 m, 1.95 m, 142 kg, 55 kg.
SHAPES = {
    "mean": ("neutral", [0.0] * 10),
    "short": ("female", [-2.5, *[0.0] * 9]),
    "tall": ("male", [2.5, *[0.0] * 9]),
    "heavy": ("male", [1.0, 3.0, *[0.0] * 8]),
    "thin": ("neutral", [0.0, -3.0, *[0.0] * 8]),
}
WALKS = ("02_01", "07_01_reexported", "12_01", "131_01")


@pytest.fixture(scope="module")
def motions():
    return {key(path): retarget.to_smpl(read(path), path.stem) for path in FILES}


def key(path):
    return f"{path.stem}.amc" if path.stem == TWIN and path.suffix == ".amc" else path.stem


def read(path):
    return read_bvh(path) if path.suffix == ".bvh" else read_amc(path)


def matrices(motion):
    return rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))


def limb_directions(motion):
    """[limbs, T, 3] unit directions on the reference body."""
    rot = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
    _, pos = forward_kinematics(rot, rig.reference().joints)
    bones = np.stack([pos[:, joint(end)] - pos[:, joint(start)] for start, end in LIMB_ENDS.items()])
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@needs_files
def test_all_files_map_upright_on_the_floor_and_facing_forward(motions):
    assert len(motions) == len(FILES) > 0
    for name, motion in motions.items():
        rot = rotations.axis_angle_to_matrix(motion.pose[:, :3].astype(np.float64))
        assert np.median(rot[:, 1, 1]) > 0.3, f"{name}: the pelvis is not upright"
        assert 0.3 < np.median(motion.root[:, 1]) < 1.4, f"{name}: the pelvis is not at its height"
        forward = rot[0] @ [0.0, 0.0, 1.0]
        assert abs(forward[0]) < 1e-4 and forward[2] > 0, f"{name}: does not face +z at first"


@needs_files
def test_limb_directions_are_the_captured_ones(motions):
    means = []
    for path in FILES:
        skeleton = read(path)
        mapped = skeletons.map_joints(skeleton.names, str(path))
        errors = quality.limb_angle_errors(skeleton, motions[key(path)], mapped)
        means.append(errors.mean())
        # All but the frames in which the capture itself is lost.
        assert np.median(errors) < 0.1, path.name
    assert np.mean(means) < 1.0


@needs_files
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", WALKS)
def test_feet_stand_on_the_floor_and_do_not_slide_more_than_the_captured_ones(motions, name, shape):
    gender, betas = SHAPES[shape]
    body, betas = NumpyBody(load_body(gender)), np.array(betas, np.float32)
    skeleton, motion = read_bvh(FOLDER / f"{name}.bvh"), motions[name]
    mapped = skeletons.map_joints(skeleton.names, name)
    pose, trans = placement.place(motion, body, betas)
    feet = quality.foot_report(skeleton, motion, mapped, body, betas, pose, trans)
    assert np.isfinite(feet.floor).mean() > 0.1
    assert np.nanmax(np.abs(feet.floor)) < 0.03
    assert np.nanmean(feet.skate) < np.nanmean(feet.source_skate) + 0.01
    check_limbs_turned_little(motion, dataclasses.replace(motion, pose=pose))


def check_limbs_turned_little(motion, placed):
    """What puts feet down turns limbs little, and no faster than people turn them."""
    cosine = (limb_directions(motion) * limb_directions(placed)).sum(-1)
    assert np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)).mean()) < 1.0
    before, after = (np.diff(_steps(matrices(m)), axis=0) * m.fps**2 for m in (motion, placed))
    assert np.quantile(np.abs(after), 0.999) < 1.05 * np.quantile(np.abs(before), 0.999)
    assert (_steps(matrices(placed)) - _steps(matrices(motion))).max() * motion.fps < 6.0


@needs_files
def test_the_same_trial_from_bvh_and_from_amc(motions):
    """The two differ by their reference: the BVH's rest is a T-pose, the ASF's legs and arms are spread."""
    bvh, amc = motions[TWIN], motions[f"{TWIN}.amc"]
    assert len(bvh) == len(amc)
    angle = np.linalg.norm(rotations.matrix_to_axis_angle(np.swapaxes(matrices(bvh), -1, -2) @ matrices(amc)), axis=-1)
    assert np.degrees(angle.mean()) < 1.0
    assert np.abs(bvh.root - amc.root).max() < 0.02


@needs_files
def test_no_joint_turns_faster_than_the_captured_one(motions):
    """World rotations step as the file's do, but where the file jumps: there they step as people can."""
    for path in FILES:
        skeleton, motion = read(path), motions[key(path)]
        mapped = skeletons.map_joints(skeleton.names, str(path))
        names = [n for n in mapped if not n.endswith(("_foot", "_ankle"))]
        world, _ = forward_kinematics(matrices(motion), rig.reference().joints)
        ours = world[:, [joint(n) for n in names]]
        skeleton = skeleton.from_frame(len(skeleton) - len(motion))
        watched = {mapped[n] for n in names}
        _, faults = repair.repair(skeleton, watched, retarget.checked_leg(skeleton, mapped))
        faster = _steps(ours) - _steps(skeleton.world_rot[:, [mapped[n] for n in names]])
        local = _steps(matrices(motion)) * motion.fps
        assert local.max() < 1.1 * repair.MAX_JOINT_SPEED, path.name
        assert faults or faster.max() * motion.fps < 6.0, path.name


def _steps(rot):
    """Angles [T - 1, J] between rotations [T, J, 3, 3] of neighbouring frames."""
    return np.linalg.norm(rotations.matrix_to_axis_angle(np.swapaxes(rot[:-1], -1, -2) @ rot[1:]), axis=-1)


@needs_files
def test_knees_and_elbows_bend_the_anatomical_way(motions):
    """The hinge, as the bones show it, is the hinge of the body's own axes, wherever a limb is well bent."""
    for name in ("02_01", "07_01_reexported", "09_11_reexported", "131_01", "135_02_reexported"):
        motion = motions[name]
        rot = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
        world, _ = forward_kinematics(rot, rig.reference().joints)
        directions = dict(zip(LIMB_ENDS, limb_directions(motion), strict=True))
        hinges = (("L_hip", "L_knee", [1, 0, 0]), ("R_hip", "R_knee", [1, 0, 0]))
        hinges += (("L_shoulder", "L_elbow", [0, -1, 0]), ("R_shoulder", "R_elbow", [0, 1, 0]))
        for upper, lower, axis in hinges:
            shown = np.cross(directions[upper], directions[lower])
            bent = np.linalg.norm(shown, axis=1) > 0.5
            if bent.any():
                agreement = (shown[bent] * (world[bent, joint(upper)] @ np.array(axis, float))).sum(1)
                assert np.median(agreement) > 0.35, f"{name}: {lower} bends the wrong way"


@needs_files
def test_feet_point_forward(motions):
    """05_06's file twists a dancer's feet by half a turn; anatomy does not."""
    for name, motion in motions.items():
        world, _ = forward_kinematics(matrices(motion), rig.reference().joints)
        for side in "LR":
            across = world[:, joint(f"{side}_ankle"), :, 0], world[:, joint(f"{side}_knee"), :, 0]
            assert np.median((across[0] * across[1]).sum(1)) > 0.7, f"{name}: {side} foot is twisted"


@needs_files
def test_bind_pose_at_the_start_is_dropped(motions):
    for name, frames in {"01_01": 1, "07_01_reexported": 1, "02_01": 0, "14_19": 5}.items():
        assert len(read_bvh(FOLDER / f"{name}.bvh")) - len(motions[name]) == frames


def test_unknown_skeletons_are_refused_with_the_unmapped_joints():
    names = ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "LeftUpLeg", "LeftLeg", "LeftFoot", "flipper")
    with pytest.raises(MotionError, match=r"could not be mapped: .*R_hip.*R_wrist"):
        skeletons.map_joints(names, "seal.bvh")


def test_shared_prefixes_are_ignored():
    table = (
        "Hips",
        "Spine",
        "Spine1",
        "Neck",
        "LeftUpLeg",
        "LeftLeg",
        "LeftFoot",
        "LeftArm",
        "LeftForeArm",
        "LeftHand",
    )
    names = [f"mixamorig:{n}" for n in (*table, *(n.replace("Left", "Right") for n in table[4:]))]
    mapped = skeletons.map_joints(names, "prefixed.bvh")
    assert set(skeletons.REQUIRED) <= set(mapped)
    assert names[mapped["R_wrist"]] == "mixamorig:RightHand"


def test_folders_without_motions_and_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(MotionError, match="not a folder"):
        library.find_motion_files(tmp_path / "none")
    with pytest.raises(MotionError, match="kinds"):
        library.find_motion_files(tmp_path)
    with pytest.raises(MotionError, match=r"\.bvh"):
        library.load_motion(tmp_path / "walk.mp4")
