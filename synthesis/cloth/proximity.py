"""Nearest point of a triangle mesh: a local walk from the last nearest triangle, seeded by a k-d tree."""

from __future__ import annotations

import numba
import numpy as np
from scipy.spatial import cKDTree

_MAX_WALK = 24


def vertex_faces(faces: np.ndarray, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces around each vertex of `faces` [F, 3], compressed: those of v are around[start[v]:start[v + 1]]."""
    order = np.argsort(faces.ravel(), kind="stable")
    start = np.searchsorted(faces.ravel()[order], np.arange(num_vertices + 1)).astype(np.int64)
    return start, (order // 3).astype(np.int64)


@numba.njit(cache=True, fastmath=True, nogil=True)
def vertex_normals(vertices, faces):
    """Area-weighted unit normals [V, 3] of vertices [V, 3] with faces [F, 3]."""
    normals = np.zeros_like(vertices)
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(vertices.shape[0]):
        size = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-30
        for d in range(3):
            normals[i, d] /= size
    return normals


@numba.njit(cache=True, fastmath=True, nogil=True, inline="always")
def _dot(ax, ay, az, bx, by, bz):
    return ax * bx + ay * by + az * bz


@numba.njit(cache=True, fastmath=True, nogil=True)
def closest_on_triangle(px, py, pz, vertices, a, b, c):
    """Barycentric weights of the point of triangle (a, b, c) nearest to p (Ericson 2005, section 5.1.5)."""
    ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
    ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
    vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
    qx, qy, qz = px - ax, py - ay, pz - az
    d1, d2 = _dot(ux, uy, uz, qx, qy, qz), _dot(vx, vy, vz, qx, qy, qz)
    if d1 <= 0.0 and d2 <= 0.0:
        return 1.0, 0.0, 0.0
    uu, uv, vv = _dot(ux, uy, uz, ux, uy, uz), _dot(ux, uy, uz, vx, vy, vz), _dot(vx, vy, vz, vx, vy, vz)
    d3, d4 = d1 - uu, d2 - uv
    if d3 >= 0.0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        w = d1 / (d1 - d3)
        return 1.0 - w, w, 0.0
    d5, d6 = d1 - uv, d2 - vv
    if d6 >= 0.0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        w = d2 / (d2 - d6)
        return 1.0 - w, 0.0, w
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1.0 - w, w
    scale = 1.0 / (va + vb + vc)
    return 1.0 - vb * scale - vc * scale, vb * scale, vc * scale


@numba.njit(cache=True, fastmath=True, nogil=True)
def walk_to_nearest(px, py, pz, vertices, faces, start, around, face):
    """Descends over neighbouring triangles to the one nearest to p.

    Walking keeps a point on the limb that it lies on, even where limbs touch or overlap.

    Returns:
        The face, its three barycentric weights, and the squared distance.
    """
    best = face
    b0, b1, b2 = closest_on_triangle(px, py, pz, vertices, faces[face, 0], faces[face, 1], faces[face, 2])
    least = _squared_distance(px, py, pz, vertices, faces, face, b0, b1, b2)
    for _ in range(_MAX_WALK):
        centre = best
        for corner in range(3):
            v = faces[centre, corner]
            for k in range(start[v], start[v + 1]):
                t = around[k]
                if t == centre:
                    continue
                c0, c1, c2 = closest_on_triangle(px, py, pz, vertices, faces[t, 0], faces[t, 1], faces[t, 2])
                distance = _squared_distance(px, py, pz, vertices, faces, t, c0, c1, c2)
                if distance < least - 1e-14:
                    least, best, b0, b1, b2 = distance, t, c0, c1, c2
        if best == centre:
            break
    return best, b0, b1, b2, least


@numba.njit(cache=True, fastmath=True, nogil=True, inline="always")
def _squared_distance(px, py, pz, vertices, faces, t, b0, b1, b2):
    a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
    dx = px - b0 * vertices[a, 0] - b1 * vertices[b, 0] - b2 * vertices[c, 0]
    dy = py - b0 * vertices[a, 1] - b1 * vertices[b, 1] - b2 * vertices[c, 1]
    dz = pz - b0 * vertices[a, 2] - b1 * vertices[b, 2] - b2 * vertices[c, 2]
    return dx * dx + dy * dy + dz * dz


@numba.njit(cache=True, fastmath=True, nogil=True)
def track(points, vertices, normals, faces, start, around, face, weights, distance, normal):
    """Updates the nearest surface point of many points by walking from the last one.

    Args:
        points: [N, 3] metres.
        vertices: [V, 3] metres, body.
        normals: [V, 3] unit, body.
        faces: [F, 3], body.
        start: [V + 1], see `vertex_faces`.
        around: [3 F], see `vertex_faces`.
        face: [N] in: seeds; out: nearest faces.
        weights: [N, 3] out: barycentric weights of the nearest points.
        distance: [N] out: metres along the normal, negative inside.
        normal: [N, 3] out: unit surface normals, interpolated from the vertices.
    """
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        t, b0, b1, b2, squared = walk_to_nearest(px, py, pz, vertices, faces, start, around, face[i])
        face[i] = t
        weights[i, 0], weights[i, 1], weights[i, 2] = b0, b1, b2
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        size, side = 0.0, 0.0
        for d in range(3):
            n = b0 * normals[a, d] + b1 * normals[b, d] + b2 * normals[c, d]
            normal[i, d] = n
            size += n * n
            side += n * (points[i, d] - b0 * vertices[a, d] - b1 * vertices[b, d] - b2 * vertices[c, d])
        size = np.sqrt(size) + 1e-30
        for d in range(3):
            normal[i, d] /= size
        distance[i] = np.sqrt(squared) if side > 0.0 else -np.sqrt(squared)


class Surface:
    """A mesh that cloth can touch, posed once or frame after frame.

    Args:
        faces: [F, 3] counter-clockwise seen from outside.
        num_vertices: V of the posed mesh.

    Attributes:
        faces: [F, 3].
        start: the faces at each vertex, see `vertex_faces`.
        around: likewise.
        used: [U] the vertices of these faces.
    """

    def __init__(self, faces: np.ndarray, num_vertices: int):
        self.faces = np.ascontiguousarray(faces, np.int64)
        self.start, self.around = vertex_faces(self.faces, num_vertices)
        self.used = np.unique(self.faces)

    def seeds(self, points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """[N] a face at the mesh vertex nearest to each of the points [N, 3], for vertices [V, 3] metres."""
        nearest = self.used[cKDTree(vertices[self.used]).query(points)[1]]
        return self.around[self.start[nearest]]

    def signed_distance(self, points: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far points lie outside the posed mesh.

        Args:
            points: [N, 3] metres.
            vertices: [V, 3] metres.

        Returns:
            Distance [N] metres (negative inside) and unit normals [N, 3] of the surface at the nearest points.
        """
        points = np.ascontiguousarray(points, np.float64)
        vertices = np.ascontiguousarray(vertices, np.float64)
        face = self.seeds(points, vertices)
        weights, distance, normal = np.empty((len(points), 3)), np.empty(len(points)), np.empty((len(points), 3))
        normals = vertex_normals(vertices, self.faces)
        track(points, vertices, normals, self.faces, self.start, self.around, face, weights, distance, normal)
        return distance, normal
