"""Real motion capture of the CMU database, where it lies beside the repository."""

import pathlib

import numpy as np
import pytest

from model import conventions, rotations
from model.body.numpy_body import forward_kinematics
from model.conventions import joint
from model.errors import MotionError
from synthesis.motion import library, rig, skeletons
from synthesis.motion.bvh import read_bvh
from synthesis.motion.reference import LIMB_ENDS

FOLDER = pathlib.Path(__file__).parents[4] / "shared" / "mocap" / "bvh"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no motion capture files in {FOLDER}")
FILES = sorted(FOLDER.glob("*.bvh"))


@pytest.fixture(scope="module")
def motions():
    return {path.stem: library.load_motion(path) for path in FILES}


def limb_directions(motion):
    """[limbs, T, 3] unit directions on the reference body."""
    rot = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
    _, pos = forward_kinematics(rot, rig.reference().joints)
    bones = np.stack([pos[:, joint(end)] - pos[:, joint(start)] for start, end in LIMB_ENDS.items()])
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def captured_directions(path, frames):
    """[limbs, frames, 3] unit directions in the file, of its last frames."""
    file = read_bvh(path)
    mapped = skeletons.map_joints(file.names, str(path))
    _, pos = file.forward_kinematics()
    bones = np.stack([pos[-frames:, mapped[end]] - pos[-frames:, mapped[start]] for start, end in LIMB_ENDS.items()])
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@needs_files
def test_all_files_map_upright_on_the_floor_and_facing_forward(motions):
    assert len(motions) == len(FILES) > 0
    for name, motion in motions.items():
        rot = rotations.axis_angle_to_matrix(motion.pose[:, :3].astype(np.float64))
        assert np.median(rot[:, 1, 1]) > 0.3, f"{name}: the pelvis is not upright"
        assert 0.3 < np.median(motion.root[:, 1]) < 1.4, f"{name}: the pelvis is not at its height"
        forward = rot[0] @ [0.0, 0.0, 1.0]
        assert abs(forward[0]) < 1e-5 and forward[2] > 0, f"{name}: does not face +z at first"


@needs_files
@pytest.mark.parametrize("name", ["01_01", "07_01_reexported", "10_01", "131_01", "85_04_reexported"])
def test_limb_directions_are_the_captured_ones(motions, name):
    motion = motions[name]
    ours = limb_directions(motion)
    captured = captured_directions(FOLDER / f"{name}.bvh", len(motion))
    # The worlds differ by one rotation (height axis, heading), found from all directions at once.
    world = rotations.nearest_rotation(np.einsum("btx,bty->xy", ours, captured))
    cosine = (ours * (captured @ world.T)).sum(-1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < 0.5


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
def test_bind_pose_at_the_start_is_dropped(motions):
    for name, frames in {"01_01": 1, "07_01_reexported": 1, "02_01": 0, "14_19": 5}.items():
        assert len(read_bvh(FOLDER / f"{name}.bvh").values) - len(motions[name]) == frames


@needs_files
def test_rotations_do_not_jump_where_the_capture_does_not(motions):
    for name in ("02_01", "07_01_reexported", "09_11_reexported", "12_01", "14_19"):
        motion = motions[name]
        rot = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
        steps = np.linalg.norm(rotations.matrix_to_axis_angle(np.swapaxes(rot[:-1], -1, -2) @ rot[1:]), axis=-1)
        assert steps.max() * motion.fps < 40.0, f"{name}: {conventions.JOINTS[steps.max(0).argmax()]} jumps"


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
