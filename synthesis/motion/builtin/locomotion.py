"""Walking, running, turning on the spot.

Gait timing follows Perry, Gait Analysis (1992): 60 % stance in walking, about 35 % in running, arms and chest counter
to the pelvis.
"""

from __future__ import annotations

import numpy as np

from model.rotations import rotation_about
from synthesis.motion import rig
from synthesis.motion.builtin.controls import SIGN, Controls, at_ease
from synthesis.motion.builtin.curves import ease, eased, periodic
from synthesis.motion.builtin.steps import Step, shift_weight, walk_through
from synthesis.motion.builtin.style import Style


def walk(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Walking straight on at 0.9 to 1.7 m/s."""
    cycle = 1.12 / style.tempo
    stride = 1.35 * (0.55 + 0.45 * style.amplitude) * style.tempo**0.3
    c = at_ease(t, style)
    phase = t / cycle + style.phase
    wave = 2 * np.pi * phase
    for side in (0, 1):
        own = phase + 0.5 * side
        _stride(c, side, own, t / cycle, stride, duty=0.6)
        c.feet[:, side, 0] += -0.05 * SIGN[side]
        c.feet[:, side, 1] = periodic(own, (0.0, 0.6, 0.76, 0.9), (0.0, 0.0, 0.045, 0.03))
        heel = np.radians((-18, 0, 0, 22, 52, 40, 2, -16))
        c.foot_pitch[:, side] = periodic(own, (0.0, 0.09, 0.33, 0.49, 0.61, 0.7, 0.84, 0.95), heel)
        swing = -np.cos(2 * np.pi * own - 0.25)
        size = style.arm_swing * (1 + SIGN[side] * style.asymmetry)
        c.arm_forward[:, side] += np.radians(20) * size * swing - 0.03
        c.elbow[:, side] += np.radians(13) * size * (0.6 + swing)
        c.arm_out[:, side] += 0.03
        c.arm_twist[:, side] += 0.12 * swing - 0.1
    c.pelvis[:, 0] += 0.024 * np.sin(wave - 0.3)
    c.pelvis[:, 1] += 0.016 * np.cos(2 * wave - 3.2) - 0.006
    c.pelvis[:, 2] += stride * t / cycle
    hips = np.radians(6) * style.amplitude
    c.pelvis_turn += np.stack([0 * t + 0.04, -hips * np.cos(wave), np.radians(3) * np.sin(wave - 0.1)], -1)
    c.spine += np.stack([0.02 * np.cos(2 * wave), 2 * hips * np.cos(wave), -np.radians(3) * np.sin(wave - 0.1)], -1)
    c.neck[:, 1] -= 0.8 * hips * np.cos(wave)
    return c


def run(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Running straight on at 2.2 to 4 m/s."""
    cycle = 0.72 / style.tempo
    stride = 2.35 * (0.5 + 0.5 * style.amplitude)
    c = at_ease(t, style)
    phase = t / cycle + style.phase
    wave = 2 * np.pi * phase
    for side in (0, 1):
        own = phase + 0.5 * side
        _stride(c, side, own, t / cycle, stride, duty=0.32)
        c.feet[:, side, 0] += -0.07 * SIGN[side]
        high = 0.34 * style.amplitude
        c.feet[:, side, 1] = periodic(
            own, (0.0, 0.32, 0.5, 0.62, 0.8, 0.93), (0, 0, 0.75 * high, high, 0.55 * high, 0.05)
        )
        heel = np.radians((-6, 0, 8, 60, 88, 62, 10, -8))
        c.foot_pitch[:, side] = periodic(own, (0.0, 0.06, 0.15, 0.32, 0.52, 0.68, 0.84, 0.95), heel)
        swing = -np.cos(2 * np.pi * own - 0.4)
        size = style.arm_swing * (1 + SIGN[side] * style.asymmetry)
        c.arm_forward[:, side] += np.radians(32) * size * swing - 0.15
        c.arm_out[:, side] += 0.22
        c.elbow[:, side] = np.radians(88) + 0.6 * style.elbow + np.radians(14) * swing
        c.arm_twist[:, side] = 0.35 + 0.25 * swing
        c.fingers[:, side] = 0.6
    c.pelvis[:, 0] += 0.01 * np.sin(wave - 0.2)
    c.pelvis[:, 1] += 0.046 / style.tempo**2 * np.cos(2 * wave - 4 * np.pi * 0.41) - 0.055
    c.pelvis[:, 2] += stride * t / cycle
    hips = np.radians(8) * style.amplitude
    c.pelvis_turn += np.stack([0 * t + 0.12, -hips * np.cos(wave), np.radians(3) * np.sin(wave)], -1)
    c.spine += np.stack([0 * t + 0.06, 2.2 * hips * np.cos(wave), -np.radians(3) * np.sin(wave)], -1)
    c.neck += np.stack([0 * t - 0.12, -1.1 * hips * np.cos(wave), 0 * t], -1)
    return c


def turn(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Turning on the spot by steps, a quarter to half a turn at a time, with a look around in between."""
    c = at_ease(t, style)
    rest = rig.reference()
    homes = (rest.joints[list(rig.ANKLES)] - rest.joints[0]) / rest.leg_length
    homes[:, 0] += c.feet[0, :, 0]
    step_time = 0.42 / style.tempo
    now, heading = 0.3 * style.phase, 0.0
    steps, times, headings = [], [-1.0, now], [0.0, 0.0]
    direction = SIGN[style.side]
    while now < t[-1] + 1.0:
        angle = direction * np.radians(rng.uniform(70, 170)) * min(style.amplitude, 1.0)
        pairs = int(np.ceil(abs(angle) / np.radians(55)))
        leader = 0 if angle > 0 else 1
        for pair in range(1, pairs + 1):
            goal = heading + angle * pair / pairs
            for order, side in enumerate((leader, 1 - leader)):
                home = rotation_about(1, goal) @ homes[side]
                x, z = (home - homes[side])[[0, 2]]
                start = now + (2 * (pair - 1) + order) * 0.85 * step_time
                steps.append(Step(side, start, step_time, (x + c.feet[0, side, 0], z), goal))
        now += pairs * 2 * 0.85 * step_time + 0.1
        heading += angle
        times += [now, now + rng.uniform(0.3, 0.9)]
        headings += [heading, heading]
        now = times[-1]
        direction = -direction if rng.random() < 0.6 else direction
    walk_through(c, t, steps)
    facing = eased(t, times, headings)
    looking = eased(t + 0.3, times, headings)
    c.pelvis_turn[:, 1] += facing
    c.spine[:, 1] += 0.35 * np.clip(looking - facing, -1, 1)
    c.neck[:, 1] += 0.5 * np.clip(looking - facing, -1, 1)
    c.pelvis[:, 1] -= 0.02
    shift_weight(c, t, steps)
    speed = np.gradient(facing, t) if len(t) > 1 else 0 * t
    for side in (0, 1):
        c.arm_out[:, side] += 0.06 * np.abs(speed) * style.arm_swing
        c.arm_forward[:, side] -= 0.08 * SIGN[side] * speed * style.arm_swing
    return c


def _stride(c: Controls, side: int, own: np.ndarray, travelled: np.ndarray, stride: float, duty: float) -> None:
    """Places of one foot along z: on the floor for `duty` of its cycle `own`, then carried one stride ahead.

    `travelled` [T] is the pelvis's way in strides; the foot comes down half of its stance's way ahead of the pelvis.
    """
    cycle = np.floor(own)
    swing = ease((own - cycle - duty) / (1 - duty))
    c.feet[:, side, 2] = stride * (travelled - own + cycle + swing + 0.47 * duty)
