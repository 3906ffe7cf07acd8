"""Darts: wedges cut out of a panel's outline, whose legs are then sewn to each other so that the cloth bulges there."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.garments.expressions import PatternError

# A dart this narrow is a tuck that nobody would sew: the cloth is left as it is.
MIN_WIDTH = 0.006


@dataclasses.dataclass(frozen=True)
class GradedDart:
    """A dart in metres: see `pattern.Dart`."""

    edge: str
    at: float
    width: float
    depth: float


def cut(
    drawn: dict[str, np.ndarray], darts: list[GradedDart]
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Cuts darts into an outline.

    Args:
        drawn: edge -> [N, 2] metres, outline order, counter-clockwise.
        darts: in any order.

    Returns:
        Piece -> [N, 2] in outline order; edge or leg -> its pieces; pairs of legs to sew.

    Raises:
        PatternError: a dart is as wide as its edge has no room for, or has no depth.
    """
    outline: dict[str, np.ndarray] = {}
    pieces: dict[str, tuple[str, ...]] = {}
    seams = []
    for edge, line in drawn.items():
        chosen = sorted((d for d in darts if d.edge == edge and d.width >= MIN_WIDTH), key=lambda d: d.at)
        parts = []
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        begin = 0.0
        for k, dart in enumerate(chosen):
            left, right = dart.at * arc[-1] - 0.5 * dart.width, dart.at * arc[-1] + 0.5 * dart.width
            if not (left > begin + MIN_WIDTH and right < arc[-1] - MIN_WIDTH and dart.depth >= dart.width):
                raise PatternError(
                    f"A dart of edge {edge!r} must leave cloth on both sides and be deeper than wide. Received: "
                    f"{dart.width:.3f} m wide, {dart.depth:.3f} m deep at {dart.at:.2f} of {arc[-1]:.3f} m"
                )
            mouth = np.array([_at(line, arc, left), _at(line, arc, right)])
            across = mouth[1] - mouth[0]
            inward = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-9)
            point = mouth.mean(0) + dart.depth * inward
            parts.append(f"{edge}_{k}" if k else edge)
            outline[parts[-1]] = _part(line, arc, begin, left)
            down, up = f"{edge}_dart{k}_down", f"{edge}_dart{k}_up"
            outline[down], outline[up] = np.array([mouth[0], point]), np.array([point, mouth[1]])
            pieces[down], pieces[up] = (down,), (up,)
            seams.append((down, up))
            begin = right
        parts.append(f"{edge}_{len(chosen)}" if chosen else edge)
        outline[parts[-1]] = _part(line, arc, begin, arc[-1])
        pieces[edge] = tuple(parts)
    return outline, pieces, seams


def _at(line: np.ndarray, arc: np.ndarray, where: float) -> np.ndarray:
    return np.array([np.interp(where, arc, line[:, k]) for k in range(2)])


def _part(line: np.ndarray, arc: np.ndarray, begin: float, end: float) -> np.ndarray:
    inner = line[(arc > begin + 1e-9) & (arc < end - 1e-9)]
    return np.concatenate([[_at(line, arc, begin)], inner, [_at(line, arc, end)]])
