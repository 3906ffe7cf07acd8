"""The way from the T-pose, in which garments are sewn and draped, into a motion's first pose."""

from __future__ import annotations

import numpy as np

from model import rotations

# Radians per second that no joint exceeds; a fast gesture, and slow enough for cloth to follow.
MAX_JOINT_SPEED = 5.0
# Peak of the derivative of the ease curve below over its mean.
_EASE_PEAK = 1.875


def with_lead_in(
    pose: np.ndarray, trans: np.ndarray, fps: float, seconds: float = 1.0
) -> tuple[np.ndarray, np.ndarray, int]:
    """Puts frames before a motion that go from the T-pose to its first pose.

    Every joint turns about one axis, from rest to the first pose, with zero speed at both ends. The translation is the
    first frame's throughout. The lead-in is made longer than asked for where a joint would exceed MAX_JOINT_SPEED.

    Args:
        pose: [T, 72] axis-angle.
        trans: [T, 3] metres.
        fps: frames per second.
        seconds: shortest duration of the lead-in.

    Returns:
        pose [N + T, 72], trans [N + T, 3] and N, the number of frames to cut from the output. Frame 0 is the T-pose,
        frame N the first frame of the motion.
    """
    # Within [0, pi] an axis-angle vector is itself the geodesic from rest: scaling it is SLERP.
    first = rotations.matrix_to_axis_angle(rotations.axis_angle_to_matrix(pose[0].astype(np.float64).reshape(-1, 3)))
    farthest = np.linalg.norm(first, axis=1).max()
    frames = int(np.ceil(max(seconds, _EASE_PEAK * farthest / MAX_JOINT_SPEED) * fps))
    x = np.arange(frames) / max(frames, 1)
    ease = x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
    lead = (ease[:, None] * first.reshape(1, -1)).astype(pose.dtype)
    return np.concatenate([lead, pose]), np.concatenate([np.repeat(trans[:1], frames, 0), trans]), frames
