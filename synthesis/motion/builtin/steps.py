"""Feet that step from place to place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from synthesis.motion import rig
from synthesis.motion.builtin.controls import SIGN, Controls
from synthesis.motion.builtin.curves import bump, ease


@dataclasses.dataclass(frozen=True)
class Step:
    """One foot goes to a new place.

    Attributes:
        side: 0 = left, 1 = right.
        start: seconds.
        duration: seconds.
        to: (x, z) offset from the foot's place in standing, leg lengths.
        turn: yaw of the figure at that place, radians to the left; the foot's own outward turn comes on top.
        lift: height of the step, leg lengths.
    """

    side: int
    start: float
    duration: float
    to: tuple[float, float]
    turn: float = 0.0
    lift: float = 0.06


def shift_weight(controls: Controls, t: np.ndarray, steps: Iterable[Step], share: float = 0.4) -> None:
    """Moves the pelvis over the standing foot while the other one is in the air, by a share of the way to it."""
    rest = rig.reference()
    homes = (rest.joints[list(rig.ANKLES)] - rest.joints[0]) / rest.leg_length
    for step in steps:
        lifted = bump((t - step.start) / step.duration)[:, None]
        standing = controls.feet[:, 1 - step.side] + homes[1 - step.side]
        controls.pelvis[:, [0, 2]] += share * lifted * (standing - controls.pelvis)[:, [0, 2]]


def walk_through(controls: Controls, t: np.ndarray, steps: Iterable[Step]) -> None:
    """Moves the feet of `controls` through steps, in order of time for each foot; in between they stand still."""
    place = [np.array([*controls.feet[0, side, [0, 2]], 0.0]) for side in (0, 1)]
    for step in steps:
        x = (t - step.start) / step.duration
        goal = np.array([*step.to, step.turn])
        change = ease(x)[:, None] * (goal - place[step.side])
        controls.feet[:, step.side, 0] += change[:, 0]
        controls.feet[:, step.side, 2] += change[:, 1]
        controls.foot_yaw[:, step.side] += SIGN[step.side] * change[:, 2]
        controls.feet[:, step.side, 1] += step.lift * bump(x)
        controls.foot_pitch[:, step.side] += 0.45 * bump(0.85 * x + 0.15) * (x > -0.17)
        place[step.side] = goal
