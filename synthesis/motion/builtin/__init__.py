"""Motions that need no files: procedural, varied by seed, so that synthesis runs without any download."""

from __future__ import annotations

import zlib

import numpy as np

from model import rotations
from model.errors import MotionError
from synthesis.motion.builtin import athletics, controls, dance, everyday, locomotion, style
from synthesis.motion.motion import Motion

_MAKERS = {
    "walk": locomotion.walk,
    "run": locomotion.run,
    "turn": locomotion.turn,
    "jump": athletics.jump,
    "squat": athletics.squat,
    "punch": athletics.punch,
    "kick": athletics.kick,
    "sit": everyday.sit,
    "bend": everyday.bend,
    "reach": everyday.reach,
    "wave": everyday.wave,
    "dance": dance.dance,
}
KINDS = tuple(_MAKERS)


def make(kind: str, seed: int, seconds: float, fps: float = 30.0) -> Motion:
    """Makes one built-in motion.

    The seed draws tempo, amplitude, phase, asymmetry, heading (within +-30 degrees of +z), arm carriage and lean, and
    the choices that a kind has of its own. The same arguments give the same motion.

    Args:
        kind: one of KINDS.
        seed: any whole number >= 0.
        seconds: duration; seconds * fps frames are made, at least one.
        fps: frames per second.

    Returns:
        A motion whose pelvis starts over the origin.

    Raises:
        MotionError: the kind is unknown, or seconds or fps are not positive.
    """
    if kind not in _MAKERS:
        raise MotionError(f"A built-in motion is one of {', '.join(KINDS)}. Received: {kind!r}")
    if not (seconds > 0 and fps > 0):
        raise MotionError(f"A motion has positive seconds and fps. Received: seconds={seconds}, fps={fps}")
    # The kind's own name enters the seed: kinds added later change nothing about the others.
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    manner = style.draw(rng)
    t = np.arange(max(round(seconds * fps), 1)) / fps
    local, pelvis = controls.solve(_MAKERS[kind](t, manner, rng))
    heading = rotations.rotation_about(1, manner.heading)
    local[:, 0] = heading @ local[:, 0]
    root = pelvis - pelvis[0] * [1.0, 0.0, 1.0]
    root = root @ heading.T
    pose = rotations.matrix_to_axis_angle(local).reshape(len(t), -1)
    return Motion(f"{kind}-{seed}", kind, pose.astype(np.float32), root.astype(np.float32), float(fps))
