"""Which triangles of cloth pass through each other."""

from __future__ import annotations

import numba
import numpy as np

from synthesis.cloth import hash_grid


@numba.njit(cache=True, nogil=True)
def _segment_crosses(x, p, q, a, b, c):
    """Whether the segment (p, q) passes through the triangle (a, b, c) (Moeller and Trumbore 1997)."""
    ux, uy, uz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
    vx, vy, vz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
    dx, dy, dz = x[q, 0] - x[p, 0], x[q, 1] - x[p, 1], x[q, 2] - x[p, 2]
    hx, hy, hz = dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx
    determinant = ux * hx + uy * hy + uz * hz
    if abs(determinant) < 1e-18:
        return False
    sx, sy, sz = x[p, 0] - x[a, 0], x[p, 1] - x[a, 1], x[p, 2] - x[a, 2]
    first = (sx * hx + sy * hy + sz * hz) / determinant
    if first < 0.0 or first > 1.0:
        return False
    kx, ky, kz = sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux
    second = (dx * kx + dy * ky + dz * kz) / determinant
    if second < 0.0 or first + second > 1.0:
        return False
    along = (vx * kx + vy * ky + vz * kz) / determinant
    return 0.0 <= along <= 1.0


@numba.njit(cache=True, nogil=True)
def find(x, faces, edges, pinched, cell_size, crossed_edges, crossed_faces):
    """Finds the edges that pass through triangles that they share no vertex with.

    Args:
        x: [V, 3] metres, finite.
        faces: [F, 3].
        edges: [E, 2].
        pinched: [V] bool, vertices between limbs that leave no room for cloth; two such sides do not count.
        cell_size: of the grid, metres, about an edge's length.
        crossed_edges: [C] out: the edges.
        crossed_faces: [C] out: the triangles that they pass through.

    Returns:
        Number of crossings, which may exceed the room C for them: the rest is missing then. Every pair of triangles
        crosses at two such points and every edge belongs to two triangles, so that it is the number of pairs, too.
    """
    low, size, shape, start, items, boxes, reach = hash_grid.build_edges(x, edges, cell_size)
    crossings = 0
    lower, upper = np.empty(3), np.empty(3)
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        for d in range(3):
            lower[d], upper[d] = min(x[a, d], x[b, d], x[c, d]), max(x[a, d], x[b, d], x[c, d])
            first[d] = hash_grid.cell_of(lower[d] - reach, low[d], size, shape[d])
            last[d] = hash_grid.cell_of(upper[d] + reach, low[d], size, shape[d])
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                row = (i * shape[1] + j) * shape[2]
                for n in range(start[row + first[2]], start[row + last[2] + 1]):
                    if boxes[n, 3] < lower[0] or boxes[n, 0] > upper[0] or boxes[n, 4] < lower[1]:
                        continue
                    if boxes[n, 1] > upper[1] or boxes[n, 5] < lower[2] or boxes[n, 2] > upper[2]:
                        continue
                    p, q = edges[items[n], 0], edges[items[n], 1]
                    if p in (a, b, c) or q in (a, b, c):
                        continue
                    if (pinched[p] or pinched[q]) and (pinched[a] or pinched[b] or pinched[c]):
                        continue
                    if _segment_crosses(x, p, q, a, b, c):
                        if crossings < crossed_edges.shape[0]:
                            crossed_edges[crossings], crossed_faces[crossings] = items[n], t
                        crossings += 1
    return crossings


def count(x: np.ndarray, faces: np.ndarray, edges: np.ndarray, pinched: np.ndarray, cell_size: float) -> int:
    """Number of pairs of triangles that pass through each other; see `find`."""
    nowhere = np.zeros(0, np.int64)
    return find(x, faces, edges, pinched, cell_size, nowhere, nowhere)
