"""Broad phase: points sorted into the cells of a uniform grid, in an order that depends on the points alone."""

from __future__ import annotations

import numba
import numpy as np

# A runaway point must not ask for a grid of the whole world: cells grow instead.
_MAX_CELLS = 1 << 20


@numba.njit(cache=True, nogil=True)
def build(points, cell_size):
    """Sorts points [N, 3] metres into cells of at least cell_size metres.

    Returns:
        origin [3], cell size, shape [3], start [cells + 1], items [N]: items[start[c]:start[c + 1]] lie in cell c, and
        cell (i, j, k) is c = (i * shape[1] + j) * shape[2] + k. NaN belongs to the first cell.
    """
    count = points.shape[0]
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for i in range(count):
        for d in range(3):
            low[d] = min(low[d], points[i, d])
            high[d] = max(high[d], points[i, d])
    shape = np.ones(3, np.int64)
    size = cell_size
    while True:
        total = 1.0
        for d in range(3):
            total *= max(0.0, min((high[d] - low[d]) / size, 1e6)) + 1.0
        if total < _MAX_CELLS:
            break
        size *= 2.0
    for d in range(3):
        shape[d] = int(max(0.0, min((high[d] - low[d]) / size, 1e6))) + 1
    cells = np.empty(count, np.int64)
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for i in range(count):
        c = (
            cell_of(points[i, 0], low[0], size, shape[0]) * shape[1] + cell_of(points[i, 1], low[1], size, shape[1])
        ) * shape[2] + cell_of(points[i, 2], low[2], size, shape[2])
        cells[i] = c
        start[c + 1] += 1
    for c in range(start.shape[0] - 1):
        start[c + 1] += start[c]
    fill = start[:-1].copy()
    items = np.empty(count, np.int64)
    for i in range(count):
        items[fill[cells[i]]] = i
        fill[cells[i]] += 1
    return low, size, shape, start, items


@numba.njit(cache=True, nogil=True)
def build_edges(x, edges, cell_size):
    """Sorts edges [E, 2] of positions x [V, 3] metres by their middles.

    Returns:
        What `build` does, then boxes [E, 6] (least and largest coordinates) in the order of its items, as searches meet
        them, and half the length of the longest edge, metres: no edge reaches further from its middle.
    """
    count = edges.shape[0]
    middles = np.empty((count, 3))
    longest = 0.0
    for e in range(count):
        squared = 0.0
        for d in range(3):
            middles[e, d] = 0.5 * (x[edges[e, 0], d] + x[edges[e, 1], d])
            squared += (x[edges[e, 0], d] - x[edges[e, 1], d]) ** 2
        longest = max(longest, squared)
    low, size, shape, start, items = build(middles, cell_size)
    boxes = np.empty((count, 6))
    for n in range(count):
        a, b = edges[items[n], 0], edges[items[n], 1]
        for d in range(3):
            boxes[n, d], boxes[n, 3 + d] = min(x[a, d], x[b, d]), max(x[a, d], x[b, d])
    return low, size, shape, start, items, boxes, 0.5 * np.sqrt(longest)


@numba.njit(cache=True, nogil=True, inline="always")
def cell_of(coordinate, low, size, count):
    """Cell of one coordinate along one axis, the nearest one for what lies beyond the grid."""
    at = (coordinate - low) / size
    if not at > 0.0:
        return 0
    if at >= count:
        return count - 1
    return int(at)
