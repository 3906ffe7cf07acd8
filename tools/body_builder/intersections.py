"""Where a surface passes through itself."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def intersecting_faces(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Pairs [n, 2] of faces without a common vertex that pass through each other.

    Two triangles intersect if and only if an edge of one meets the other, leaving coplanar ones aside, which have no
    part in a surface that passes through itself.

    Args:
        vertices: [V, 3] metres.
        faces: [F, 3].
    """
    corner = vertices[faces].astype(np.float64)
    middle = corner.mean(1)
    radius = np.linalg.norm(corner - middle[:, None], axis=2).max(1)
    pairs = _near_pairs(middle, radius)
    apart = ~(faces[pairs[:, 0], :, None] == faces[pairs[:, 1], None, :]).any((1, 2))
    pairs = pairs[apart]
    low, high = corner.min(1), corner.max(1)
    overlap = ((low[pairs[:, 0]] <= high[pairs[:, 1]]) & (low[pairs[:, 1]] <= high[pairs[:, 0]])).all(1)
    pairs = pairs[overlap]
    hit = np.zeros(len(pairs), bool)
    for first, second in ((0, 1), (1, 0)):
        triangle, other = corner[pairs[:, first]], corner[pairs[:, second]]
        for k in range(3):
            hit |= _segment_meets(other[:, k], other[:, (k + 1) % 3], triangle)
    return pairs[hit]


def _near_pairs(middle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Pairs [n, 2], ordered, of faces whose bounding spheres touch.

    Large faces are looked up apart from small ones, so that they do not widen the search around every face.
    """
    limit = np.percentile(radius, 95)
    small, large = np.flatnonzero(radius < limit), np.flatnonzero(radius >= limit)
    found = [large[_within(middle[large], 2 * radius.max())]]
    if len(small):
        found.append(small[_within(middle[small], 2 * limit)])
        near = cKDTree(middle[small]).query_ball_point(middle[large], radius[large] + limit)
        for face, some in zip(large, near, strict=True):
            found.append(np.stack([np.full(len(some), face), small[some]], axis=1))
    pairs = np.concatenate(found).astype(int)
    touch = np.linalg.norm(middle[pairs[:, 0]] - middle[pairs[:, 1]], axis=1) <= radius[pairs].sum(1)
    return np.unique(np.sort(pairs[touch], axis=1), axis=0)


def _within(points: np.ndarray, distance: float) -> np.ndarray:
    """Pairs [n, 2] of points nearer to each other than a distance."""
    return cKDTree(points).query_pairs(distance, output_type="ndarray")


def _segment_meets(start: np.ndarray, end: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Whether segments [n, 3] to [n, 3] meet triangles [n, 3, 3] (Moeller and Trumbore 1997): bool [n]."""
    a, b, c = triangle[:, 0], triangle[:, 1], triangle[:, 2]
    first, second, along = b - a, c - a, end - start
    p = np.cross(along, second)
    determinant = (first * p).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = start - a
        u = (t * p).sum(1) / determinant
        q = np.cross(t, first)
        v = (along * q).sum(1) / determinant
        w = (second * q).sum(1) / determinant
        return (u >= 0) & (v >= 0) & (u + v <= 1) & (w >= 0) & (w <= 1)
