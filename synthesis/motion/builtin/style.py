"""What differs between two people who do the same thing: drawn once per motion from its seed."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Style:
    """One manner of moving. Angles in radians, lengths in leg lengths.

    Attributes:
        tempo: speed factor.
        amplitude: size factor of the kind's characteristic movement.
        phase: where in its cycle a periodic motion starts, 0..1.
        asymmetry: share by which the left side does more and the right side less.
        heading: turn about +y, within +-30 degrees.
        side: 0 = left, 1 = right: the side that leads one-sided motions.
        lean: forward lean of the torso.
        tilt: sideways lean of the torso, to the left.
        head: [pitch, yaw] of the head.
        stance: outward offset of each foot.
        toe_out: outward turn of the feet.
        arm_out: how far idle upper arms hang from the body.
        arm_forward: how far idle upper arms are forward.
        elbow: flexion of idle elbows.
        arm_swing: size factor of what the arms do along.
    """

    tempo: float
    amplitude: float
    phase: float
    asymmetry: float
    heading: float
    side: int
    lean: float
    tilt: float
    head: tuple[float, float]
    stance: float
    toe_out: float
    arm_out: float
    arm_forward: float
    elbow: float
    arm_swing: float


def draw(rng: np.random.Generator) -> Style:
    """Draws a style; the ranges are those of healthy adults moving at ease."""
    degrees = np.pi / 180
    return Style(
        tempo=rng.uniform(0.82, 1.2),
        amplitude=rng.uniform(0.75, 1.2),
        phase=rng.uniform(0.0, 1.0),
        asymmetry=rng.uniform(-0.12, 0.12),
        heading=rng.uniform(-30, 30) * degrees,
        side=int(rng.integers(2)),
        lean=rng.uniform(-2, 6) * degrees,
        tilt=rng.uniform(-3, 3) * degrees,
        head=(rng.uniform(-8, 10) * degrees, rng.uniform(-15, 15) * degrees),
        stance=rng.uniform(-0.02, 0.07),
        toe_out=rng.uniform(4, 14) * degrees,
        arm_out=rng.uniform(15, 22) * degrees,
        arm_forward=rng.uniform(-4, 8) * degrees,
        elbow=rng.uniform(10, 26) * degrees,
        arm_swing=rng.uniform(0.6, 1.3),
    )
