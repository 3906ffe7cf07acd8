"""From graded outlines to one welded triangle mesh: seam partners cut into equally many segments, then welded."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.garments.expressions import PatternError
from synthesis.garments.grading import GradedPattern, length
from synthesis.garments.triangulation import MAX_POINTS, missing_segment, triangulate

# Panels lie side by side in texture space, so that a print does not repeat at the same place on each.
_PANEL_SPACING = 1.3


@dataclasses.dataclass(frozen=True, eq=False)
class PanelMesh:
    """One triangulated panel.

    Attributes:
        name: the panel's name.
        points: [N, 2] metres, pattern coordinates; the outline first, in order.
        faces: [F, 3] counter-clockwise.
        border: B, number of points on the outline.
        edges: edge -> [K] indices of its points, in outline order, both corners included, and one point for both sides
            of a dart's mouth.
        index: [N] vertex of the welded garment that each point became.
    """

    name: str
    points: np.ndarray
    faces: np.ndarray
    border: int
    edges: dict[str, np.ndarray]
    index: np.ndarray

    @property
    def outline(self) -> np.ndarray:
        """[B, 2] metres."""
        return self.points[: self.border]


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
        chains = [self._chain(name) for name in self.graded.pattern.attached]
        return np.unique(np.concatenate(chains)) if chains else np.zeros(0, np.int64)

    def elastic(self) -> tuple[np.ndarray, np.ndarray]:
        """Rubber bands: welded vertex pairs [E, 2] along them, and the relaxed length [E] of each, metres."""
        pairs, relaxed = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
        for elastic, total in self.graded.bands:
            full = sum(self.graded.edge_length(edge) for edge in elastic.edges)
            for edge in elastic.edges:
                chain = self._chain(edge)
                pairs.append(np.stack([chain[:-1], chain[1:]], 1))
                share = self.graded.edge_length(edge) / full
                relaxed.append(np.full(len(chain) - 1, share * total / (len(chain) - 1)))
        return np.concatenate(pairs), np.concatenate(relaxed)

    def _chain(self, name: str) -> np.ndarray:
        panel, _, edge = name.partition(".")
        return self.panels[panel].index[self.panels[panel].edges[edge]]


def sew(graded: GradedPattern, edge_length: float) -> SewnPattern:
    """Triangulates every panel and welds the seams.

    Args:
        graded: the pattern in metres.
        edge_length: wanted triangle edge, metres.

    Raises:
        PatternError: a panel is thinner than the edge length, or would have triangles without end.
    """
    segments = _segments(graded, edge_length)
    panels: dict[str, PanelMesh] = {}
    start = 0
    for name in graded.outlines:
        mesh = _mirrored_mesh(graded, name, segments, panels) or _panel_mesh(graded, name, segments, edge_length)
        panels[name] = dataclasses.replace(mesh, index=start + np.arange(len(mesh.points)))
        start += len(mesh.points)
    welded, count = _weld(graded, panels, start)
    return SewnPattern(graded, {n: dataclasses.replace(p, index=welded[p.index]) for n, p in panels.items()}, count)


def _segments(graded: GradedPattern, edge_length: float) -> dict[str, int]:
    """Number of segments of every "panel.piece"; the two edges of a seam get the same."""
    counts = {name: max(1, round(graded.edge_length(name) / edge_length)) for name in graded.pieces}
    for seam in graded.seams:
        mean = 0.5 * (graded.edge_length(seam.edge) + graded.edge_length(seam.partner))
        least = max(len(graded.pieces[seam.edge]), len(graded.pieces[seam.partner]))
        counts[seam.edge] = counts[seam.partner] = max(least, round(mean / edge_length))
    segments = {}
    for name, count in counts.items():
        panel, _, _ = name.partition(".")
        lengths = [length(graded.outlines[panel][piece]) for piece in graded.pieces[name]]
        for piece, share in zip(graded.pieces[name], _dealt(max(count, len(lengths)), lengths), strict=True):
            segments[f"{panel}.{piece}"] = share
    return segments


def _dealt(count: int, lengths: list[float]) -> list[int]:
    """Deals `count` segments out to pieces by their lengths, at least one to each, alike to alike ones.

    The longest piece, the middle one of a symmetric edge, takes what rounding leaves.
    """
    # Just under the half, or equal lengths would be rounded apart by their last bit.
    dealt = [max(1, round(count * size / sum(lengths) - 1e-6)) for size in lengths]
    dealt[int(np.argmax(lengths))] += count - sum(dealt)
    while min(dealt) < 1:
        dealt[int(np.argmin(dealt))] += 1
        dealt[int(np.argmax(dealt))] -= 1
    return dealt


def _resample(polyline: np.ndarray, segments: int) -> np.ndarray:
    """[segments + 1, 2] points at equal arc lengths."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(polyline, axis=0), axis=1))])
    at = np.linspace(0.0, arc[-1], segments + 1)
    return np.stack([np.interp(at, arc, polyline[:, k]) for k in range(2)], 1)


def _panel_mesh(graded: GradedPattern, name: str, segments: dict[str, int], edge_length: float) -> PanelMesh:
    chains, starts, total = [], {}, 0
    for piece, line in graded.outlines[name].items():
        chains.append(_resample(line, segments[f"{name}.{piece}"])[:-1])
        starts[piece] = total
        total += len(chains[-1])
    border = np.concatenate(chains)
    where = f"Panel {name!r} of {graded.pattern.name!r}"
    points_wanted = np.ptp(border, axis=0).prod() / edge_length**2
    if points_wanted > MAX_POINTS:
        raise PatternError(
            f"{where} needs an edge length that it has at most {MAX_POINTS} points of. "
            f"Received: {edge_length} m, about {points_wanted:.0f}"
        )
    points, faces = triangulate(border, edge_length)
    missing = missing_segment(points, faces, total)
    if missing is not None:
        owner = [piece for piece, first in starts.items() if first <= missing][-1]
        raise PatternError(
            f"{where} must be wider than the edge length everywhere, also at edge {owner!r}. Received: {edge_length} m"
        )
    pieces = {p: (s + np.arange(len(c) + 1)) % total for (p, s), c in zip(starts.items(), chains, strict=True)}
    edges = {}
    for edge, parts in graded.pieces.items():
        panel, _, own = edge.partition(".")
        if panel == name:
            chain = [pieces[part][bool(k) :] for k, part in enumerate(parts)]
            edges[own] = np.concatenate(chain)
    return PanelMesh(name, points, faces, total, edges, np.zeros(0, np.int64))


def _mirrored_mesh(
    graded: GradedPattern, name: str, segments: dict[str, int], panels: dict[str, PanelMesh]
) -> PanelMesh | None:
    """The mirror image of the panel that this one mirrors; None without one, with darts, or with other divisions."""
    source = graded.pattern.panels[name].mirror_of
    if source is None or graded.pattern.panels[name].darts:
        return None
    mesh = panels[source]
    edges = {edge: chain[::-1] for edge, chain in mesh.edges.items()}
    for edge, chain in edges.items():
        parts = graded.pieces[f"{name}.{edge}"]
        if sum(segments[f"{name}.{part}"] for part in parts) != len(chain) - 1:
            return None
    # The outline runs the other way round: its points are renumbered to be in outline order again.
    order = np.concatenate([[0], np.arange(mesh.border - 1, 0, -1), np.arange(mesh.border, len(mesh.points))])
    renumbered = np.argsort(order)
    return PanelMesh(
        name=name,
        points=mesh.points[order] * [-1.0, 1.0],
        faces=renumbered[mesh.faces][:, ::-1],
        border=mesh.border,
        edges={edge: renumbered[chain] for edge, chain in edges.items()},
        index=np.zeros(0, np.int64),
    )


def _weld(graded: GradedPattern, panels: dict[str, PanelMesh], total: int) -> tuple[np.ndarray, int]:
    """Union of sewn points: [total] welded index of every panel point, and the number of welded vertices."""
    parent = np.arange(total)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for seam in graded.seams:
        chains = []
        for name in (seam.edge, seam.partner):
            panel, _, edge = name.partition(".")
            chains.append(panels[panel].index[panels[panel].edges[edge]])
        # Both outlines run counter-clockwise seen from outside, so partners run against each other.
        for i, j in zip(chains[0], chains[1][::-1], strict=True):
            low, high = sorted((root(i), root(j)))
            parent[high] = low
    roots, welded = np.unique([root(i) for i in range(total)], return_inverse=True)
    return welded, len(roots)
