"""Narrow phase of cloth on cloth: vertex-triangle and edge-edge pairs that are nearer than a reach.

A pair is four vertices with weights (w0, w1, w2, w3) such that sum w_i x_i is the vector between the two nearest
points: (1, -b0, -b1, -b2) from a triangle to a vertex, (1 - s, s, t - 1, -t) from one edge to another.
"""

from __future__ import annotations

import numba

from synthesis.cloth import hash_grid
from synthesis.cloth.proximity import closest_on_triangle

# Nearest points with less weight than this lie on a triangle's rim or an edge's end.
_RIM = 1e-3


@numba.njit(cache=True, nogil=True)
def vertex_triangle_pairs(x, faces, reach, cell_size, vertices, weights, inner, keys):
    """Finds vertices near triangles that they are no corner of.

    Args:
        x: [V, 3] metres.
        faces: [F, 3].
        reach: metres.
        cell_size: of the grid, metres.
        vertices: [C, 4] out: the vertex, then the triangle's corners.
        weights: [C, 4] out.
        inner: [C] out: whether the nearest point lies off the triangle's rim.
        keys: [C] out: a number that identifies the pair.

    Returns:
        Number of pairs, which may exceed the room C for them: the rest is missing then.
    """
    low, size, shape, start, items = hash_grid.build(x, cell_size)
    found = 0
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x0 = min(x[a, 0], x[b, 0], x[c, 0]) - reach
        x1 = max(x[a, 0], x[b, 0], x[c, 0]) + reach
        y0 = min(x[a, 1], x[b, 1], x[c, 1]) - reach
        y1 = max(x[a, 1], x[b, 1], x[c, 1]) + reach
        z0 = min(x[a, 2], x[b, 2], x[c, 2]) - reach
        z1 = max(x[a, 2], x[b, 2], x[c, 2]) + reach
        for i in range(
            hash_grid.cell_of(x0, low[0], size, shape[0]), hash_grid.cell_of(x1, low[0], size, shape[0]) + 1
        ):
            for j in range(
                hash_grid.cell_of(y0, low[1], size, shape[1]), hash_grid.cell_of(y1, low[1], size, shape[1]) + 1
            ):
                row = (i * shape[1] + j) * shape[2]
                first = start[row + hash_grid.cell_of(z0, low[2], size, shape[2])]
                last = start[row + hash_grid.cell_of(z1, low[2], size, shape[2]) + 1]
                for n in range(first, last):
                    v = items[n]
                    px, py, pz = x[v, 0], x[v, 1], x[v, 2]
                    if px < x0 or px > x1 or py < y0 or py > y1 or pz < z0 or pz > z1:
                        continue
                    if v in (a, b, c):
                        continue
                    b0, b1, b2 = closest_on_triangle(px, py, pz, x, a, b, c)
                    dx = px - b0 * x[a, 0] - b1 * x[b, 0] - b2 * x[c, 0]
                    dy = py - b0 * x[a, 1] - b1 * x[b, 1] - b2 * x[c, 1]
                    dz = pz - b0 * x[a, 2] - b1 * x[b, 2] - b2 * x[c, 2]
                    if dx * dx + dy * dy + dz * dz > reach * reach:
                        continue
                    if found < keys.shape[0]:
                        vertices[found, 0], vertices[found, 1], vertices[found, 2], vertices[found, 3] = v, a, b, c
                        weights[found, 0], weights[found, 1], weights[found, 2], weights[found, 3] = 1.0, -b0, -b1, -b2
                        inner[found] = min(b0, b1, b2) > _RIM
                        keys[found] = t * x.shape[0] + v
                    found += 1
    return found


@numba.njit(cache=True, nogil=True)
def edge_edge_pairs(x, edges, reach, cell_size, vertices, weights, inner, keys):
    """Finds edges near edges, with both nearest points inside them, that share no vertex.

    Nearest points at an edge's end are a vertex near a triangle, which the other search finds.

    Args:
        x: as in `vertex_triangle_pairs`.
        edges: [E, 2] vertices.
        reach: likewise.
        cell_size: likewise.
        vertices: likewise.
        weights: likewise.
        inner: likewise.
        keys: likewise.

    Returns:
        As `vertex_triangle_pairs`.
    """
    count = edges.shape[0]
    low, size, shape, start, items, boxes, half = hash_grid.build_edges(x, edges, cell_size)
    margin = reach + half
    found = 0
    for e in range(count):
        a, b = edges[e, 0], edges[e, 1]
        x0, x1 = min(x[a, 0], x[b, 0]), max(x[a, 0], x[b, 0])
        y0, y1 = min(x[a, 1], x[b, 1]), max(x[a, 1], x[b, 1])
        z0, z1 = min(x[a, 2], x[b, 2]), max(x[a, 2], x[b, 2])
        i0 = hash_grid.cell_of(x0 - margin, low[0], size, shape[0])
        i1 = hash_grid.cell_of(x1 + margin, low[0], size, shape[0])
        j0 = hash_grid.cell_of(y0 - margin, low[1], size, shape[1])
        j1 = hash_grid.cell_of(y1 + margin, low[1], size, shape[1])
        k0 = hash_grid.cell_of(z0 - margin, low[2], size, shape[2])
        k1 = hash_grid.cell_of(z1 + margin, low[2], size, shape[2])
        x0, x1, y0, y1, z0, z1 = x0 - reach, x1 + reach, y0 - reach, y1 + reach, z0 - reach, z1 + reach
        ux, uy, uz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
        uu = ux * ux + uy * uy + uz * uz
        for i in range(i0, i1 + 1):
            for j in range(j0, j1 + 1):
                row = (i * shape[1] + j) * shape[2]
                for n in range(start[row + k0], start[row + k1 + 1]):
                    f = items[n]
                    if f <= e:
                        continue
                    if boxes[n, 3] < x0 or boxes[n, 0] > x1 or boxes[n, 4] < y0 or boxes[n, 1] > y1:
                        continue
                    if boxes[n, 5] < z0 or boxes[n, 2] > z1:
                        continue
                    c, d = edges[f, 0], edges[f, 1]
                    if a in (c, d) or b in (c, d):
                        continue
                    vx, vy, vz = x[d, 0] - x[c, 0], x[d, 1] - x[c, 1], x[d, 2] - x[c, 2]
                    wx, wy, wz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
                    vv, uv = vx * vx + vy * vy + vz * vz, ux * vx + uy * vy + uz * vz
                    determinant = uu * vv - uv * uv
                    # Parallel edges have no one nearest point, and meet vertices of each other's triangles.
                    if determinant < 1e-3 * uu * vv:
                        continue
                    uw, vw = ux * wx + uy * wy + uz * wz, vx * wx + vy * wy + vz * wz
                    s, t = (uw * vv - vw * uv) / determinant, (uw * uv - vw * uu) / determinant
                    if s < 0.0 or s > 1.0 or t < 0.0 or t > 1.0:
                        continue
                    dx, dy, dz = s * ux - wx - t * vx, s * uy - wy - t * vy, s * uz - wz - t * vz
                    if dx * dx + dy * dy + dz * dz > reach * reach:
                        continue
                    if found < keys.shape[0]:
                        vertices[found, 0], vertices[found, 1], vertices[found, 2], vertices[found, 3] = a, b, c, d
                        weights[found, 0], weights[found, 1] = 1.0 - s, s
                        weights[found, 2], weights[found, 3] = t - 1.0, -t
                        inner[found] = True
                        keys[found] = e * count + f
                    found += 1
    return found
