"""From a captured skeleton to SMPL's joints: limb directions are kept, sizes are not."""

from __future__ import annotations

import numpy as np

from model import conventions, rotations
from model.conventions import JOINTS, joint
from model.errors import MotionError
from synthesis.motion import reference, rig, skeletons
from synthesis.motion.bvh import BvhFile
from synthesis.motion.frames import shortest_rotation, unit
from synthesis.motion.motion import Motion
from synthesis.motion.reference import Capture

# A bind pose stored as the first frame, and the frames a filter smears it over, end within this time.
_BIND_SECONDS = 0.1
# Such a step is this many leg lengths, and this many times the median step that follows.
_JUMP, _JUMP_RATIO = 0.05, 4.0


def to_smpl(bvh_file: BvhFile, name: str) -> Motion:
    """Maps a BVH motion to SMPL's joints, at the file's own frame rate.

    Upper arms, forearms, thighs and shanks point where the file's do in every frame; their twist, and trunk, head,
    hands and feet, turn as the file's joints turn from their reference (`reference.alignments`). Toes stay straight:
    optical capture sees them by one marker, and their angles are mostly noise. The height axis is found from the data,
    the figure is turned to face +z in its first frame, and a bind pose at the start is dropped.

    Args:
        bvh_file: any skeleton that `skeletons` knows.
        name: the motion's name and kind.

    Raises:
        MotionError: joints cannot be mapped, or bones have no length.
    """
    mapped = skeletons.map_joints(bvh_file.names, bvh_file.path)
    world_rot, world_pos = bvh_file.forward_kinematics()
    rest_pos = bvh_file.rest_positions()
    start = _bind_frames(world_pos, mapped, bvh_file.fps)
    world_rot, world_pos = world_rot[start:], world_pos[start:]
    to_y_up = _height_axis(world_pos, mapped)
    world_pos = world_pos @ to_y_up.T
    capture = Capture(
        rot={key: to_y_up @ world_rot[:, i] for key, i in mapped.items()},
        pos={key: world_pos[:, i] for key, i in mapped.items()},
        rest={key: rest_pos[i] for key, i in mapped.items()},
    )
    leg = _leg_length(capture.pos, bvh_file.path)
    world = _world_rotations(capture)
    floor = np.quantile(world_pos[..., 1].min(1), 0.05)
    root = _pelvis(capture, world[:, 0], leg, floor)

    forward = world[0, 0, :, 2]
    heading = rotations.rotation_about(1, -np.arctan2(forward[0], forward[2]))
    local = heading @ world
    for j, parent in reversed(list(enumerate(conventions.PARENTS))):
        if parent >= 0:
            local[:, j] = np.swapaxes(local[:, parent], -1, -2) @ local[:, j]
    pose = rotations.matrix_to_axis_angle(local).reshape(len(local), -1)
    root = (root - root[0] * [1.0, 0.0, 1.0]) @ heading.T
    return Motion(name, name, pose.astype(np.float32), root.astype(np.float32), bvh_file.fps)


def _leg_length(pos: dict[str, np.ndarray], path: str) -> float:
    """Hip to ankle along thigh and shank, mean of both sides and all frames, in the file's unit."""
    lengths = {
        start: float(np.linalg.norm(pos[end] - pos[start], axis=1).mean()) for start, end in reference.LIMB_ENDS.items()
    }
    if min(lengths.values()) <= 1e-3 * max(lengths.values()):
        shortest = min(lengths, key=lambda start: lengths[start])
        raise MotionError(f"Limbs have a length. Received: {path}, where the bone at {shortest} has none")
    return 0.5 * sum(lengths[f"{s}_{part}"] for s in "LR" for part in ("hip", "knee"))


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
    rest = rig.reference().joints
    alignments = reference.alignments(capture)
    frames = len(capture.pos["pelvis"])
    world = np.empty((frames, conventions.NUM_JOINTS, 3, 3))
    for j, name in enumerate(JOINTS):
        parent = conventions.PARENTS[j]
        world[:, j] = capture.rot[name] @ alignments[name] if name in alignments else world[:, parent]
        if name in reference.LIMB_ENDS:
            # Exact where joints are shifted by position channels or lie off their parents' axes.
            end = reference.LIMB_ENDS[name]
            pointing = world[:, j] @ unit(rest[joint(end)] - rest[j])
            world[:, j] = shortest_rotation(pointing, capture.pos[end] - capture.pos[name]) @ world[:, j]
    return _bend_evenly(world, alignments)


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
