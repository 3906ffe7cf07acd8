"""Grading: a pattern's expressions evaluated over one body's measurements, and its edges drawn as fine polylines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from synthesis.garments import checks
from synthesis.garments.darts import GradedDart, cut
from synthesis.garments.expressions import PatternError, evaluate
from synthesis.garments.pattern import Coordinate, Elastic, Fit, Panel, Pattern, Seam

_CURVE_POINTS = 65
_BISECTIONS = 40


@dataclasses.dataclass(frozen=True, eq=False)
class GradedPattern:
    """A pattern in metres.

    Attributes:
        pattern: the declaration.
        values: measurements and variables, metres.
        outlines: panel -> piece -> [N, 2] polyline in metres, outline order, counter-clockwise. A piece is an edge, or
            a part of one that darts cut it into, or a dart's leg.
        pieces: "panel.edge" -> the edge's pieces in outline order; darts' legs are edges of their own here.
        seams: the pattern's, and those that close the darts.
        apexes: panel -> [2] metres, point about which it is cut round; only panels that are.
        bands: (elastic, relaxed length in metres, shorter than its edges) of every rubber band.
        top: world height of the pattern's y = 0, metres.
    """

    pattern: Pattern
    values: dict[str, float]
    outlines: dict[str, dict[str, np.ndarray]]
    pieces: dict[str, tuple[str, ...]]
    seams: tuple[Seam, ...]
    apexes: dict[str, np.ndarray]
    bands: tuple[tuple[Elastic, float], ...]
    top: float

    def edge(self, name: str) -> np.ndarray:
        """[N, 2] polyline of a "panel.edge", metres; it jumps over the mouths of darts."""
        outline = self.outlines[name.partition(".")[0]]
        return np.concatenate([outline[piece] for piece in self.pieces[name]])

    def edge_length(self, name: str) -> float:
        """Length of a "panel.edge" as sewn, without the mouths of its darts, metres."""
        outline = self.outlines[name.partition(".")[0]]
        return sum(length(outline[piece]) for piece in self.pieces[name])

    def outline(self, panel: str) -> np.ndarray:
        """[N, 2] closed outline of a panel, metres, without repeated corners."""
        return np.concatenate([line[:-1] for line in self.outlines[panel].values()])


def grade(pattern: Pattern, measurements: Mapping[str, float], ease: float = 1.0) -> GradedPattern:
    """Grades a pattern to a body.

    Args:
        pattern: the declaration.
        measurements: name -> metres, see `measurements.measure`.
        ease: factor on the pattern's own looseness, for wider (> 1) and closer (< 1) garments.

    Raises:
        PatternError: an expression is malformed, a fit has no solution between its bounds, or the graded pattern does
            not fit together (`checks.check`).
    """
    values = {**measurements, "ease": float(ease)}
    try:
        return _grade(pattern, values)
    except PatternError as error:
        if pattern.name in str(error):
            raise
        raise PatternError(f"{error} (pattern {pattern.name!r})") from error


def _grade(pattern: Pattern, values: dict[str, float]) -> GradedPattern:
    taken = [name for name in (*pattern.variables, *(fit.variable for fit in pattern.fits)) if name in values]
    if taken:
        raise PatternError(f"A variable has a name of its own, not that of a measurement. Received: {', '.join(taken)}")
    for name, expression in pattern.variables.items():
        values[name] = evaluate(expression, values)
    for fit in pattern.fits:
        values[fit.variable] = _solve(pattern, fit, values)
    outlines, pieces, seams = {}, {}, list(pattern.seams)
    for name, panel in pattern.panels.items():
        drawn = {edge: _polyline(points, values, panel.mirrored) for edge, points in panel.edges.items()}
        outlines[name], parts, dart_seams = cut(drawn, _darts(panel, values))
        pieces.update({f"{name}.{edge}": part for edge, part in parts.items()})
        seams += [Seam(f"{name}.{a}", f"{name}.{b}") for a, b in dart_seams]
    apexes = {
        name: np.array([evaluate(c, values) for c in panel.apex]) * [-1.0 if panel.mirrored else 1.0, 1.0]
        for name, panel in pattern.panels.items()
        if panel.apex is not None
    }
    bands = tuple((elastic, evaluate(elastic.length, values)) for elastic in pattern.elastics)
    top = evaluate(pattern.top, values)
    graded = GradedPattern(pattern, values, outlines, pieces, tuple(seams), apexes, bands, top)
    checks.check(graded)
    return graded


def length(polyline: np.ndarray) -> float:
    """Arc length of [N, 2] points."""
    return float(np.linalg.norm(np.diff(polyline, axis=0), axis=1).sum())


def _darts(panel: Panel, values: Mapping[str, float]) -> list[GradedDart]:
    return [
        GradedDart(d.edge, evaluate(d.at, values), evaluate(d.width, values), evaluate(d.depth, values))
        for d in panel.darts
    ]


def _solve(pattern: Pattern, fit: Fit, values: dict[str, float]) -> float:
    def total(edges: tuple[str, ...], trial: float) -> float:
        names = {**values, fit.variable: trial}
        chosen = (edge.partition(".") for edge in edges)
        return sum(length(_polyline(pattern.panels[p].edges[e], names, False)) for p, _, e in chosen)

    low, high = (evaluate(bound, values) for bound in fit.between)

    def excess(trial: float) -> float:
        return total(fit.edges, trial) - fit.ratio * total(fit.match, trial)

    if not excess(low) <= 0 <= excess(high):
        raise PatternError(
            f"{fit.variable} of {pattern.name!r} must match {', '.join(fit.match)} somewhere between its bounds. "
            f"Received: {low:.3f} m leaves {excess(low):+.3f} m, {high:.3f} m leaves {excess(high):+.3f} m"
        )
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return 0.5 * (low + high)


def _polyline(points: tuple[Coordinate, ...], values: Mapping[str, float], mirrored: bool) -> np.ndarray:
    corners = np.array([[evaluate(x, values), evaluate(y, values)] for x, y in points])
    if mirrored:
        corners[:, 0] *= -1
    if len(corners) != 4:
        return corners
    t = np.linspace(0.0, 1.0, _CURVE_POINTS)[:, None]
    a, b, c, d = corners
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
