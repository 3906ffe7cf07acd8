"""How metrics per frame become one number: the mean over all frames that count.

`model.evaluation.clip_metrics` says NaN for what does not count (no label, no prediction). Infinity counts, so that a
model that diverges is seen.
"""

from __future__ import annotations

import numpy as np


def summed(values: np.ndarray, divisor: np.ndarray | None = None) -> tuple[float, float]:
    """Adds up frames, for a mean or for a ratio of two means.

    Args:
        values: a metric of any number of frames, any shape.
        divisor: another metric of the same frames, or None.

    Returns:
        The sum of the values, and what it is to be divided by: the count of frames, or the sum of the divisor. Frames
        where either is NaN are left out of both, so that a ratio compares the same frames.
    """
    values = np.asarray(values, np.float64)
    weights = np.ones_like(values) if divisor is None else np.asarray(divisor, np.float64)
    counted = ~(np.isnan(values) | np.isnan(weights))
    return float(values[counted].sum()), float(weights[counted].sum())


def mean(total: float, weight: float) -> float:
    """The mean or ratio of added sums; NaN when no frame counted."""
    return total / weight if weight else float("nan")
