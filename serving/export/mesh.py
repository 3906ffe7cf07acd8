"""What mesh files need beside positions: normals, and vertices split where texture coordinates differ."""

from __future__ import annotations

import dataclasses

import numpy as np

from model.body.data import BodyData

# Parts of BodyData.face_parts, in order, as files name them.
PARTS = ("skin", "eyeballs")


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [V, 3] of a mesh [V, 3], [F, 3]: the mean of the faces around, weighted by area."""
    corners = vertices[faces].astype(np.float64)
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = faces.ravel()
    sums = np.stack([np.bincount(flat, np.repeat(areas[:, k], 3), len(vertices)) for k in range(3)], -1)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    # A vertex that no face with an area uses still needs a direction of length one.
    return np.where(length > 0, sums / np.maximum(length, 1e-300), [0.0, 1.0, 0.0]).astype(np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class SplitVertices:
    """A body's topology with one texture coordinate a vertex, as graphics hardware wants it.

    Attributes:
        source: [N] the body's vertex that each split vertex copies.
        uv: float32 [N, 2], v up.
        parts: for each part that the body has, its name and faces [F', 3] into the split vertices.
    """

    source: np.ndarray
    uv: np.ndarray
    parts: tuple[tuple[str, np.ndarray], ...]


def split_vertices(data: BodyData) -> SplitVertices:
    """Splits a body's vertices along its texture seams."""
    corners = np.stack([data.faces.ravel(), data.uv_faces.ravel()], -1)
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    parts = tuple((name, faces[data.face_parts == i]) for i, name in enumerate(PARTS) if (data.face_parts == i).any())
    return SplitVertices(unique[:, 0], data.uv[unique[:, 1]], parts)
