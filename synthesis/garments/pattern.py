"""Sewing patterns as declared in `library/*.json`: panels, named edges, darts, seams, placement.

Described in docs/garments.md; `schema.py` says which tree is well formed.

A panel's outline is a closed chain of named edges, counter-clockwise seen from outside the garment, in metres:
x across the panel, y up (towards the neck, the waist, or the sleeve's cap). An edge is a list of points, named ones or
`[x, y]` pairs of expressions: two points make a line, four a cubic Bezier curve, longer lists a polyline.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from synthesis.garments import schema
from synthesis.garments.expressions import PatternError, names_in

LIBRARY = pathlib.Path(__file__).parent / "library"
SUFFIX = ".json"

Expression = str | float
Coordinate = tuple[Expression, Expression]


@dataclasses.dataclass(frozen=True)
class Dart:
    """A wedge folded out of a panel: its mouth lies on an edge, its legs are sewn to each other.

    Attributes:
        edge: the panel's edge that it opens from.
        at: middle of the mouth, share of the edge's length in outline order.
        width: of the mouth, metres (expression); a dart that grades to less than a few millimetres is left out.
        depth: from the mouth to the point, metres (expression), at a right angle to the edge.
    """

    edge: str
    at: Expression
    width: Expression
    depth: Expression


@dataclasses.dataclass(frozen=True)
class Panel:
    """One piece of cloth.

    Attributes:
        edges: name -> coordinates (expressions), in outline order.
        around: the limb that the panel is wrapped around before draping, one of schema.LIMBS.
        side: the part of the limb's circumference that it covers, one of schema.SIDES.
        darts: wedges folded out of it.
        apex: point about which the panel is cut round (flared skirts, flounces): circles around it are its rows, where
            None has horizontal lines for rows.
        mirror_of: panel whose mirror image (x -> -x) this one is.
    """

    edges: dict[str, tuple[Coordinate, ...]]
    around: str
    side: str
    darts: tuple[Dart, ...] = ()
    apex: Coordinate | None = None
    mirror_of: str | None = None

    @property
    def mirrored(self) -> bool:
        """Whether the outline is the mirror image (x -> -x) of the declared one."""
        return self.mirror_of is not None


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
    between: tuple[Expression, Expression]
    edges: tuple[str, ...]
    match: tuple[str, ...]
    ratio: float = 1.0


@dataclasses.dataclass(frozen=True)
class Seam:
    """Two edges that are sewn together, each running against the other.

    Attributes:
        edge: "panel.edge".
        partner: "panel.edge".
        gather: how many times as long as the edge its partner is: above 1 the partner is gathered.
    """

    edge: str
    partner: str
    gather: float = 1.0


@dataclasses.dataclass(frozen=True)
class Elastic:
    """A rubber band sewn into edges, which makes a waistband grip.

    Attributes:
        edges: "panel.edge" names, which together make the band.
        length: of the relaxed band, metres (expression).
    """

    edges: tuple[str, ...]
    length: Expression


@dataclasses.dataclass(frozen=True)
class Pattern:
    """One garment's sewing pattern, not yet graded.

    Attributes:
        name: file stem in the library.
        title: what people call the garment.
        layer: 0 lies nearest the skin.
        variables: name -> expression, evaluated in order over the body's measurements.
        fits: variables found by matching edge lengths, solved in order after `variables`.
        panels: name -> panel.
        seams: what is sewn to what.
        attached: "panel.edge" names that the body holds (waistbands).
        elastics: rubber bands.
        top: expression, the world height (metres, T-pose) of the pattern's y = 0.
    """

    name: str
    title: str
    layer: int
    variables: dict[str, Expression]
    fits: tuple[Fit, ...]
    panels: dict[str, Panel]
    seams: tuple[Seam, ...]
    attached: tuple[str, ...]
    elastics: tuple[Elastic, ...]
    top: Expression


def known_garments() -> tuple[str, ...]:
    """Names of the library's patterns."""
    return tuple(sorted(path.stem for path in LIBRARY.glob(f"*{SUFFIX}")))


def load_pattern(garment: str | pathlib.Path) -> Pattern:
    """Loads and validates a pattern: one of the library's by its name, or any by the path of its file.

    Raises:
        PatternError: there is no such pattern, or the file is not a well-formed one.
    """
    path = pathlib.Path(garment)
    if path.suffix.lower() != SUFFIX:
        if str(garment) not in known_garments():
            raise PatternError(
                f"A garment is one of {', '.join(known_garments())}, or a pattern file *{SUFFIX}. "
                f"Received: {str(garment)!r}"
            )
        path = LIBRARY / f"{garment}{SUFFIX}"
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PatternError(f"A pattern file is needed. Received: {path} ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PatternError(f"A pattern file is JSON in UTF-8. Received: {path} ({error})") from error
    return parse_pattern(path.stem, tree)


def parse_pattern(name: str, tree: Any) -> Pattern:
    """Builds a pattern from its JSON tree.

    Raises:
        PatternError: the tree is not well formed, an outline is not closed, or a seam names an edge that does not
            exist. The message names the pattern, the panel and the edge, or the place in the tree.
    """
    schema.check(name, tree)
    panels: dict[str, Panel] = {}
    for panel_name, declared in tree["panels"].items():
        panels[panel_name] = _panel(name, panel_name, declared, panels)
    pattern = Pattern(
        name=name,
        title=tree.get("title", name.replace("_", " ")),
        layer=tree["layer"],
        variables=dict(tree.get("variables", {})),
        fits=tuple(
            Fit(f["variable"], tuple(f["between"]), tuple(f["edges"]), tuple(f["match"]), float(f.get("ratio", 1)))
            for f in tree.get("fits", ())
        ),
        panels=panels,
        seams=tuple(_seam(seam) for seam in tree["seams"]),
        attached=tuple(tree.get("attached", ())),
        elastics=tuple(Elastic(tuple(e["edges"]), e["length"]) for e in tree.get("elastics", ())),
        top=tree["top"],
    )
    _check_references(pattern)
    return pattern


def _seam(declared: list | dict) -> Seam:
    if isinstance(declared, list):
        declared = {"edges": declared}
    edge, partner = declared["edges"]
    return Seam(edge, partner, float(declared.get("gather", 1.0)))


def _panel(pattern: str, name: str, declared: dict, earlier: dict[str, Panel]) -> Panel:
    where = f"panel {name!r} of {pattern!r}"
    if "mirror_of" in declared:
        source = earlier.get(declared["mirror_of"])
        if source is None or source.mirror_of:
            raise PatternError(
                f"P{where[1:]} mirrors a panel that is declared above it. Received: {declared['mirror_of']!r}"
            )
        # Mirroring turns the outline around; reversing edges and their points keeps it counter-clockwise.
        return Panel(
            edges={edge: points[::-1] for edge, points in reversed(source.edges.items())},
            around=source.around.replace("left", "right"),
            side=source.side,
            darts=tuple(dataclasses.replace(dart, at=f"1 - ({dart.at})") for dart in source.darts),
            apex=source.apex,
            mirror_of=declared["mirror_of"],
        )
    named, edges = declared.get("points", {}), {}
    for edge, points in declared["edges"].items():
        unknown = [p for p in points if isinstance(p, str) and p not in named]
        if unknown:
            raise PatternError(
                f"Edge {edge!r} of {where} goes through points {', '.join(named) or 'as [x, y]'}. "
                f"Received: {unknown[0]!r}"
            )
        edges[edge] = tuple(tuple(named[p]) if isinstance(p, str) else tuple(p) for p in points)
    chain = list(edges.items())
    for (edge, points), (following, next_points) in zip(chain, chain[1:] + chain[:1], strict=True):
        if points[-1] != next_points[0]:
            raise PatternError(
                f"P{where[1:]}: edge {edge!r} must end where edge {following!r} starts. "
                f"Received: {list(points[-1])} and {list(next_points[0])}"
            )
    if declared["around"].endswith("leg") and "crotch" not in edges:
        raise PatternError(f"P{where[1:]}, around a leg, has an edge 'crotch'. Received: {', '.join(edges)}")
    darts = tuple(Dart(d["edge"], d["at"], d["width"], d["depth"]) for d in declared.get("darts", ()))
    for dart in darts:
        if dart.edge not in edges:
            raise PatternError(f"P{where[1:]}: a dart opens from one of {', '.join(edges)}. Received: {dart.edge!r}")
    apex = tuple(declared["apex"]) if "apex" in declared else None
    return Panel(edges, declared["around"], declared["side"], darts, apex)


def _check_references(pattern: Pattern) -> None:
    known = {f"{name}.{edge}" for name, panel in pattern.panels.items() for edge in panel.edges}
    used = [edge for seam in pattern.seams for edge in (seam.edge, seam.partner)]
    named = [
        *used,
        *pattern.attached,
        *(edge for fit in pattern.fits for edge in (*fit.edges, *fit.match)),
        *(edge for elastic in pattern.elastics for edge in elastic.edges),
    ]
    for edge in named:
        if edge not in known:
            raise PatternError(f"Pattern {pattern.name!r} has the edges {', '.join(sorted(known))}. Received: {edge!r}")
    twice = sorted({edge for edge in used if used.count(edge) > 1})
    if twice:
        raise PatternError(f"An edge belongs to one seam. Received: {', '.join(twice)} in several of {pattern.name!r}")


def measurements_used(pattern: Pattern) -> tuple[str, ...]:
    """Names that the pattern's expressions take from the body (`measurements.measure`), sorted."""
    expressions: list[Expression] = [pattern.top, *pattern.variables.values()]
    expressions += [e for fit in pattern.fits for e in fit.between] + [e.length for e in pattern.elastics]
    for panel in pattern.panels.values():
        expressions += [c for edge in panel.edges.values() for point in edge for c in point]
        expressions += [e for dart in panel.darts for e in (dart.at, dart.width, dart.depth)]
        expressions += panel.apex or ()
    own = {*pattern.variables, *(fit.variable for fit in pattern.fits), "ease"}
    return tuple(sorted({name for e in expressions for name in names_in(e)} - own))
