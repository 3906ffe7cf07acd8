"""A motion put on the floor with one particular body."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from model import rotations
from model.body.numpy_body import NumpyBody, forward_kinematics
from synthesis.motion import rig
from synthesis.motion.footing import kept_path
from synthesis.motion.motion import Motion

# The longest time that a body is off the floor; a standing jump of 0.5 m takes 0.64 s.
MAX_FLIGHT_SECONDS = 0.9
# A rise of the first is none, one of the second is kept whole, metres.
_NOT_FLIGHT, _FLIGHT = 0.01, 0.03
# Share of a throw's loss of speed that makes a rise a flight: legs that are pulled up add to the rise, not to the loss.
_THROW_SHARE = 0.4
_GRAVITY = 9.81
# Feet touch down within a frame, pelvises do not jerk.
_SMOOTHING_SECONDS = 0.03
_CHUNK = 64


def place(motion: Motion, body: NumpyBody, betas: np.ndarray) -> np.ndarray:
    """Translation of the body that puts the motion on the floor y = 0.

    The pelvis path is scaled by the body's leg length; the first frame's pelvis stays above its place at rest. Heights
    are then corrected by the body's lowest vertex of each frame: a grounded frame touches the floor exactly, a frame in
    the air keeps its height over the floor.

    Args:
        motion: T frames.
        body: the body that will move.
        betas: [10] its shape.

    Returns:
        trans [T, 3] in metres, to be added after posing, float32.
    """
    measures = rig.measure(body, betas)
    root = motion.root.astype(np.float64)
    wanted = root[:, None] + _feet(motion.pose, rig.reference())
    root += kept_path(wanted, root[:, None] + _feet(motion.pose, measures), motion.fps)
    trans = root * measures.leg_length
    trans[:, [0, 2]] -= trans[0, [0, 2]]
    trans[:, 1] -= measures.joints[0, 1]
    clearance = trans[:, 1] + lowest_points(motion.pose, body, betas)
    ground = clearance - flight_height(clearance, trans[:, 1], motion.fps)
    trans[:, 1] -= ndimage.gaussian_filter1d(ground, _SMOOTHING_SECONDS * motion.fps, mode="nearest")
    return trans.astype(np.float32)


def _feet(pose: np.ndarray, measures: rig.Rig) -> np.ndarray:
    """Balls of the feet [T, 2, 3] from the pelvis, in leg lengths."""
    rot = rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3))
    _, pos = forward_kinematics(rot, measures.joints)
    return (pos[:, list(rig.TOES)] - pos[:, :1]) / measures.leg_length


def lowest_points(pose: np.ndarray, body: NumpyBody, betas: np.ndarray) -> np.ndarray:
    """Height of the lowest vertex of each posed frame without translation: [T, 72] -> [T] metres."""
    chunks = [body(pose[i : i + _CHUNK], betas)[0][..., 1].min(1) for i in range(0, len(pose), _CHUNK)]
    return np.concatenate(chunks).astype(np.float64)


def flight_height(clearance: np.ndarray, pelvis: np.ndarray, fps: float) -> np.ndarray:
    """How much of each frame's clearance is flight and not an error of the floor's height or of proportions.

    Morphological opening in time removes every rise that is shorter than MAX_FLIGHT_SECONDS. What it removes is flight
    where the pelvis moves as in a throw: one of height h loses the vertical speed sqrt(8 g h) from start to end.

    Args:
        clearance: [T] height of the lowest point, metres, from an uncertain floor.
        pelvis: [T] height of the pelvis, metres.
        fps: frames per second.

    Returns:
        [T] metres, zero on the floor.
    """
    window = max(int(MAX_FLIGHT_SECONDS * fps) | 1, 3)
    rise = clearance - ndimage.grey_opening(clearance, size=window, mode="nearest")
    speed = np.gradient(pelvis, 1.0 / fps) if len(pelvis) > 1 else np.zeros(1)
    height = np.zeros_like(rise)
    runs, count = ndimage.label(rise > _NOT_FLIGHT)
    for (run,) in ndimage.find_objects(runs, max_label=count):
        span = speed[max(run.start - 1, 0) : run.stop + 1]
        loss = (np.maximum.accumulate(span) - span).max()
        if loss > _THROW_SHARE * np.sqrt(8 * _GRAVITY * rise[run].max()):
            x = np.clip((rise[run] - _NOT_FLIGHT) / (_FLIGHT - _NOT_FLIGHT), 0.0, 1.0)
            height[run] = rise[run] * x * x * (3.0 - 2.0 * x)
    return height
