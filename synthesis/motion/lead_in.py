"""The way from the T-pose, in which garments are sewn and draped, into a motion's first pose and speed."""

from __future__ import annotations

import numpy as np

from model import rotations

# Radians per second that no joint exceeds on its way from rest; a fast gesture, and slow enough for cloth to follow.
MAX_JOINT_SPEED = 5.0
# Peak of the derivative of the ease curve below over its mean.
_EASE_PEAK = 1.875
# Seconds in which joints pick up the motion's first speeds; the body as a whole takes the entire lead-in.
_RUN_UP = 0.3


def with_lead_in(
    pose: np.ndarray, trans: np.ndarray, fps: float, seconds: float = 1.0
) -> tuple[np.ndarray, np.ndarray, int]:
    """Puts frames before a motion that go from the T-pose at rest to its first pose at its first speed.

    A motion that begins in full run must not hit standing cloth like a car: it is continued backwards at its first
    speeds, which fall to zero at a constant rate, and every joint turns from rest to the continued motion about one
    axis. The lead-in is made longer than asked for where a joint would exceed MAX_JOINT_SPEED.

    Args:
        pose: [T, 72] axis-angle.
        trans: [T, 3] metres.
        fps: frames per second.
        seconds: shortest duration of the lead-in.

    Returns:
        pose [N + T, 72], trans [N + T, 3] and N, the number of frames to cut from the output. Frame 0 is the T-pose,
        frame N the first frame of the motion.
    """
    matrices = rotations.axis_angle_to_matrix(pose[:2].astype(np.float64).reshape(len(pose[:2]), -1, 3))
    first = rotations.matrix_to_axis_angle(matrices[0])
    # In each joint's own frame; zero for a single pose.
    turn = fps * rotations.matrix_to_axis_angle(np.swapaxes(matrices[0], 1, 2) @ matrices[-1])
    speed = fps * (trans[:2][-1].astype(np.float64) - trans[0])
    farthest = np.linalg.norm(first, axis=1).max()
    frames = int(np.ceil(max(seconds, _EASE_PEAK * farthest / MAX_JOINT_SPEED) * fps))
    x = np.arange(frames) / max(frames, 1)
    ease = x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
    before = (frames - np.arange(frames)) / fps
    back = -_run_up(before, _RUN_UP)[:, None, None] * turn
    continued = rotations.matrix_to_axis_angle(matrices[0] @ rotations.axis_angle_to_matrix(back))
    # Within [0, pi] an axis-angle vector is itself the geodesic from rest: scaling it is SLERP.
    lead = (ease[:, None, None] * _nearest(continued, first)).reshape(frames, -1)
    coming = trans[0] - _run_up(before, frames / fps)[:, None] * speed
    return np.concatenate([lead.astype(pose.dtype), pose]), np.concatenate([coming.astype(trans.dtype), trans]), frames


def _run_up(before: np.ndarray, seconds: float) -> np.ndarray:
    """Seconds at full speed that make the way that is left, for times [N] before the end of a constant acceleration."""
    left = np.minimum(before, seconds)
    return left - left**2 / (2.0 * seconds)


def _nearest(axis_angle: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Of the two vectors that mean the same rotation, that nearest to a reference: [N, J, 3] and [J, 3]."""
    angle = np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    other = axis_angle * (1.0 - 2.0 * np.pi / np.maximum(angle, 1e-9))
    closer = np.linalg.norm(other - reference, axis=-1) < np.linalg.norm(axis_angle - reference, axis=-1)
    return np.where(closer[..., None], other, axis_angle)
