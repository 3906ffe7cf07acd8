"""A motion put on the floor with one particular body."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from model import rotations
from model.body.numpy_body import NumpyBody, forward_kinematics
from synthesis.motion import rig
from synthesis.motion.footing import floating, kept_path, ramp
from synthesis.motion.leg_ik import move_ankles
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


def place(motion: Motion, body: NumpyBody, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Puts a motion on the floor y = 0.

    The pelvis path is scaled by the body's leg length; the first frame's pelvis stays above its place at rest. Heights
    are then corrected by the body's lowest vertex of each frame: a grounded frame touches the floor exactly, a frame in
    the air keeps its height over the floor. Legs of other proportions than the captured ones leave one standing foot
    over the floor while the other touches it: such a leg stretches until its sole is down, or as far as it can.

    Args:
        motion: T frames.
        body: the body that will move.
        betas: [10] its shape.

    Returns:
        pose [T, 72], the motion's but for the legs of feet that were moved, and trans [T, 3] in metres, to be added
        after posing, float32.
    """
    measures = rig.measure(body, betas)
    root = motion.root.astype(np.float64)
    feet = _feet(motion.pose, measures)
    wanted = root[:, None] + _feet(motion.pose, rig.reference())
    root += kept_path(wanted, root[:, None] + feet, motion.fps)
    trans = root * measures.leg_length
    trans[:, [0, 2]] -= trans[0, [0, 2]]
    trans[:, 1] -= measures.joints[0, 1]
    lowest = _lowest(motion.pose, body, betas, [*foot_vertices(body), *_leg_vertices(body), slice(None)])
    clearance = trans[:, 1] + lowest[:, -1]
    ground = clearance - flight_height(clearance, trans[:, 1], motion.fps)
    trans[:, 1] -= ndimage.gaussian_filter1d(ground, _SMOOTHING_SECONDS * motion.fps, mode="nearest")
    soles, legs = np.split(trans[:, 1:2] + lowest[:, :4], 2, axis=1)
    leg = measures.leg_length
    drop = leg * floating(trans[:, None] / leg + feet, soles / leg, motion.fps)
    # A leg that lies or kneels on the floor is not pushed into it.
    drop = np.minimum(drop, np.maximum(legs, 0.0))
    pose = move_ankles(motion.pose, measures.joints, drop[..., None] * [0.0, -1.0, 0.0])
    return pose, trans.astype(np.float32)


def _feet(pose: np.ndarray, measures: rig.Rig) -> np.ndarray:
    """Balls of the feet [T, 2, 3] from the pelvis, in leg lengths."""
    rot = rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3))
    _, pos = forward_kinematics(rot, measures.joints)
    return (pos[:, list(rig.TOES)] - pos[:, :1]) / measures.leg_length


def lowest_points(pose: np.ndarray, body: NumpyBody, betas: np.ndarray) -> np.ndarray:
    """Height of the lowest vertex of each posed frame without translation: [T, 72] -> [T] metres."""
    return _lowest(pose, body, betas, [slice(None)])[:, 0]


def _lowest(pose: np.ndarray, body: NumpyBody, betas: np.ndarray, parts: Sequence[np.ndarray | slice]) -> np.ndarray:
    """Height of the lowest of each part's vertices [T, P], metres."""
    chunks = []
    for start in range(0, len(pose), _CHUNK):
        heights = body(pose[start : start + _CHUNK], betas)[0][..., 1]
        chunks.append(np.stack([heights[:, part].min(1) for part in parts], 1))
    return np.concatenate(chunks).astype(np.float64)


def foot_vertices(body: NumpyBody) -> list[np.ndarray]:
    """Vertices of the left and of the right foot: those that ankle and toes hold more than any other joints."""
    return [_held(body, joints) for joints in zip(rig.ANKLES, rig.TOES, strict=True)]


def _leg_vertices(body: NumpyBody) -> list[np.ndarray]:
    return [_held(body, joints) for joints in zip(rig.HIPS, rig.KNEES, strict=True)]


def _held(body: NumpyBody, joints: tuple[int, ...]) -> np.ndarray:
    return np.flatnonzero(np.isin(body.data.weights.argmax(1), joints))


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
            height[run] = rise[run] * ramp(rise[run], _NOT_FLIGHT, _FLIGHT)
    return height
