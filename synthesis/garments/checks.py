"""What a graded pattern must satisfy to be sewn; what is wrong is named by panel and edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthesis.garments.expressions import PatternError

if TYPE_CHECKING:
    from synthesis.garments.grading import GradedPattern

# A tailor eases a few per cent of one edge into the other: a sleeve's cap into its armhole.
EASING = 0.1
SHORTEST_EDGE = 0.003
LARGEST_PANEL = 6.0


def check(graded: GradedPattern) -> None:
    """Checks outlines, seams and rubber bands.

    Raises:
        PatternError: an edge has no length, a panel is as large as no garment, an outline crosses itself or runs
            clockwise, seam partners differ by more than easing, or a band is longer than what it gathers.
    """
    for panel in graded.outlines:
        if not graded.pattern.panels[panel].mirrored:
            _check_outline(graded, panel)
    for seam in graded.seams:
        first, second = graded.edge_length(seam.edge), graded.edge_length(seam.partner)
        if not abs(second / (seam.gather * first) - 1.0) <= EASING:
            wanted = "as long as" if seam.gather == 1.0 else f"{seam.gather:g} times as long as"
            raise PatternError(
                f"In pattern {graded.pattern.name!r} edge {seam.partner!r} must be {wanted} edge {seam.edge!r}, to "
                f"{EASING:.0%} that can be eased in. Received: {second:.3f} m and {first:.3f} m"
            )
    for elastic, relaxed in graded.bands:
        full = sum(graded.edge_length(edge) for edge in elastic.edges)
        if not 0.3 * full <= relaxed <= full:
            raise PatternError(
                f"An elastic in {', '.join(elastic.edges)} of {graded.pattern.name!r} is 0.3 to 1 times as long as "
                f"these edges, {full:.3f} m. Received: {relaxed:.3f} m"
            )


def _check_outline(graded: GradedPattern, panel: str) -> None:
    where = f"Panel {panel!r} of {graded.pattern.name!r}"
    outline = graded.outlines[panel]
    for edge, line in outline.items():
        size = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        if not SHORTEST_EDGE <= size <= 2 * LARGEST_PANEL:
            raise PatternError(
                f"{where}: edge {edge!r} must be {SHORTEST_EDGE} to {2 * LARGEST_PANEL:g} m long. Received: {size:g} m"
            )
    border = graded.outline(panel)
    extent = float(np.ptp(border, axis=0).max())
    if extent > LARGEST_PANEL:
        raise PatternError(f"{where} must be at most {LARGEST_PANEL:g} m wide and high. Received: {extent:.3g} m")
    owner = np.repeat(np.arange(len(outline)), [len(line) - 1 for line in outline.values()])
    crossing = first_crossing(border)
    if crossing is not None:
        names = list(outline)
        one, other = (names[owner[k]] for k in crossing)
        edges = f"edge {one!r} crosses itself" if one == other else f"edges {one!r} and {other!r} cross"
        at = border[crossing[0]]
        raise PatternError(
            f"{where} must have an outline that does not cross itself. Received: {edges} near "
            f"({at[0]:.3f}, {at[1]:.3f}) m"
        )
    following = np.roll(border, -1, 0)
    if (border[:, 0] * following[:, 1] - border[:, 1] * following[:, 0]).sum() <= 0:
        raise PatternError(
            f"{where} must run counter-clockwise. Received: edges {', '.join(outline)}, which run clockwise"
        )


def first_crossing(border: np.ndarray) -> tuple[int, int] | None:
    """Two segments of a closed polygon [N, 2] that cross or touch, neighbours aside; None where it is simple."""
    a, b = border, np.roll(border, -1, 0)
    count = len(border)

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    one, other = side(a[:, None], b[:, None], a[None]), side(a[:, None], b[:, None], b[None])
    straddles = one * other <= 0
    crosses = straddles & straddles.T
    # Parallel segments straddle each other when they lie on one line: their boxes tell whether they meet.
    low, high = np.minimum(a, b), np.maximum(a, b)
    crosses &= ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(-1)
    k = np.arange(count)
    near = np.abs(k[:, None] - k[None]) % (count - 1) <= 1
    found = np.argwhere(crosses & ~near)
    return (int(found[0, 0]), int(found[0, 1])) if len(found) else None
