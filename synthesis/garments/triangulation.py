"""Triangles of even size inside an outline: a hexagonal lattice, Delaunay, smoothing."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay, QhullError, cKDTree

# A lattice point closer than this share of the edge length to the outline would make slivers.
_BOUNDARY_GAP = 0.62
_SMOOTHING_STEPS = 5
# Points this share of the edge length off their mirror images are still meant to be symmetric.
_SYMMETRY = 0.02
# Segments of the outline are compared with this many lattice points at most: a mesh beyond it is a mistake.
MAX_POINTS = 200_000


def triangulate(border: np.ndarray, edge_length: float) -> tuple[np.ndarray, np.ndarray]:
    """Fills a polygon with triangles.

    A polygon that is its own mirror image (x -> -x) gets points that are.

    Args:
        border: [B, 2] metres, counter-clockwise; every point becomes a point of the mesh.
        edge_length: wanted, metres.

    Returns:
        Points [N, 2] metres, the border first, and faces [F, 3] counter-clockwise, in an order that depends on the
        border alone. Where the polygon is too thin or crosses itself, some border segment is no triangle's edge: see
        `missing_segment`.
    """
    lattice = _lattice(border, edge_length)
    lattice = lattice[inside_polygon(lattice, border)]
    if len(lattice):
        steps = np.linspace(0, 1, 8, endpoint=False)
        dense = np.concatenate([border + t * (np.roll(border, -1, 0) - border) for t in steps])
        lattice = lattice[cKDTree(dense).query(lattice)[0] > _BOUNDARY_GAP * edge_length]
    points = np.concatenate([border, lattice])
    partner = _mirror_partner(points, edge_length)
    faces = _delaunay(points, border)
    for _ in range(_SMOOTHING_STEPS if len(lattice) else 0):
        points = _smooth(points, faces, len(border))
        if partner is not None:
            points[len(border) :] = 0.5 * (points + points[partner] * [-1.0, 1.0])[len(border) :]
        faces = _delaunay(points, border)
    return points, faces


def missing_segment(points: np.ndarray, faces: np.ndarray, count: int) -> int | None:
    """First of the `count` border segments (k, k + 1) that is no triangle's edge; `count` if a point is unused."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = set(map(tuple, directed.tolist()))
    for k in range(count):
        if (k, (k + 1) % count) not in present:
            return k
    return None if len(np.unique(faces)) == len(points) else count


def inside_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """[N] bool: which points [N, 2] lie in the closed polygon [K, 2] (crossing number)."""
    inside = np.zeros(len(points), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if a[1] == b[1]:
            continue
        spans = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        inside ^= spans & (points[:, 0] < a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]))
    return inside


def _lattice(border: np.ndarray, edge_length: float) -> np.ndarray:
    low, high = border.min(0), border.max(0)
    columns = np.arange(-1, np.ceil((high[0] - low[0]) / edge_length) + 1)
    rows = np.arange(np.ceil((high[1] - low[1]) / (edge_length * np.sqrt(0.75))) + 1)
    x, y = np.meshgrid(columns, rows)
    x = x + 0.5 * (y % 2)
    middle = 0.5 * (low[0] + high[0])
    x = (x - 0.5 * (columns[0] + columns[-1])) * edge_length + middle
    return np.stack([x.ravel(), low[1] + y.ravel() * edge_length * np.sqrt(0.75)], 1)


def _mirror_partner(points: np.ndarray, edge_length: float) -> np.ndarray | None:
    """[N] the mirror image of each point about x = 0; None where some point has none."""
    distance, partner = cKDTree(points).query(points * [-1.0, 1.0])
    return partner if distance.max() < _SYMMETRY * edge_length else None


def signed_area(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """[F] square metres, above zero where a face runs counter-clockwise."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def _delaunay(points: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Delaunay triangles inside the outline, counter-clockwise, in an order that depends on the points alone."""
    try:
        faces = Delaunay(points).simplices.astype(np.int64)
    except QhullError:
        return np.zeros((0, 3), np.int64)
    faces = faces[inside_polygon(points[faces].mean(1), border)]
    area = signed_area(points, faces)
    faces[area < 0] = faces[area < 0][:, [0, 2, 1]]
    scale = np.linalg.norm(np.roll(border, -1, 0) - border, axis=1).mean() ** 2
    return faces[np.abs(area) > 1e-6 * scale]


def _smooth(points: np.ndarray, faces: np.ndarray, fixed: int) -> np.ndarray:
    """Moves each inner point to the mean of its neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    total, count = np.zeros_like(points), np.zeros(len(points))
    np.add.at(total, edges[:, 0], points[edges[:, 1]])
    np.add.at(count, edges[:, 0], 1)
    smoothed = points.copy()
    free = np.arange(len(points)) >= fixed
    free &= count > 0
    smoothed[free] = total[free] / count[free, None]
    return smoothed
