"""Adam on many small independent problems at once (Kingma and Ba 2015)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from model.autodiff import gradient

_DECAY, _SQUARE_DECAY, _TINY = 0.9, 0.999, 1e-8
# The last step's rate, as a share of the first's.
_LAST_RATE = 0.05


def minimise(function: Callable[[Any], Any], start: Any, rates: Any, steps: Any) -> Any:
    """Minimises a function of independent rows; the rate falls along a straight line.

    Rows do not touch each other: a row ends where it would end alone.

    Args:
        function: [N, D] -> [N], each value of its own row only.
        start: [N, D] float32.
        rates: [D] first step of each coordinate, in its own unit; 0 holds it.
        steps: number of steps.

    Returns:
        [N, D].
    """

    def step(i, state):
        x, mean, square = state
        _, slope = gradient(function, x)
        mean = _DECAY * mean + (1.0 - _DECAY) * slope
        square = _SQUARE_DECAY * square + (1.0 - _SQUARE_DECAY) * slope * slope
        done = ops.cast(i, "float32")
        unbiased = mean / (1.0 - _DECAY ** (done + 1.0))
        size = ops.sqrt(square / (1.0 - _SQUARE_DECAY ** (done + 1.0))) + _TINY
        slowing = 1.0 - (1.0 - _LAST_RATE) * done / ops.cast(steps, "float32")
        return x - rates * slowing * unbiased / size, mean, square

    zeros = ops.zeros_like(start)
    return ops.fori_loop(0, steps, step, (start, zeros, zeros))[0]
