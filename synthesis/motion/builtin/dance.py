"""Dancing to a beat: steps to the side, hips, and arms that go from figure to figure."""

from __future__ import annotations

import numpy as np

from synthesis.motion.builtin.controls import SIGN, Controls, at_ease
from synthesis.motion.builtin.curves import bump, eased
from synthesis.motion.builtin.steps import Step, shift_weight, walk_through
from synthesis.motion.builtin.style import Style

# Arm figures in degrees: forward, out, twist, elbow of the left arm, then of the right arm.
_FIGURES = np.array([
    [15, 26, 20, 80, 15, 26, 20, 80],
    [15, 85, -70, 70, 15, 85, -70, 70],
    [12, 72, -35, 42, 12, 72, -35, 42],
    [155, 25, 25, 20, -15, 32, 5, 30],
    [10, 95, -30, 20, 45, 34, 40, 85],
    [70, 20, 30, 95, -25, 34, 10, 50],
    [85, -2, 10, 30, 10, 80, 0, 15],
    [150, 30, 20, 35, 150, 30, 20, 35],
    [-14, 54, 52, 88, -14, 54, 52, 88],
])  # fmt: skip


def dance(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Side steps, step-touch and sways on the beat with drawn arm figures, mirrored now and then."""
    c = at_ease(t, style)
    beat = 0.56 / style.tempo
    beats = t / beat + style.phase
    pulse = 2 * np.pi * beats
    size = style.amplitude
    count = int(np.ceil(beats[-1])) + 3
    first = -style.phase * beat

    # Never the same figure twice running: each is some steps further in the list.
    further = rng.integers(1, len(_FIGURES), size=count // 2 + 2)
    figures = _FIGURES[np.cumsum(further) % len(_FIGURES)]
    mirrored = rng.random(len(figures)) < 0.5
    figures[mirrored] = figures[mirrored][:, [4, 5, 6, 7, 0, 1, 2, 3]]
    # One arm is a little later than the other, as nobody's arms are in step to the frame.
    late = 0.22 * np.array([style.side, 1 - style.side])
    arms = np.stack(
        [
            np.radians(eased(beats - late[s], 2.0 * np.arange(len(figures)), figures[:, 4 * s : 4 * s + 4]))
            for s in (0, 1)
        ],
        axis=1,
    )
    blend = min(0.7 + 0.3 * style.arm_swing, 1.0)
    for index, values in enumerate((c.arm_forward, c.arm_out, c.arm_twist, c.elbow)):
        values += blend * (arms[:, :, index] - values)
    c.elbow += np.radians(12) * size * (1 + np.cos(pulse))[:, None]
    c.wrist += 0.22 * size * np.sin(0.5 * pulse[:, None] - 0.8 - np.pi * late)

    reach = rng.uniform(0.12, 0.3) * size
    home = c.feet[0, :, 0].copy()
    place, steps, hips, side = 0.0, [], [0.0], style.side
    for number in range(count):
        # Step out, then close; two closings lead back the other way.
        start = first + number * beat
        if number % 2 == 0:
            side = style.side if (number // 4) % 2 == 0 else 1 - style.side
            goal = place + SIGN[side] * reach
            steps.append(Step(side, start, 0.8 * beat, (goal + home[side], 0.04 * rng.normal()), lift=0.05))
            hips.append(0.5 * (place + goal))
            place = goal
        else:
            steps.append(Step(1 - side, start, 0.8 * beat, (place + home[1 - side], 0.04 * rng.normal()), lift=0.04))
            hips.append(place)
    walk_through(c, t, steps)
    c.pelvis[:, 0] += eased(beats, np.arange(len(hips)), hips)
    c.pelvis[:, 1] += -0.05 * size * (0.5 + 0.5 * np.cos(pulse)) - 0.02
    shift_weight(c, t, steps, share=0.25)
    sway, twist = rng.uniform(3, 9), rng.uniform(3, 14)
    c.pelvis_turn[:, 2] += np.radians(sway) * size * np.sin(pulse / 2)
    c.spine[:, 2] -= np.radians(1.4 * sway) * size * np.sin(pulse / 2)
    c.pelvis_turn[:, 1] += np.radians(twist) * size * np.sin(pulse / 2 + 0.6)
    c.spine[:, 1] -= np.radians(1.5 * twist) * size * np.sin(pulse / 2 + 0.6)
    c.spine[:, 0] += np.radians(5) * np.cos(pulse)
    c.neck[:, 0] += np.radians(6) * size * np.cos(pulse + 0.4)
    c.neck[:, 2] += np.radians(5) * np.sin(pulse / 2)
    c.knee_out += 0.08 * bump(beats % 1.0)[:, None]
    return c
