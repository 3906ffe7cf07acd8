"""Mesh decimation by half-edge collapses in mirrored pairs (quadric error metric, Garland and Heckbert 1997).

Vertices are removed, never moved, so that the result is a subset of the base mesh and every MakeHuman body can be cut
down by the same index. Texture seams keep their vertices, and the texture index of each corner is carried along.
"""

from __future__ import annotations

import collections
import heapq

import numpy as np

MAX_VALENCE = 10
MIN_NORMAL_AGREEMENT = 0.3  # cosine between a face's normals before and after
MIN_ROUNDNESS = 0.12  # twice the area over the squared longest edge


class Decimator:
    """Collapses edges of one closed, mirror-symmetric triangle mesh until few enough vertices are left."""

    def __init__(
        self, vertices: np.ndarray, faces: np.ndarray, face_uv: np.ndarray, mirror: np.ndarray, importance: np.ndarray
    ):
        """Starts from a whole mesh.

        Args:
            vertices: [V, 3] metres.
            faces: [F, 3].
            face_uv: [F, 3] texture indices of the corners.
            mirror: [V] mirror image of each vertex; its own index in the plane of symmetry.
            importance: [V] factor on the cost of removing a vertex.
        """
        self._points = vertices
        self._mirror = mirror
        self._importance = importance
        self._faces: dict[int, list[int]] = dict(enumerate(faces.tolist()))
        self._uv: dict[int, list[int]] = dict(enumerate(face_uv.tolist()))
        self._around: list[set[int]] = [set() for _ in vertices]
        textures = collections.defaultdict(set)
        for index, face in self._faces.items():
            for vertex, texture in zip(face, self._uv[index], strict=True):
                self._around[vertex].add(index)
                textures[vertex].add(texture)
        self._fixed = np.array([len(textures[v]) > 1 for v in range(len(vertices))])
        self._quadrics = _quadrics(vertices, faces)
        self._homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
        self._alive = np.ones(len(vertices), bool)
        self._version = np.zeros(len(vertices), int)
        self._heap: list[tuple[float, int, int, int]] = []

    def run(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Collapses edges until `count` vertices, or one fewer, are left.

        Returns:
            Indices [n] of the kept vertices, faces [F', 3] in the old indices, and their texture indices [F', 3].
        """
        for vertex in range(len(self._points)):
            self._push(vertex)
        left = len(self._points)
        while left > count and self._heap:
            _, u, v, version = heapq.heappop(self._heap)
            if version != self._version[u] or not self._allowed(u, v):
                continue
            mu, mv = self._mirror[u], self._mirror[v]
            if mu == u and mv == v:
                self._collapse(u, v)
                left -= 1
            elif self._independent(u, v) and self._allowed(mu, mv):
                self._collapse(u, v)
                self._collapse(mu, mv)
                left -= 2
        order = sorted(self._faces)
        faces = np.array([self._faces[i] for i in order])
        return np.flatnonzero(self._alive), faces, np.array([self._uv[i] for i in order])

    def _neighbours(self, vertex: int) -> set[int]:
        return {w for index in self._around[vertex] for w in self._faces[index]} - {vertex}

    def _cost(self, u: int, v: int) -> float:
        """Squared distance of v from the planes of both, with a little for edge length, which evens out triangles."""
        error = self._homogeneous[v] @ (self._quadrics[u] + self._quadrics[v]) @ self._homogeneous[v]
        squared = float(((self._points[u] - self._points[v]) ** 2).sum())
        return float(self._importance[u] * (error + 1e-6 * squared + 3e-5 * squared**1.5))

    def _push(self, u: int) -> None:
        if self._fixed[u] or not self._alive[u]:
            return
        cost, v = min((self._cost(u, v), v) for v in self._neighbours(u))
        heapq.heappush(self._heap, (cost, u, v, int(self._version[u])))

    def _allowed(self, u: int, v: int) -> bool:
        """Whether merging u into v keeps the mesh manifold, its triangles round and none turned over."""
        if not (self._alive[u] and self._alive[v]) or self._fixed[u]:
            return False
        of_u, of_v = self._neighbours(u), self._neighbours(v)
        if v not in of_u or len(of_u & of_v) != 2 or len(of_u) + len(of_v) - 4 > MAX_VALENCE:
            return False
        moved = [self._faces[i] for i in self._around[u] if v not in self._faces[i]]
        before = self._points[np.array(moved)]
        after = self._points[np.where(np.array(moved) == u, v, np.array(moved))]
        normal, turned = (np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]) for t in (before, after))
        area, new_area = np.linalg.norm(normal, axis=1), np.linalg.norm(turned, axis=1)
        longest = ((after - np.roll(after, 1, axis=1)) ** 2).sum(2).max(1)
        agrees = (normal * turned).sum(1) >= MIN_NORMAL_AGREEMENT * area * new_area
        return bool((agrees & (new_area > 1e-10) & (new_area >= MIN_ROUNDNESS * longest)).all())

    def _independent(self, u: int, v: int) -> bool:
        """Whether merging u into v leaves the mirrored collapse as possible as it was."""
        mu, mv = self._mirror[u], self._mirror[v]
        of_u = self._neighbours(u)
        if mu in (u, v) or mu in of_u or mv in of_u - {v}:
            return False
        # Into a vertex in the plane of symmetry both halves are merged, so its valence grows twice.
        return v != mv or 2 * len(of_u) + len(self._neighbours(v)) - 8 <= MAX_VALENCE

    def _collapse(self, u: int, v: int) -> None:
        texture = next(self._uv[i][self._faces[i].index(v)] for i in sorted(self._around[u]) if v in self._faces[i])
        for index in sorted(self._around[u]):
            face = self._faces[index]
            if v in face:
                for vertex in face:
                    self._around[vertex].discard(index)
                del self._faces[index], self._uv[index]
            else:
                corner = face.index(u)
                face[corner] = v
                self._uv[index][corner] = texture
                self._around[v].add(index)
        self._around[u] = set()
        self._alive[u] = False
        self._quadrics[v] += self._quadrics[u]
        for vertex in self._neighbours(v) | {v}:
            self._version[vertex] += 1
            self._push(vertex)


def _quadrics(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted sums of squared plane distances at each vertex, [V, 4, 4]."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / np.maximum(area, 1e-20)
    plane = np.concatenate([normal, -(normal * corner[:, 0]).sum(1, keepdims=True)], axis=1)
    per_face = np.einsum("fi,fj->fij", plane, plane) * area[:, :, None]
    quadrics = np.zeros((len(vertices), 4, 4))
    for k in range(3):
        np.add.at(quadrics, faces[:, k], per_face)
    return quadrics
