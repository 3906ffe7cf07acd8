"""Cloth that has passed through itself finds its way out: minimisation of intersection contours.

Where two limbs press cloth together nothing can keep it from passing through itself, and contacts, which go by the side
that they remember, would hold a tangle for ever where they saw it first. Each edge that passes through a triangle is
moved, and the triangle against it, along the direction that shortens the contour in which the two surfaces meet (Volino
and Magnenat-Thalmann 2006, "Resolving surface collisions through intersection contour minimization").
It needs no history and no inside.
"""

from __future__ import annotations

import numba
import numpy as np

from synthesis.cloth import intersections
from synthesis.cloth.system import ClothSystem

# Metres that one crossing moves its edge and triangle apart in one sweep, and sweeps in each mending of a frame.
_STEP = 0.002
SWEEPS = 4
# Cosine of edge and triangle below which the direction is mostly along the triangle's normal.
_LEAST_SLOPE = 0.05


@numba.njit(cache=True, nogil=True)
def shorten_contours(x, faces, edges, apexes, crossed_edges, crossed_faces, mass, step, move, share):
    """Moves crossing edges and triangles so that their contours shrink.

    Args:
        x: [V, 3] metres, changed.
        faces: [F, 3].
        edges: [E, 2].
        apexes: [E, 2] the third corners of an edge's faces, -1 beyond a border.
        crossed_edges: [C] edges that pass through
        crossed_faces: [C] these triangles.
        mass: [V] kg.
        step: metres, bound on the way that one crossing asks for.
        move: [V, 3] work array.
        share: [V] work array.
    """
    move[:] = 0.0
    share[:] = 0.0
    normal, other, along, gradient, away = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for n in range(crossed_edges.shape[0]):
        p, q = edges[crossed_edges[n], 0], edges[crossed_edges[n], 1]
        a, b, c = faces[crossed_faces[n], 0], faces[crossed_faces[n], 1], faces[crossed_faces[n], 2]
        _normal(x, a, b, c, normal)
        length = height = slope = 0.0
        for d in range(3):
            along[d] = x[q, d] - x[p, d]
            length += along[d] ** 2
            height += (x[p, d] - x[a, d]) * normal[d]
        length = np.sqrt(length) + 1e-12
        for d in range(3):
            along[d] /= length
            slope += along[d] * normal[d]
        if abs(slope) < _LEAST_SLOPE:
            slope = np.copysign(_LEAST_SLOPE, slope)
        s = min(max(-height / (slope * length), 0.0), 1.0)
        gradient[:] = 0.0
        for side in range(2):
            r = apexes[crossed_edges[n], side]
            if r < 0:
                continue
            _normal(x, p, q, r, other)
            away[0] = normal[1] * other[2] - normal[2] * other[1]
            away[1] = normal[2] * other[0] - normal[0] * other[2]
            away[2] = normal[0] * other[1] - normal[1] * other[0]
            size = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
            if size < 1e-6:
                continue
            # Into the face, away from the edge.
            inward = part = 0.0
            for d in range(3):
                part += (x[r, d] - x[p, d]) * along[d]
            for d in range(3):
                inward += away[d] * (x[r, d] - x[p, d] - part * along[d])
            size = np.copysign(size, inward)
            part = 0.0
            for d in range(3):
                away[d] /= size
                part += away[d] * along[d]
            for d in range(3):
                gradient[d] += away[d] - part / slope * normal[d]
        steep = np.sqrt(gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2)
        if steep < 1e-9:
            continue
        size = step * min(1.0, steep) / steep
        b0, b1, b2 = _weights(x, a, b, c, p, q, s)
        edge_mass = 1.0 / ((1.0 - s) ** 2 / mass[p] + s * s / mass[q])
        face_mass = 1.0 / (b0 * b0 / mass[a] + b1 * b1 / mass[b] + b2 * b2 / mass[c])
        edge_part, face_part = face_mass / (edge_mass + face_mass), -edge_mass / (edge_mass + face_mass)
        for i, w, part in (
            (p, 1.0 - s, edge_part),
            (q, s, edge_part),
            (a, b0, face_part),
            (b, b1, face_part),
            (c, b2, face_part),
        ):
            for d in range(3):
                move[i, d] += w * part * size * gradient[d]
            share[i] += w
    for i in range(x.shape[0]):
        if share[i] > 0.0:
            for d in range(3):
                x[i, d] += move[i, d] / max(share[i], 0.5)


@numba.njit(cache=True, nogil=True, inline="always")
def _normal(x, a, b, c, normal):
    ux, uy, uz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
    vx, vy, vz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
    normal[0], normal[1], normal[2] = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    size = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-30
    for d in range(3):
        normal[d] /= size


@numba.njit(cache=True, nogil=True, inline="always")
def _weights(x, a, b, c, p, q, s):
    """Barycentric weights on (a, b, c) of the point at share s of the edge (p, q)."""
    uu = uv = vv = ut = vt = 0.0
    for d in range(3):
        u, v, t = x[b, d] - x[a, d], x[c, d] - x[a, d], (1.0 - s) * x[p, d] + s * x[q, d] - x[a, d]
        uu, uv, vv, ut, vt = uu + u * u, uv + u * v, vv + v * v, ut + u * t, vt + v * t
    determinant = uu * vv - uv * uv + 1e-30
    b1, b2 = (vv * ut - uv * vt) / determinant, (uu * vt - uv * ut) / determinant
    b1, b2 = min(max(b1, 0.0), 1.0), min(max(b2, 0.0), 1.0)
    return max(0.0, 1.0 - b1 - b2), b1, b2


class Untangling:
    """Finds a cloth's crossings and shortens their contours.

    Args:
        system: rest state.
    """

    def __init__(self, system: ClothSystem):
        self._system = system
        count = len(system.mass)
        self._nowhere = np.zeros(count, np.bool_)
        self._move, self._share = np.zeros((count, 3)), np.zeros(count)
        self._edges, self._faces = np.zeros(count, np.int64), np.zeros(count, np.int64)

    def sweep(self, x: np.ndarray) -> None:
        """One step of positions x [V, 3] metres, in place, out of the tangles that are there."""
        s = self._system
        found = intersections.find(x, s.faces, s.edges, self._nowhere, s.edge_length, self._edges, self._faces)
        if found > len(self._edges):
            self._edges, self._faces = np.zeros(2 * found, np.int64), np.zeros(2 * found, np.int64)
            intersections.find(x, s.faces, s.edges, self._nowhere, s.edge_length, self._edges, self._faces)
        edges, faces = self._edges[:found], self._faces[:found]
        shorten_contours(x, s.faces, s.edges, s.apexes, edges, faces, s.mass, _STEP, self._move, self._share)
