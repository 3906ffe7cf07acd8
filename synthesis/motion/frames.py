"""Orthonormal frames and shortest rotations from directions, over any leading dimensions."""

from __future__ import annotations

import numpy as np


def unit(vector: np.ndarray) -> np.ndarray:
    """[..., 3] scaled to length 1."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Frames [..., 3, 3] whose columns are `first`, `second` made square to it, and their cross product, all unit."""
    x = unit(first)
    y = unit(second - (second * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], -1)


def shortest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotation [..., 3, 3] by the least angle that takes direction `start` to `end`, both [..., 3].

    Product of two reflections: stable up to half a turn, where an axis square to `start` is taken.
    """
    start, end = np.broadcast_arrays(unit(start), unit(end))
    middle = start + end
    opposite = np.linalg.norm(middle, axis=-1, keepdims=True) < 1e-6
    square = np.cross(start, np.where(np.abs(start[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
    middle = unit(np.where(opposite, square, middle))
    # Half a turn about the middle takes start to end; half a turn about start before it removes the twist.
    return _half_turn(middle) @ _half_turn(start)


def _half_turn(axis: np.ndarray) -> np.ndarray:
    return 2.0 * axis[..., :, None] * axis[..., None, :] - np.eye(3)
