"""Curves through keys: eased from key to key, or periodic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import interpolate


def ease(x: np.ndarray) -> np.ndarray:
    """Smootherstep (Perlin 2002): 0 before 0, 1 after 1, first and second derivatives zero at both ends."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)


def bump(x: np.ndarray) -> np.ndarray:
    """Rises from 0 at x = 0 to 1 at 1/2 and falls to 0 at 1; zero outside, smooth everywhere."""
    return np.sin(np.pi * np.clip(x, 0.0, 1.0)) ** 2


def eased(t: np.ndarray, times: npt.ArrayLike, values: npt.ArrayLike) -> np.ndarray:
    """Monotone cubic (PCHIP, Fritsch and Carlson 1980) through keys: no overshoot, at rest in extremes and both ends.

    Args:
        t: [T] times; held constant outside the keys.
        times: [K] increasing, K >= 2.
        values: [K, ...].

    Returns:
        [T, ...].
    """
    times, values = np.asarray(times, float), np.asarray(values, float)
    # The end keys once more outside make the slopes there zero: motions start and stop softly.
    padded = np.concatenate([[times[0] - 1.0], times, [times[-1] + 1.0]])
    curve = interpolate.PchipInterpolator(padded, np.concatenate([values[:1], values, values[-1:]]), axis=0)
    return curve(np.clip(t, times[0], times[-1]))


def periodic(phase: np.ndarray, phases: npt.ArrayLike, values: npt.ArrayLike) -> np.ndarray:
    """Periodic monotone cubic through keys of one cycle.

    Args:
        phase: [T] in cycles; only the fractional part counts.
        phases: [K] increasing within [0, 1).
        values: [K, ...].

    Returns:
        [T, ...].
    """
    phases, values = np.asarray(phases, float), np.asarray(values, float)
    # One whole cycle of keys on either side makes the slopes at the seam those of the inside.
    times = np.concatenate([phases - 1, phases, phases + 1])
    curve = interpolate.PchipInterpolator(times, np.concatenate([values] * 3), axis=0)
    return curve(phase % 1.0)
