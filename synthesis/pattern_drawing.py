"""Sewing patterns drawn flat: panels side by side to scale, grain lines, and seams matched by number and colour."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from synthesis.annotate import Annotation
from synthesis.garments.grading import GradedPattern, length

_PAPER, _GRID, _TENTH, _CLOTH = (250, 250, 248), (236, 238, 240), (222, 226, 230), (226, 233, 240)
_COLOURS = (
    "#d1495b", "#00798c", "#8a5a00", "#5b2a86", "#2e7d32", "#c2410c", "#1f5fbf", "#a3195b", "#54700f", "#0f766e",
)  # fmt: skip
_HEADER, _MARGIN, _LABEL = 40, 14, 18
_GAP = 0.05
# Pixels that a panel with its name takes at least.
_NARROWEST = 110
_SUBPIXEL = 4


@dataclasses.dataclass(frozen=True, eq=False)
class _Placed:
    """A panel on the page: points times scale (y turned down) plus offset are pixels."""

    panel: str
    scale: float
    offset: np.ndarray

    def pixels(self, points: np.ndarray) -> np.ndarray:
        return points * [self.scale, -self.scale] + self.offset


def draw_patterns(patterns: list[GradedPattern], width: int, height: int, title: str) -> np.ndarray:
    """Draws graded patterns, all to one scale; of two panels that mirror each other, one.

    Args:
        patterns: of one garment or of an outfit's garments.
        width: pixels.
        height: pixels.
        title: headline.

    Returns:
        uint8 [height, width, 3].
    """
    shown = [(graded, name) for graded in patterns for name in _shown(graded)]
    places = _layout(shown, width, height)
    scale = places[0].scale
    page = _paper(width, height, scale)
    for (graded, name), place in zip(shown, places, strict=True):
        corners = np.rint(place.pixels(graded.outline(name)) * 2**_SUBPIXEL).astype(np.int32)
        cv2.fillPoly(page, [corners], _CLOTH, cv2.LINE_AA, _SUBPIXEL)
    note = Annotation(page)
    note.text(title, (_MARGIN, _HEADER / 2), 17, align="left", bold=True)
    note.text("grid 1 cm and 10 cm", (width - _MARGIN, _HEADER / 2), 13, "#666666", "right")
    for graded in patterns:
        _draw_panels(note, graded, [p for (g, _), p in zip(shown, places, strict=True) if g is graded])
    return note.image()


def _shown(graded: GradedPattern) -> list[str]:
    return [name for name, panel in graded.pattern.panels.items() if not panel.mirrored]


def _layout(shown: list[tuple[GradedPattern, str]], width: int, height: int) -> list[_Placed]:
    """Panels in shelves, at the largest scale that fits."""
    boxes = [(graded.outline(name).min(0), graded.outline(name).max(0)) for graded, name in shown]
    for scale in np.geomspace(1500.0, 20.0, 200):
        gap = _GAP * scale + 6
        x, y, shelf, places = _MARGIN, float(_HEADER), 0.0, []
        for (_, name), (low, high) in zip(shown, boxes, strict=True):
            wide, tall = (high - low) * scale
            wide = max(wide, _NARROWEST)
            if x > _MARGIN and x + wide > width - _MARGIN:
                x, y, shelf = _MARGIN, y + shelf + _LABEL + gap, 0.0
            places.append(_Placed(name, float(scale), np.array([x - low[0] * scale, y + _LABEL + high[1] * scale])))
            x, shelf = x + wide + gap, max(shelf, tall)
            if x - gap > width - _MARGIN:
                break
        else:
            if y + _LABEL + shelf <= height - _MARGIN:
                return places
    return places


def _paper(width: int, height: int, scale: float) -> np.ndarray:
    page = np.full((height, width, 3), _PAPER, np.uint8)
    for step, colour in ((0.01, _GRID), (0.1, _TENTH)):
        if step * scale >= 3:
            for k in range(int(max(width, height) / (step * scale)) + 1):
                at = round(k * step * scale)
                page[_HEADER:, at : at + 1] = colour
                page[_HEADER + at : _HEADER + at + 1] = colour
    return page


def _draw_panels(note: Annotation, graded: GradedPattern, places: list[_Placed]) -> None:
    numbers = _seam_numbers(graded)
    elastic = {edge for e in graded.pattern.elastics for edge in e.edges}
    twins = {panel.mirror_of: name for name, panel in graded.pattern.panels.items() if panel.mirrored}
    for place in places:
        outline = graded.outline(place.panel)
        note.line(place.pixels(np.concatenate([outline, outline[:1]])), "#39424e", 1.2)
        top = place.pixels(np.array([0.5 * (outline[:, 0].min() + outline[:, 0].max()), outline[:, 1].max()])[None])[0]
        words = place.panel.replace("_", " ") + (" ×2" if place.panel in twins else "")
        note.text(words, top - np.array([0, 10]), 13)
        _grain_line(note, place, outline)
        centre = place.pixels(outline.mean(0)[None])[0]
        for edge in (name for name in graded.pieces if name.startswith(f"{place.panel}.")):
            lines = [place.pixels(graded.outlines[place.panel][piece]) for piece in graded.pieces[edge]]
            if edge in numbers:
                colour = _COLOURS[numbers[edge] % len(_COLOURS)]
                for line in lines:
                    note.line(line, colour, 3.0)
                if "_dart" not in edge:
                    # Inside of the longest piece: a dart's mouth would be no place for it.
                    middle = _middle(max(lines, key=length))
                    inward = centre - middle
                    at = middle + inward / max(float(np.linalg.norm(inward)), 1.0) * 11
                    note.text(str(numbers[edge] + 1), at, 12, colour, bold=True)
            if edge in elastic:
                for line in lines:
                    note.line(line, "#111111", 4.0)
                note.text("elastic", _middle(max(lines, key=length)) + np.array([0, 14]), 11, "#111111")


def _middle(line: np.ndarray) -> np.ndarray:
    return line[len(line) // 2] if len(line) > 2 else line.mean(0)


def _grain_line(note: Annotation, place: _Placed, outline: np.ndarray) -> None:
    """The warp's direction: an arrow up the panel's y."""
    middle, half = outline.mean(0), 0.12 * float(np.ptp(outline[:, 1]))
    ends = place.pixels(middle + np.array([[0.0, -half], [0.0, half]]))
    note.arrow(ends[0], ends[1], "#9aa5b1", 1.2)
    note.arrow(ends[1], ends[0], "#9aa5b1", 1.2)


def _seam_numbers(graded: GradedPattern) -> dict[str, int]:
    """Edge of a shown panel -> number of its seam; an edge of a hidden mirror image counts as the shown one's."""

    def canonical(edge: str) -> str:
        panel, _, own = edge.partition(".")
        return f"{graded.pattern.panels[panel].mirror_of or panel}.{own}"

    numbers: dict[str, int] = {}
    for seam in graded.seams:
        pair = canonical(seam.edge), canonical(seam.partner)
        known = [numbers[edge] for edge in pair if edge in numbers]
        number = known[0] if known else len(set(numbers.values()))
        for edge in pair:
            numbers.setdefault(edge, number)
    return numbers
