"""Sewing patterns as declared in `library/*.json`: panels, named edges, seams, placement; lengths are expressions.

A panel's outline is a closed chain of named edges, counter-clockwise seen from outside the garment, in metres:
x across the panel, y up (towards the neck, the waist, or the sleeve's cap). An edge is a list of points, named ones or
`[x, y]` pairs of expressions: two points make a line, four a cubic Bezier curve, longer lists a polyline.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

from synthesis.garments.expressions import PatternError

LIBRARY = pathlib.Path(__file__).parent / "library"
LIMBS = ("torso", "left_arm", "right_arm", "left_leg", "right_leg")
SIDES = ("front", "back", "whole")

Coordinate = tuple[str | float, str | float]


@dataclasses.dataclass(frozen=True)
class Panel:
    """One piece of cloth.

    Attributes:
        edges: name -> coordinates (expressions), in outline order.
        around: the limb that the panel is wrapped around before draping, one of LIMBS.
        side: the part of the limb's circumference that it covers, one of SIDES.
        mirrored: the outline is the mirror image (x -> -x) of the declared one.
    """

    edges: dict[str, tuple[Coordinate, ...]]
    around: str
    side: str
    mirrored: bool = False


@dataclasses.dataclass(frozen=True)
class Fit:
    """A variable that is solved for, so that one chain of edges becomes as long as another.

    Attributes:
        variable: name that later expressions and the panels use.
        between: lower and upper bound (expressions, metres) of the search.
        edges: "panel.edge" names whose total length grows with the variable.
        match: "panel.edge" names whose total length is wanted.
        ratio: wanted quotient of the two lengths (above 1: the first is eased into the second).
    """

    variable: str
    between: tuple[str | float, str | float]
    edges: tuple[str, ...]
    match: tuple[str, ...]
    ratio: float = 1.0


@dataclasses.dataclass(frozen=True)
class Pattern:
    """One garment's sewing pattern, not yet graded.

    Attributes:
        name: file stem in the library.
        layer: 0 lies nearest the skin.
        variables: name -> expression, evaluated in order over the body's measurements.
        fits: variables found by matching edge lengths, solved in order after `variables`.
        panels: name -> panel.
        seams: pairs of "panel.edge" names that are sewn together, each running against the other.
        attached: "panel.edge" names that the body holds (waistbands).
        top: expression, the world height (metres, T-pose) of the pattern's y = 0.
    """

    name: str
    layer: int
    variables: dict[str, str | float]
    fits: tuple[Fit, ...]
    panels: dict[str, Panel]
    seams: tuple[tuple[str, str], ...]
    attached: tuple[str, ...]
    top: str | float


def load_pattern(name: str) -> Pattern:
    """Loads and validates one pattern of the library.

    Raises:
        PatternError: there is no such pattern, or the file is not a well-formed one.
    """
    path = LIBRARY / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in LIBRARY.glob("*.json")))
        raise PatternError(f"A garment is one of {known}. Received: {name!r}")
    try:
        return parse_pattern(name, json.loads(path.read_text()))
    except json.JSONDecodeError as error:
        raise PatternError(f"A pattern file is JSON. Received: {path} ({error})") from error


def parse_pattern(name: str, tree: dict) -> Pattern:
    """Builds a pattern from its JSON tree.

    Raises:
        PatternError: a key is missing, an outline is not closed, or a seam names an edge that does not exist.
    """
    try:
        panels: dict[str, Panel] = {}
        for panel_name, declared in tree["panels"].items():
            panels[panel_name] = _parse_panel(panel_name, declared, panels)
        pattern = Pattern(
            name=name,
            layer=int(tree["layer"]),
            variables=dict(tree.get("variables", {})),
            fits=tuple(
                Fit(f["variable"], tuple(f["between"]), tuple(f["edges"]), tuple(f["match"]), float(f.get("ratio", 1)))
                for f in tree.get("fits", ())
            ),
            panels=panels,
            seams=tuple((a, b) for a, b in tree["seams"]),
            attached=tuple(tree.get("attached", ())),
            top=tree["top"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PatternError(f"Pattern {name!r} lacks a key or has one of a wrong kind. Received: {error!r}") from error
    _check_references(pattern)
    return pattern


def _parse_panel(name: str, declared: dict, earlier: dict[str, Panel]) -> Panel:
    if "mirror_of" in declared:
        source = earlier[declared["mirror_of"]]
        # Mirroring turns the outline around; reversing edges and their points keeps it counter-clockwise.
        edges = {edge: points[::-1] for edge, points in reversed(source.edges.items())}
        return Panel(edges, source.around.replace("left", "right"), source.side, mirrored=True)
    named = declared["points"]
    edges = {}
    for edge, points in declared["edges"].items():
        edges[edge] = tuple(tuple(named[p]) if isinstance(p, str) else tuple(p) for p in points)
    panel = Panel(edges, declared["around"], declared["side"])
    chain = list(edges.items())
    for (edge, points), (following, next_points) in zip(chain, chain[1:] + chain[:1], strict=True):
        if len(points) < 2 or points[-1] != next_points[0]:
            raise PatternError(
                f"Edge {edge!r} of panel {name!r} must end where {following!r} starts. Received: {points}"
            )
    if panel.around not in LIMBS or panel.side not in SIDES:
        raise PatternError(
            f"Panel {name!r} goes around one of {', '.join(LIMBS)}, on a side of {', '.join(SIDES)}. "
            f"Received: {panel.around!r}, {panel.side!r}"
        )
    return panel


def _check_references(pattern: Pattern) -> None:
    known = {f"{name}.{edge}" for name, panel in pattern.panels.items() for edge in panel.edges}
    used = [edge for seam in pattern.seams for edge in seam]
    named = [*used, *pattern.attached, *(edge for fit in pattern.fits for edge in (*fit.edges, *fit.match))]
    for edge in named:
        if edge not in known:
            raise PatternError(f"Pattern {pattern.name!r} has the edges {', '.join(sorted(known))}. Received: {edge!r}")
    twice = sorted({edge for edge in used if used.count(edge) > 1})
    if twice:
        raise PatternError(f"An edge belongs to one seam. Received: {', '.join(twice)} in several of {pattern.name!r}")
