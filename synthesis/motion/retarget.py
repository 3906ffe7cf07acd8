"""From a captured skeleton to SMPL's joints: limb directions are kept, sizes are not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model import conventions, rotations
from model.body.numpy_body import forward_kinematics
from model.conventions import JOINTS, joint
from model.errors import MotionError
from synthesis.motion import reference, rig, skeletons
from synthesis.motion.footing import kept_path
from synthesis.motion.frames import shortest_rotation, unit
from synthesis.motion.motion import Motion
from synthesis.motion.reference import Capture
from synthesis.motion.repair import repair
from synthesis.motion.skeleton import SkeletonMotion, check_leg

# A bind pose stored as the first frame, and the frames a filter smears it over, end within this time.
_BIND_SECONDS = 0.1
# Such a step is this many leg lengths, and this many times the median step that follows.
_JUMP, _JUMP_RATIO = 0.05, 4.0
# Shoulder to wrist, and hips to neck, over hip to ankle: adults have 0.6 to 0.75 and 0.5 to 0.7.
_ARM_TO_LEG, _TRUNK_TO_LEG = (0.4, 1.1), (0.35, 1.1)


def to_smpl(skeleton: SkeletonMotion, name: str, mapping: Mapping[str, str] | None = None) -> Motion:
    """Maps a captured motion to SMPL's joints, at the file's own frame rate.

    Upper arms, forearms, thighs and shanks point where the file's do in every frame; their twist, and trunk, head,
    hands and feet, turn as the file's joints turn from their reference (`reference.alignments`). Toes stay straight:
    optical capture sees them by one marker, and their angles are mostly noise. The height axis is found from the data,
    the figure is turned to face +z in its first frame, a bind pose at the start is dropped, and short jumps that nobody
    can make are interpolated over (`repair.repair`).

    Args:
        skeleton: from any reader, with names that `skeletons` knows or that `mapping` holds.
        name: the motion's name and kind.
        mapping: SMPL joint names -> names in the file (`skeletons.read_mapping`); None looks the names up.

    Raises:
        MotionError: joints cannot be mapped, bones have no length or not a person's proportions, the file's unit makes
            a leg of no plausible length, or the motion is impossible throughout.
    """
    mapped = skeletons.map_joints(skeleton.names, skeleton.path, mapping)
    skeleton = skeleton.from_frame(_bind_frames(skeleton.world_pos, mapped, skeleton.fps))
    leg = checked_leg(skeleton, mapped)
    skeleton, _ = repair(skeleton, _watched(skeleton.parents, mapped), leg)
    skeleton = skeleton.turned(_height_axis(skeleton.world_pos, mapped))
    capture = Capture(
        rot={key: skeleton.world_rot[:, i] for key, i in mapped.items()},
        pos={key: skeleton.world_pos[:, i] for key, i in mapped.items()},
        rest={key: skeleton.rest[i] for key, i in mapped.items()},
    )
    world = _world_rotations(capture)
    floor = np.quantile(skeleton.world_pos[..., 1].min(1), 0.05)
    root = _pelvis(capture, world[:, 0], leg, floor)

    forward = world[0, 0, :, 2]
    heading = rotations.rotation_about(1, -np.arctan2(forward[0], forward[2]))
    local = heading @ world
    for j, parent in reversed(list(enumerate(conventions.PARENTS))):
        if parent >= 0:
            local[:, j] = np.swapaxes(local[:, parent], -1, -2) @ local[:, j]
    pose = rotations.matrix_to_axis_angle(local).reshape(len(local), -1)
    root = (root - root[0] * [1.0, 0.0, 1.0]) @ heading.T
    root += _kept_steps(capture, heading / leg, pose, root, skeleton.fps)
    return Motion(name, name, pose.astype(np.float32), root.astype(np.float32), skeleton.fps)


def _kept_steps(capture: Capture, to_motion: np.ndarray, pose: np.ndarray, root: np.ndarray, fps: float) -> np.ndarray:
    """Shift of the root [T, 3] with which the reference body's feet stand as the captured ones, in leg lengths."""
    names = [f"{side}_foot" if f"{side}_foot" in capture.pos else f"{side}_ankle" for side in "LR"]
    captured = np.stack([capture.pos[name] for name in names], 1) @ to_motion.T
    measures = rig.reference()
    _, pos = forward_kinematics(rotations.axis_angle_to_matrix(pose.reshape(len(pose), -1, 3)), measures.joints)
    feet = root[:, None] + (pos[:, [joint(name) for name in names]] - pos[:, :1]) / measures.leg_length
    return kept_path(captured, feet, fps)


def _watched(parents: tuple[int, ...], mapped: dict[str, int]) -> set[int]:
    """Joints whose rotation counts: all mapped ones but the toes, and their ancestors."""
    found: set[int] = set()
    for name, index in mapped.items():
        while index >= 0 and not name.endswith("_foot"):
            found.add(index)
            index = parents[index]
    return found


def checked_leg(skeleton: SkeletonMotion, mapped: dict[str, int]) -> float:
    """Hip to ankle along thigh and shank, mean of both sides and all frames, in the file's unit.

    Where the format states its unit, the length itself is checked. BVH states none: there only proportions can be.

    Raises:
        MotionError: these are not a person's bones.
    """
    at = {key: skeleton.world_pos[:, i] for key, i in mapped.items()}
    length = {
        start: float(np.linalg.norm(at[end] - at[start], axis=1).mean()) for start, end in reference.LIMB_ENDS.items()
    }
    if min(length.values()) <= 1e-3 * max(length.values()):
        shortest = min(length, key=lambda start: length[start])
        raise MotionError(f"Limbs have a length. Received: {skeleton.path}, where the bone at {shortest} has none")
    leg, arm = (
        0.5 * sum(length[f"{side}_{part}"] for side in "LR" for part in parts)
        for parts in (("hip", "knee"), ("shoulder", "elbow"))
    )
    trunk = float(np.linalg.norm(at["neck"] - 0.5 * (at["L_hip"] + at["R_hip"]), axis=1).mean())
    for part, ratio, (low, high) in (("arms", arm / leg, _ARM_TO_LEG), ("a trunk", trunk / leg, _TRUNK_TO_LEG)):
        if not low <= ratio <= high:
            raise MotionError(
                f"A person's proportions are needed, {part} of {low} to {high} leg lengths: are the joints mapped "
                f"right? Received: {ratio:.2f} in {skeleton.path}"
            )
    if skeleton.metres is not None:
        check_leg(leg * skeleton.metres, skeleton.path)
    return leg


def _bind_frames(world_pos: np.ndarray, mapped: dict[str, int], fps: float) -> int:
    """How many frames at the start belong to a bind pose that the motion jumps away from."""
    body = world_pos[:, list(mapped.values())] - world_pos[:, mapped["pelvis"], None]
    leg = np.linalg.norm(body[0, list(mapped).index("L_ankle")] - body[0, list(mapped).index("L_hip")])
    steps = np.linalg.norm(np.diff(body, axis=0), axis=2).max(1) / max(leg, 1e-9)
    window = max(int(_BIND_SECONDS * fps), 2)
    if len(steps) <= 2 * window:
        return 0
    usual = np.median(steps[window : 4 * window])
    jumps = np.flatnonzero((steps[:window] > _JUMP) & (steps[:window] > _JUMP_RATIO * usual))
    return int(jumps[-1]) + 1 if len(jumps) else 0


def _height_axis(world_pos: np.ndarray, mapped: dict[str, int]) -> np.ndarray:
    """Rotation [3, 3] of the file's world into one with y up: y or z, whichever parts ankles from neck on average."""
    ankles = 0.5 * (world_pos[:, mapped["L_ankle"]] + world_pos[:, mapped["R_ankle"]])
    upright = unit(world_pos[:, mapped["neck"]] - ankles).mean(0)
    return rotations.rotation_about(0, -np.pi / 2 if upright[2] > upright[1] else 0.0)


def _world_rotations(capture: Capture) -> np.ndarray:
    """SMPL's world rotations [T, 24, 3, 3], y up."""
    alignments = reference.alignments(capture)
    frames = len(capture.pos["pelvis"])
    world = np.empty((frames, conventions.NUM_JOINTS, 3, 3))
    for j, name in enumerate(JOINTS):
        parent = conventions.PARENTS[j]
        world[:, j] = capture.rot[name] @ alignments[name] if name in alignments else world[:, parent]
        if name in reference.LIMB_ENDS:
            # Exact where joints are shifted by position channels or lie off their parents' axes.
            _point(world[:, j], capture, name, reference.LIMB_ENDS[name])
        elif name.endswith("_ankle") and name not in alignments:
            _point(world[:, j], capture, name, name.replace("ankle", "foot"))
    return _bend_evenly(world, alignments)


def _point(world: np.ndarray, capture: Capture, start: str, end: str) -> None:
    """Turns a joint's rotations [T, 3, 3], in place, the shortest way until its bone points as the captured one."""
    rest = rig.reference().joints
    pointing = world @ unit(rest[joint(end)] - rest[joint(start)])
    world[:] = shortest_rotation(pointing, capture.pos[end] - capture.pos[start]) @ world


def _bend_evenly(world: np.ndarray, alignments: dict[str, np.ndarray]) -> np.ndarray:
    """Spreads the bend between pelvis and chest over the spine joints that the file does not have."""
    below = 0
    for above in rig.SPINE:
        if JOINTS[above] not in alignments:
            continue
        missing = [j for j in rig.SPINE if below < j < above]
        bend = rotations.matrix_to_axis_angle(np.swapaxes(world[:, below], -1, -2) @ world[:, above])
        for number, j in enumerate(missing, start=1):
            share = rotations.axis_angle_to_matrix(bend * (number / (len(missing) + 1)))
            world[:, j] = world[:, below] @ share
        below = above
    return world


def _pelvis(capture: Capture, pelvis_rot: np.ndarray, leg: float, floor: float) -> np.ndarray:
    """Pelvis positions [T, 3] in leg lengths, y over the floor.

    Skeletons differ in where they put the root; the middle of the hips is the same point in all of them.
    """
    measures = rig.reference()
    hips = 0.5 * (capture.pos["L_hip"] + capture.pos["R_hip"]) - [0.0, floor, 0.0]
    to_pelvis = measures.joints[0] - measures.joints[list(rig.HIPS)].mean(0)
    return hips / leg + pelvis_rot @ to_pelvis / measures.leg_length
