"""Ankles moved a little, and legs bent to follow: analytic two-bone inverse kinematics on a posed body."""

from __future__ import annotations

import numpy as np

from model import rotations
from synthesis.motion import rig
from synthesis.motion.frames import shortest_rotation, unit

# Share of a leg's length that an ankle is moved to at most: near the last of it knees snap.
MAX_REACH = 0.995
_MIN_REACH = 0.3
# Sine of a knee's angle below which the knee's own axis helps to find the plane in which a straight leg bends.
_STRAIGHT = 0.15
_PELVIS = 0


def move_ankles(pose: np.ndarray, joints: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Moves ankles by turning hips and bending knees; the rest keeps its place, feet their world rotation.

    An ankle that is wanted near MAX_REACH or beyond stops on the straight way there. Legs without shift keep their very
    bytes.

    Args:
        pose: [T, 72] axis-angle.
        joints: [24, 3] the body's rest joints, metres.
        shift: [T, 2, 3] how far the left and the right ankle are to move, metres, world.

    Returns:
        [T, 72], of the type of `pose`.
    """
    moved = pose.reshape(len(pose), -1, 3).copy()
    for side in range(2):
        frames = np.flatnonzero(shift[:, side].any(-1))
        chain = [rig.HIPS[side], rig.KNEES[side], rig.ANKLES[side]]
        local = rotations.axis_angle_to_matrix(moved[frames][:, [_PELVIS, *chain]].astype(np.float64))
        pelvis, hip, knee, ankle = np.moveaxis(local, 1, 0)
        thigh_rot = pelvis @ hip
        shank_rot = thigh_rot @ knee
        foot_rot = shank_rot @ ankle
        thigh = thigh_rot @ (joints[chain[1]] - joints[chain[0]])
        shank = shank_rot @ (joints[chain[2]] - joints[chain[1]])
        # Knees bend about the lateral axis x.
        thigh_turn, shank_turn = bend(thigh, shank, thigh_rot[:, :, 0], shift[frames, side])
        thigh_rot, shank_rot = thigh_turn @ thigh_rot, shank_turn @ shank_rot
        turned = [_inverse(pelvis) @ thigh_rot, _inverse(thigh_rot) @ shank_rot, _inverse(shank_rot) @ foot_rot]
        moved[frames[:, None], chain] = rotations.matrix_to_axis_angle(np.stack(turned, 1))
    return moved.reshape(pose.shape)


def bend(thigh: np.ndarray, shank: np.ndarray, lateral: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World turns of thigh and shank that move the ankle by `shift` while the hip stays.

    The law of cosines gives how much hip and knee open; then the whole leg swings to the new direction by the shortest
    way, so that the knee keeps its bending plane. No shift, no turn.

    Args:
        thigh: [N, 3] hip to knee, metres.
        shank: [N, 3] knee to ankle.
        lateral: [N, 3] unit axis about which the knee bends, of legs too straight to show it.
        shift: [N, 3] how far the ankle is to move.

    Returns:
        Rotations [N, 3, 3] of the thigh and of the shank.
    """
    a, b = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shank, axis=-1)
    leg = thigh + shank
    reach = np.linalg.norm(leg, axis=-1)
    most = _reachable(leg, shift, np.maximum(reach, MAX_REACH * (a + b)))
    # Nearly all of the shift where the leg is long enough, nearly the most where it is not: knees do not lock at once.
    wanted = leg + (most / np.sqrt(1.0 + most * most))[:, None] * shift
    distance = np.maximum(np.linalg.norm(wanted, axis=-1), np.minimum(reach, _MIN_REACH * (a + b)))
    hinge = np.cross(unit(thigh), unit(shank))
    sine = np.linalg.norm(hinge, axis=-1, keepdims=True)
    hinge = unit(hinge + 0.5 * np.maximum(_STRAIGHT - sine, 0.0) * lateral)
    thigh_angle = _angle(a, reach, b) - _angle(a, distance, b)
    shank_angle = _angle(b, distance, a) - _angle(b, reach, a)
    thigh_turn = rotations.axis_angle_to_matrix(thigh_angle[:, None] * hinge)
    shank_turn = rotations.axis_angle_to_matrix(shank_angle[:, None] * hinge)
    bent = (thigh_turn @ thigh[..., None] + shank_turn @ shank[..., None])[..., 0]
    swing = shortest_rotation(bent, wanted)
    return swing @ thigh_turn, swing @ shank_turn


def _reachable(leg: np.ndarray, shift: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Multiple [N] of `shift` that takes the ankle to `limit` [N] from the hip, which is not nearer than it is now."""
    square, along = (shift * shift).sum(-1), (leg * shift).sum(-1)
    room = np.maximum(limit * limit - (leg * leg).sum(-1), 0.0)
    return (np.sqrt(along * along + square * room) - along) / np.maximum(square, 1e-12)


def _angle(side: np.ndarray, other: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    """Angle between two sides of a triangle, radians."""
    cosine = (side * side + other * other - opposite * opposite) / (2.0 * side * other)
    return np.arccos(np.clip(cosine, -1.0, 1.0))


def _inverse(rot: np.ndarray) -> np.ndarray:
    return np.swapaxes(rot, -1, -2)
