"""From graded outlines to one welded triangle mesh: seams resampled alike, hexagonal lattice inside, Delaunay."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from synthesis.garments.expressions import PatternError
from synthesis.garments.grading import GradedPattern, length

# A lattice point closer than this share of the edge length to the outline would make slivers.
_BOUNDARY_GAP = 0.6
_SMOOTHING_STEPS = 3
# Panels lie side by side in texture space, so that a print does not repeat at the same place on each.
_PANEL_SPACING = 1.3


@dataclasses.dataclass(frozen=True, eq=False)
class PanelMesh:
    """One triangulated panel.

    Attributes:
        name: the panel's name.
        points: [N, 2] metres, pattern coordinates; the outline first, in order.
        faces: [F, 3] counter-clockwise.
        edges: edge -> [K] indices of its points, in outline order, both corners included.
        index: [N] vertex of the welded garment that each point became.
    """

    name: str
    points: np.ndarray
    faces: np.ndarray
    edges: dict[str, np.ndarray]
    index: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class SewnPattern:
    """Triangulated panels, welded along the seams.

    Attributes:
        graded: the pattern in metres.
        panels: name -> panel mesh.
        num_vertices: V of the welded garment.
    """

    graded: GradedPattern
    panels: dict[str, PanelMesh]
    num_vertices: int

    @property
    def faces(self) -> np.ndarray:
        """[F, 3] welded vertex indices, panel after panel."""
        return np.concatenate([p.index[p.faces] for p in self.panels.values()])

    @property
    def rest_uv(self) -> np.ndarray:
        """[F, 3, 2] metres, pattern coordinates of each face's corners."""
        shift = [np.array([_PANEL_SPACING * k, 0.0]) for k in range(len(self.panels))]
        return np.concatenate([p.points[p.faces] + s for p, s in zip(self.panels.values(), shift, strict=True)])

    @property
    def attached(self) -> np.ndarray:
        """[K] welded vertices on the pattern's attached edges."""
        names = (edge.partition(".") for edge in self.graded.pattern.attached)
        chains = [self.panels[p].index[self.panels[p].edges[e]] for p, _, e in names]
        return np.unique(np.concatenate(chains)) if chains else np.zeros(0, np.int64)


def sew(graded: GradedPattern, edge_length: float) -> SewnPattern:
    """Triangulates every panel and welds the seams.

    Args:
        graded: the pattern in metres.
        edge_length: wanted triangle edge, metres.

    Raises:
        PatternError: an outline crosses itself or is thinner than the edge length.
    """
    segments = _segments(graded, edge_length)
    panels, start = [], 0
    for name in graded.outlines:
        points, faces, edges = _triangulate(name, graded.outlines[name], segments, edge_length)
        panels.append(PanelMesh(name, points, faces, edges, start + np.arange(len(points))))
        start += len(points)
    welded, count = _weld(graded, {p.name: p for p in panels}, start)
    return SewnPattern(graded, {p.name: dataclasses.replace(p, index=welded[p.index]) for p in panels}, count)


def _segments(graded: GradedPattern, edge_length: float) -> dict[str, int]:
    """Number of segments of every edge; the two edges of a seam get the same."""
    lengths = {f"{p}.{e}": length(line) for p, outline in graded.outlines.items() for e, line in outline.items()}
    count = {name: max(1, round(value / edge_length)) for name, value in lengths.items()}
    for a, b in graded.pattern.seams:
        count[a] = count[b] = max(1, round(0.5 * (lengths[a] + lengths[b]) / edge_length))
    return count


def _resample(polyline: np.ndarray, segments: int) -> np.ndarray:
    """[segments + 1, 2] points at equal arc lengths."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(polyline, axis=0), axis=1))])
    at = np.linspace(0.0, arc[-1], segments + 1)
    return np.stack([np.interp(at, arc, polyline[:, k]) for k in range(2)], 1)


def _triangulate(
    name: str, outline: dict[str, np.ndarray], segments: dict[str, int], edge_length: float
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    chains, starts, total = [], {}, 0
    for edge, line in outline.items():
        chains.append(_resample(line, segments[f"{name}.{edge}"])[:-1])
        starts[edge] = total
        total += len(chains[-1])
    border = np.concatenate(chains)
    edges = {e: (s + np.arange(len(c) + 1)) % total for (e, s), c in zip(starts.items(), chains, strict=True)}
    lattice = _lattice(border, edge_length)
    lattice = lattice[inside_polygon(lattice, border)]
    dense = np.concatenate(
        [border + t * (np.roll(border, -1, 0) - border) for t in np.linspace(0, 1, 8, endpoint=False)]
    )
    if len(lattice):
        lattice = lattice[cKDTree(dense).query(lattice)[0] > _BOUNDARY_GAP * edge_length]
    points = np.concatenate([border, lattice])
    faces = _delaunay(points, border)
    for _ in range(_SMOOTHING_STEPS if len(lattice) else 0):
        points = _smooth(points, faces, total)
        faces = _delaunay(points, border)
    if not _covers(points, faces, border):
        raise PatternError(
            f"Panel {name!r} must be a simple outline, wider than the edge length. Received: {edge_length} m"
        )
    return points, faces, edges


def _lattice(border: np.ndarray, edge_length: float) -> np.ndarray:
    low, high = border.min(0), border.max(0)
    columns = np.arange(-1, np.ceil((high[0] - low[0]) / edge_length) + 1)
    rows = np.arange(np.ceil((high[1] - low[1]) / (edge_length * np.sqrt(0.75))) + 1)
    x, y = np.meshgrid(columns, rows)
    x = x + 0.5 * (y % 2)
    middle = 0.5 * (low[0] + high[0])
    x = (x - 0.5 * (columns[0] + columns[-1])) * edge_length + middle
    return np.stack([x.ravel(), low[1] + y.ravel() * edge_length * np.sqrt(0.75)], 1)


def inside_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """[N] bool: which points [N, 2] lie in the closed polygon [K, 2] (crossing number)."""
    inside = np.zeros(len(points), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if a[1] == b[1]:
            continue
        spans = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        inside ^= spans & (points[:, 0] < a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]))
    return inside


def _signed_area(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def _delaunay(points: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Delaunay triangles inside the outline, counter-clockwise, in an order that depends on the points alone."""
    faces = Delaunay(points).simplices.astype(np.int64)
    faces = faces[inside_polygon(points[faces].mean(1), border)]
    area = _signed_area(points, faces)
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
    smoothed[fixed:] = total[fixed:] / count[fixed:, None]
    return smoothed


def _covers(points: np.ndarray, faces: np.ndarray, border: np.ndarray) -> bool:
    """Whether the triangles use every point, and every outline segment exactly once."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys = set(map(tuple, directed.tolist()))
    count = len(border)
    border_ok = all((k, (k + 1) % count) in keys for k in range(count))
    return border_ok and len(np.unique(faces)) == len(points)


def _weld(graded: GradedPattern, panels: dict[str, PanelMesh], total: int) -> tuple[np.ndarray, int]:
    """Union of sewn points: [total] welded index of every panel point, and the number of welded vertices."""
    parent = np.arange(total)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in graded.pattern.seams:
        chains = []
        for name in (a, b):
            panel, _, edge = name.partition(".")
            chains.append(panels[panel].index[panels[panel].edges[edge]])
        # Both outlines run counter-clockwise seen from outside, so partners run against each other.
        for i, j in zip(chains[0], chains[1][::-1], strict=True):
            low, high = sorted((root(i), root(j)))
            parent[high] = low
    roots, welded = np.unique([root(i) for i in range(total)], return_inverse=True)
    return welded, len(roots)
