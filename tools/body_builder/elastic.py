"""As-rigid-as-possible surfaces (Sorkine and Alexa 2007), which spread a bend instead of creasing."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from tools.body_builder import meshes

SMOOTH_ROTATIONS = 0.5  # share of its neighbours' mean in each vertex's rotation (Levi and Gotsman 2015)


class ElasticSurface:
    """A surface that takes the shape nearest to its rest shape, bend by bend, while it is held in place."""

    def __init__(self, rest: np.ndarray, faces: np.ndarray, hold: np.ndarray):
        """Prepares the surface.

        Args:
            rest: [V, 3] metres.
            faces: [F, 3].
            hold: [V] how strongly each vertex is held where it is put, relative to the surface's own stiffness.
        """
        stiffness, _ = meshes.cotangent_laplacian(rest, faces)
        edges = stiffness.tocoo()
        apart = edges.row != edges.col
        self._from, self._to = edges.row[apart], edges.col[apart]
        weight = np.maximum(-edges.data[apart], 0.05)  # obtuse triangles have negative weights
        count = len(rest)
        self._gather = scipy.sparse.csr_matrix(
            (np.ones(len(weight)), (self._from, np.arange(len(weight)))), shape=(count, len(weight))
        )
        self._edge = rest[self._from] - rest[self._to]
        self._weighted = weight[:, None] * self._edge
        near = scipy.sparse.csr_matrix((weight, (self._from, self._to)), shape=(count, count))
        degree = np.asarray(near.sum(1)).ravel()
        self._mean = scipy.sparse.diags(1 / degree) @ near
        self._hold = hold * degree
        self._solve = scipy.sparse.linalg.splu((scipy.sparse.diags(degree + self._hold) - near).tocsc()).solve

    def relax(self, vertices: np.ndarray, steps: int) -> np.ndarray:
        """Vertices [V, 3] metres after `steps` alternations of local rotations and global positions."""
        placed = vertices
        for _ in range(steps):
            rotation = self._rotations(placed)
            turn = 0.5 * (rotation[self._from] + rotation[self._to])
            wanted = self._gather @ np.einsum("eab,eb->ea", turn, self._weighted)
            placed = self._solve(wanted + self._hold[:, None] * vertices)
        return placed

    def _rotations(self, placed: np.ndarray) -> np.ndarray:
        """Rotation [V, 3, 3] of each vertex's surroundings from the rest shape, smoothed over neighbours."""
        moved = placed[self._from] - placed[self._to]
        covariance = self._gather @ np.einsum("ea,eb->eab", moved, self._weighted).reshape(-1, 9)
        rotation = _nearest_rotations(covariance.reshape(-1, 3, 3)).reshape(-1, 9)
        blended = (1 - SMOOTH_ROTATIONS) * rotation + SMOOTH_ROTATIONS * (self._mean @ rotation)
        return _nearest_rotations(blended.reshape(-1, 3, 3))


def _nearest_rotations(matrices: np.ndarray) -> np.ndarray:
    """The rotations [n, 3, 3] nearest to matrices [n, 3, 3] (Kabsch 1976)."""
    left, _, right = np.linalg.svd(matrices)
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    return left @ right
