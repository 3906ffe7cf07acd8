"""Grading: a pattern's expressions evaluated over one body's measurements, and its edges drawn as fine polylines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from synthesis.garments.expressions import PatternError, evaluate
from synthesis.garments.pattern import Coordinate, Fit, Pattern

_CURVE_POINTS = 65
_BISECTIONS = 40


@dataclasses.dataclass(frozen=True, eq=False)
class GradedPattern:
    """A pattern in metres.

    Attributes:
        pattern: the declaration.
        values: measurements and variables, metres.
        outlines: panel -> edge -> [N, 2] polyline in metres, outline order, counter-clockwise.
        top: world height of the pattern's y = 0, metres.
    """

    pattern: Pattern
    values: dict[str, float]
    outlines: dict[str, dict[str, np.ndarray]]
    top: float

    def edge(self, name: str) -> np.ndarray:
        """[N, 2] polyline of a "panel.edge", metres."""
        panel, _, edge = name.partition(".")
        return self.outlines[panel][edge]


def grade(pattern: Pattern, measurements: Mapping[str, float], ease: float = 1.0) -> GradedPattern:
    """Grades a pattern to a body.

    Args:
        pattern: the declaration.
        measurements: name -> metres, see `measurements.measure`.
        ease: factor on the pattern's own looseness, for wider (> 1) and closer (< 1) garments.

    Raises:
        PatternError: an expression is malformed, or a fit has no solution between its bounds.
    """
    values = {**measurements, "ease": float(ease)}
    for name, expression in pattern.variables.items():
        values[name] = evaluate(expression, values)
    for fit in pattern.fits:
        values[fit.variable] = _solve(pattern, fit, values)
    outlines = {
        name: {edge: _polyline(points, values, panel.mirrored) for edge, points in panel.edges.items()}
        for name, panel in pattern.panels.items()
    }
    return GradedPattern(pattern, values, outlines, evaluate(pattern.top, values))


def length(polyline: np.ndarray) -> float:
    """Arc length of [N, 2] points."""
    return float(np.linalg.norm(np.diff(polyline, axis=0), axis=1).sum())


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
