"""Sit, bend, reach, wave: what people do around the house."""

from __future__ import annotations

import numpy as np

from synthesis.motion.builtin.controls import SIGN, Controls, at_ease
from synthesis.motion.builtin.curves import eased
from synthesis.motion.builtin.style import Style


def sit(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Sitting down as on a chair, staying, standing up."""
    c = at_ease(t, style)
    down, stay, up, stand = np.array([1.3, rng.uniform(1.2, 2.5), 1.2, rng.uniform(0.3, 0.8)]) / style.tempo
    period = down + stay + up + stand
    now = (t + style.phase * period) % period
    times = np.cumsum([0, down, stay, up, stand])
    seated = eased(now, times, (0, 1, 1, 0, 0))
    # Bowing forward brings the weight over the feet, both on the way down and on the way up.
    bow = eased(
        now, (0, 0.6 * down, down + 0.25, down + stay - 0.1, down + stay + 0.45 * up, times[3]), (0, 1, 0, 0, 1, 0)
    )
    seat = 0.47 + rng.uniform(-0.05, 0.05)
    c.pelvis[:, 1] -= seat * seated
    c.pelvis[:, 2] -= 0.44 * seated
    c.pelvis_turn[:, 0] += np.radians(34) * bow - np.radians(6) * seated
    c.spine[:, 0] += np.radians(14) * bow + np.radians(8) * seated
    c.neck[:, 0] -= np.radians(24) * bow
    wide = rng.uniform(0.0, 0.25)
    talk = rng.uniform(0.0, 1.0) * seated
    for side in (0, 1):
        c.knee_out[:, side] += wide * seated
        c.arm_forward[:, side] += np.radians(24) * seated + np.radians(30) * bow
        # Hands come to lie on the thighs.
        c.elbow[:, side] += (np.radians(40) - style.elbow) * seated
        c.arm_twist[:, side] += np.radians(8) * seated
        gesture = np.sin(2 * np.pi * (0.45 * style.tempo * t + style.phase + 0.3 * side))
        c.elbow[:, side] += np.radians(22) * talk * (0.5 + 0.5 * gesture)
        c.palm[:, side] += 0.8 * seated
    c.neck[:, 1] += 0.25 * talk * np.sin(2 * np.pi * 0.2 * t)
    return c


def bend(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Bending forward towards the floor, or sideways with one arm overhead, again and again."""
    c = at_ease(t, style)
    cycle = 3.0 / style.tempo
    number, u = np.divmod(t / cycle + style.phase, 1.0)
    bent = eased(u, (0.08, 0.42, 0.56, 0.92), (0, 1, 1, 0))
    size = min(style.amplitude, 1.1)
    if rng.random() < 0.6:
        twist = rng.uniform(-0.35, 0.35)
        hips, back = np.radians(58) * size, np.radians(42) * size
        c.pelvis_turn[:, 0] += hips * bent
        c.pelvis[:, 2] -= 0.2 * bent
        c.pelvis[:, 1] -= 0.05 * bent
        c.spine += bent[:, None] * np.array([back, twist, 0.0])
        c.neck[:, 0] += 0.15 * bent
        for side in (0, 1):
            c.arm_forward[:, side] += 0.92 * (hips + back) * bent
            c.arm_out[:, side] -= 0.08 * bent
        return c
    side_now = np.where((number + style.side) % 2 == 0, 1.0, -1.0)
    lean = bent * np.radians(30) * size
    c.spine[:, 2] += lean * side_now
    c.pelvis_turn[:, 2] += 0.25 * lean * side_now
    c.pelvis[:, 0] += 0.09 * bent * side_now
    c.neck[:, 2] += 0.4 * lean * side_now
    for side in (0, 1):
        c.feet[:, side, 0] += SIGN[side] * 0.1
        # The arm of the stretched side goes overhead, the other one slides down the thigh.
        upper = bent * (side_now == SIGN[side])
        c.arm_out[:, side] += np.radians(140) * upper
        c.elbow[:, side] += 0.25 * upper
        c.arm_out[:, side] += 0.75 * lean * (side_now != SIGN[side])
    return c


# forward, out, twist, elbow (degrees), pelvis down, tiptoe, turn of the chest towards the other side (degrees)
_REACHES = {
    "overhead": (165, 14, 28, 12, -0.02, 30, 0),
    "ahead": (88, 6, 10, 8, 0.03, 0, 18),
    "sideways": (20, 92, 0, 10, 0.02, 0, -22),
    "across": (78, -22, 15, 20, 0.02, 0, 38),
    "low": (70, 12, 5, 8, 0.38, 0, 20),
}  # fmt: skip


def reach(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Reaching for things overhead, ahead, beside, across and low, with either arm; the eyes go along."""
    c = at_ease(t, style)
    now = -1.2 * style.phase
    while now < t[-1]:
        name = list(_REACHES)[rng.integers(len(_REACHES))]
        forward, out, twist, elbow, drop, tiptoe, turn = _REACHES[name]
        side = style.side if rng.random() < 0.7 else 1 - style.side
        go, hold, back = np.array([rng.uniform(0.7, 0.9), rng.uniform(0.15, 0.5), 0.8]) / style.tempo
        there = eased(t, (now, now + go, now + go + hold, now + go + hold + back), (0, 1, 1, 0))
        size = rng.uniform(0.85, 1.05)
        for values, goal in (
            (c.arm_forward, forward * size), (c.arm_out, out), (c.arm_twist, twist), (c.elbow, elbow),
            (c.palm, 30), (c.fingers, 8),
        ):  # fmt: skip
            values[:, side] += there * (np.radians(goal) - values[:, side])
        # The elbow bends on the way, so that the hand goes there on a curve.
        c.elbow[:, side] += np.radians(50) * there * (1 - there) * 2
        c.pelvis[:, 1] -= drop * there
        c.pelvis[:, 2] -= 0.35 * max(drop, 0.0) * there
        c.pelvis_turn[:, 0] += 0.9 * max(drop - 0.05, 0.0) * there
        c.spine[:, 0] += (0.10 if name == "ahead" else 1.1 * max(drop - 0.05, 0.0) if drop > 0.1 else 0.0) * there
        c.spine[:, 1] -= SIGN[side] * np.radians(turn) * there
        c.pelvis_turn[:, 1] -= 0.4 * SIGN[side] * np.radians(turn) * there
        c.spine[:, 2] += SIGN[side] * 0.12 * (name == "overhead") * there
        # The weight goes over the foot on the side of what is reached for, and the trunk leans after it.
        over = SIGN[side] * {"sideways": 1.0, "across": -0.8, "low": 0.5, "overhead": 0.4}.get(name, 0.0)
        c.pelvis[:, 0] += 0.075 * over * there
        c.spine[:, 2] -= 0.16 * over * (name == "sideways") * there
        c.pelvis[:, 2] += 0.05 * (name in ("ahead", "across")) * there
        c.neck[:, 0] += {"overhead": -0.5, "low": 0.1}.get(name, 0.08) * there
        c.neck[:, 1] += SIGN[side] * {"sideways": 0.7, "across": -0.3}.get(name, 0.1) * there
        c.foot_pitch += np.radians(tiptoe) * there[:, None]
        c.pelvis[:, 1] += 0.1 * (tiptoe > 0) * there
        now += go + hold + back + rng.uniform(0.1, 0.4)
    return c


def wave(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Waving with one hand, beside the head or overhead; sometimes with both."""
    c = at_ease(t, style)
    height = rng.uniform(0, 1)
    both = rng.random() < 0.25
    up, stay, down, rest = np.array([0.7, rng.uniform(1.8, 3.0), 0.8, rng.uniform(0.3, 0.8)]) / style.tempo
    period = up + stay + down + rest
    now = (t + style.phase * 0.5 * period) % period
    raised = eased(now, np.cumsum([0, up, stay, down, rest]), (0, 1, 1, 0, 0))
    swing = np.sin(2 * np.pi * 1.5 * style.tempo * t) * raised**2
    out, forward = np.radians(62 + 60 * height), np.radians(16 - 6 * height)
    elbow = np.radians(88 - 55 * height)
    for side in (0, 1) if both else (style.side,):
        for values, goal in (
            (c.arm_out, out), (c.arm_forward, forward), (c.elbow, elbow), (c.arm_twist, -np.radians(82 - 32 * height)),
            (c.palm, -0.2), (c.fingers, 0.02),
        ):  # fmt: skip
            values[:, side] += raised * (goal - values[:, side])
        c.elbow[:, side] += np.radians(20) * style.amplitude * swing
        c.arm_out[:, side] += np.radians(9) * style.amplitude * swing
        c.wrist[:, side] += 0.2 * swing
    c.arm_out += 0.05
    lead = 0.0 if both else SIGN[style.side]
    c.spine[:, 2] += 0.03 * lead * raised
    c.spine[:, 1] += 0.06 * lead * raised
    c.pelvis[:, 0] -= 0.03 * lead * raised
    c.neck[:, 2] -= 0.08 * lead * raised
    return c
