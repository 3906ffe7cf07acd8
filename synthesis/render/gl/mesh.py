"""Surfaces as vertex buffers: corners split where texture coordinates differ, normals anew for each pose."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def _write_vertices(positions, faces, source, normals, out):  # type: ignore[no-untyped-def]
    """Fills out [N, 6] with position and area-weighted normal of vertices source [N]; normals [V, 3] is scratch."""
    normals[:] = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            area = (positions[b, i] - positions[a, i]) * (positions[c, j] - positions[a, j])
            area -= (positions[b, j] - positions[a, j]) * (positions[c, i] - positions[a, i])
            normals[a, k] += area
            normals[b, k] += area
            normals[c, k] += area
    for i in range(source.shape[0]):
        v = source[i]
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        scale = 1 / max(np.sqrt(x * x + y * y + z * z), 1e-20)
        for k in range(3):
            out[i, k] = positions[v, k]
            out[i, 3 + k] = normals[v, k] * scale


class SplitMesh:
    """Topology of one surface, ready for a vertex buffer.

    Attributes:
        source: [N] vertex that each buffer vertex copies.
        uv: float32 [N, 2].
        indices: int32 [F * 3] into the buffer.
    """

    def __init__(self, faces: np.ndarray, uv: np.ndarray):
        """Splits corners: faces [F, 3], uv [F, 3, 2]."""
        self._faces = np.ascontiguousarray(faces, np.int32)
        self.num_vertices = int(faces.max()) + 1
        # Micrometre steps tell apart corners of one vertex on two sides of a texture seam.
        steps = np.round(np.asarray(uv, np.float64).reshape(-1, 2) * 1e6).astype(np.int64)
        corners = np.concatenate([self._faces.reshape(-1, 1).astype(np.int64), steps], 1)
        unique, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
        self.source = unique[:, 0].astype(np.int32)
        self.uv = np.ascontiguousarray(uv, np.float32).reshape(-1, 2)[first]
        self.indices = inverse.reshape(-1).astype(np.int32)
        self._packed = np.empty((len(self.source), 6), np.float32)

    def pack(self, positions: np.ndarray) -> np.ndarray:
        """Positions [V, 3] metres -> float32 [N, 6], position and unit normal; overwritten by the next call."""
        positions = np.ascontiguousarray(positions, np.float32)
        normals = np.empty(positions.shape, np.float32)
        _write_vertices(positions, self._faces, self.source, normals, self._packed)
        return self._packed
