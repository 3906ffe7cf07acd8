"""Garments cut open along their seams, as Blender's cloth wants them.

Blender takes the rest length of an edge from one position of each of its two vertices. A welded vertex on a seam has
one place in the pattern for each panel, so it is split into copies that sewing springs of rest length zero hold
together.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from synthesis.garments.mesh import GarmentMesh


@dataclasses.dataclass(frozen=True, eq=False)
class UnsewnGarment:
    """A garment of P vertices, of which copies lie on each other along the seams.

    Attributes:
        origin: [P] the garment's vertex that each is a copy of.
        rest: [P, 2] metres, pattern coordinates.
        faces: [F, 3], in the garment's order.
        seams: [S, 2] pairs of copies that are sewn together.
    """

    origin: np.ndarray
    rest: np.ndarray
    faces: np.ndarray
    seams: np.ndarray

    @classmethod
    def of(cls, garment: GarmentMesh) -> UnsewnGarment:
        """Cuts a garment wherever the pattern does not continue flat across an edge."""
        faces, uv = np.asarray(garment.faces, np.int64), np.asarray(garment.rest_uv, np.float64)
        first, second = _continuous_corners(faces, uv)
        joined = scipy.sparse.coo_matrix((np.ones(len(first)), (first, second)), (faces.size, faces.size))
        _, copy = scipy.sparse.csgraph.connected_components(joined, directed=False)
        _, corner = np.unique(copy, return_index=True)
        origin = faces.ravel()[corner]
        order = np.argsort(origin, kind="stable")
        same = origin[order][1:] == origin[order][:-1]
        return cls(origin, uv.reshape(-1, 2)[corner], copy.reshape(-1, 3), np.stack([order[:-1], order[1:]], 1)[same])

    def sewn(self, positions: np.ndarray, num_vertices: int) -> np.ndarray:
        """[T, V, 3] of the garment: the means of the copies' positions [T, P, 3]."""
        copies = np.bincount(self.origin, minlength=num_vertices)
        weights = 1.0 / copies[self.origin]
        mean = scipy.sparse.coo_matrix(
            (weights, (self.origin, np.arange(len(self.origin)))), (num_vertices, len(self.origin))
        ).tocsr()
        return np.stack([mean @ frame for frame in positions]).astype(np.float32)


def _continuous_corners(faces: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of corners (3 f + c) of neighbouring faces that are one point of one panel.

    Equal pattern coordinates on both ends of an edge are not enough: panels cut alike (front and back) agree there
    too, but one of them is mirrored, so that its faces turn the other way in the pattern.
    """
    corner = np.arange(faces.size).reshape(-1, 3)
    tail, head = corner.ravel(), np.roll(corner, -1, 1).ravel()
    vertex, place = faces.ravel(), uv.reshape(-1, 2)
    mirrored = np.repeat(np.linalg.det(uv[:, 1:] - uv[:, :1]) < 0, 3)
    keys = np.stack([np.minimum(vertex[tail], vertex[head]), np.maximum(vertex[tail], vertex[head]), mirrored])
    order = np.lexsort(keys[::-1])
    shared = (keys[:, order[1:]] == keys[:, order[:-1]]).all(0)
    one, other = order[:-1][shared], order[1:][shared]
    # Neighbours run along their edge in opposite directions.
    first, second = np.stack([tail[one], head[one]]), np.stack([head[other], tail[other]])
    continues = np.isclose(place[first], place[second]).all((0, 2)) & (vertex[first] == vertex[second]).all(0)
    return first[:, continues].ravel(), second[:, continues].ravel()
