"""Pictures of garments: the flat pattern beside the garment draped on a body, and sheets for the documentation."""

from __future__ import annotations

import functools
import math
import pathlib
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from model.body.numpy_body import NumpyBody
from synthesis.annotate import Annotation
from synthesis.garment_draping import Draped, drape
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.grading import grade
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.pattern import Pattern
from synthesis.pattern_drawing import draw_patterns
from synthesis.render.interface import FIRST_GARMENT_ID, Material, Surface
from synthesis.studio import Framing, Studio, Worn

# sRGB of the inner garment's cloth, and of the one over it: light, so that folds show, with a line every 10 cm of the
# pattern, so that stretch does too.
_COLOURS = ((128, 168, 140), (214, 190, 150))
_GRID_METRES, _GRID_TEXELS, _LINE_TEXELS, _LINE_SHADE = 0.1, 64, 2, 0.72
_FRONT, _BACK = math.radians(22), math.radians(180 + 22)
# Shown of a motion: two frames, counted from its end.
_MOMENTS = (-18, -1)
# What pictures of whole people in motion show, metres: the height of their middle and their own.
_MIDDLE_HEIGHT, _SHOWN_HEIGHT = 0.95, 2.4
# Picture's height over the garment's in close-ups.
_ROOM = 1.4


def sheet(
    patterns: Sequence[Pattern],
    body: NumpyBody,
    betas: np.ndarray,
    edge_length: float,
    title: str,
    cache: pathlib.Path | None = None,
) -> np.ndarray:
    """Flat patterns, then the garments on a standing person from the front and from the back: uint8 [H, W, 3].

    Args:
        patterns: inner garments first.
        body: who wears them.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        title: written on it.
        cache: folder of simulations, see `garment_draping.drape`.

    Raises:
        PatternError: a pattern does not fit this body.
        RenderError: OpenGL cannot start here.
    """
    height, across = 640, 330
    measurements = measure(DressForm.of(body, betas))
    flat = draw_patterns([grade(pattern, measurements) for pattern in patterns], 780, height, title)
    draped = drape(patterns, body, betas, edge_length, cache=cache)
    return np.concatenate([flat, *_standing(draped, across, height, (_FRONT, _BACK))], 1)


def patterns_sheet(patterns: Sequence[Pattern], body: NumpyBody, betas: np.ndarray) -> np.ndarray:
    """Flat patterns of many garments, two to a row: uint8 [H, W, 3]."""
    measurements = measure(DressForm.of(body, betas))
    cells = [draw_patterns([grade(pattern, measurements)], 620, 430, pattern.title) for pattern in patterns]
    cells += [np.full_like(cells[0], 250)] * (len(cells) % 2)
    return np.concatenate([np.concatenate(cells[k : k + 2], 1) for k in range(0, len(cells), 2)])


def outfits_sheet(
    outfits: Sequence[tuple[str, Sequence[Pattern]]],
    bodies: Sequence[NumpyBody],
    betas: np.ndarray,
    edge_length: float,
    cache: pathlib.Path | None = None,
    done: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Outfits, each at rest from the front and the back and in two frames of a motion: uint8 [H, W, 3].

    Args:
        outfits: name and patterns of each.
        bodies: who wears them, in turn.
        betas: [10] shape of all of them.
        edge_length: of the cloth's triangles, metres.
        cache: folder of simulations, see `garment_draping.drape`.
        done: called after each outfit.
    """
    width, height, kinds = 180, 330, ("walk", "dance", "kick", "jump")
    cells = []
    for k, (name, patterns) in enumerate(outfits):
        body, kind = bodies[k % len(bodies)], kinds[k % len(kinds)]
        still = drape(patterns, body, betas, edge_length, cache=cache)
        moving = drape(patterns, body, betas, edge_length, kind, cache=cache)
        pictures = [*_standing(still, width, height, (_FRONT, _BACK)), *_moving(moving, width, height)]
        cells.append(_noted(np.concatenate(pictures, 1), f"{name.replace('_', ' ')}; {kind}"))
        done()
    cells += [np.full_like(cells[0], 236)] * (len(cells) % 2)
    rows = [
        np.concatenate(
            [cv2.copyMakeBorder(c, 0, 2, 0, 2, cv2.BORDER_CONSTANT, value=(250, 250, 250)) for c in cells[i : i + 2]], 1
        )
        for i in range(0, len(cells), 2)
    ]
    return np.concatenate(rows)


def fabrics_sheet(
    pattern: Pattern,
    kind: str,
    body: NumpyBody,
    betas: np.ndarray,
    edge_length: float,
    cache: pathlib.Path | None = None,
    done: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """One garment in every fabric, a column each: at rest, and in two frames of a motion: uint8 [H, W, 3].

    Args:
        pattern: the garment.
        kind: of the built-in motion.
        body: who wears it.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        cache: folder of simulations, see `garment_draping.drape`.
        done: called after each fabric.
    """
    studio, columns = Studio(250, 300), []
    for fabric in FABRICS:
        still = drape([pattern], body, betas, edge_length, fabric=fabric, cache=cache)
        moving = drape([pattern], body, betas, edge_length, kind, fabric, cache)
        close = [_close_up(studio, still, -1), *(_close_up(studio, moving, t) for t in _MOMENTS)]
        columns.append(_noted(np.concatenate(close), fabric))
        done()
    studio.close()
    return np.concatenate(columns, 1)


def _standing(draped: Draped, width: int, height: int, turns: Sequence[float]) -> list[np.ndarray]:
    """The last frame, turned by so many radians: uint8 [height, width, 3] each."""
    studio = Studio(width, height)
    vertices, worn = draped.vertices[-1], _worn(draped, -1)
    everything = np.concatenate([vertices, *(garment.vertices for garment in worn)])
    pictures = [studio.picture(draped.body.data, vertices, studio.fit(everything, turn), worn=worn) for turn in turns]
    studio.close()
    return pictures


def _moving(draped: Draped, width: int, height: int) -> list[np.ndarray]:
    """Two late frames at one scale: uint8 [height, width, 3] each."""
    studio = Studio(width, height)
    pictures = []
    for frame in _MOMENTS:
        vertices = draped.vertices[frame]
        x, _, z = studio.fit(vertices, _FRONT).centre
        framing = Framing((x, _MIDDLE_HEIGHT, z), _SHOWN_HEIGHT, _FRONT)
        pictures.append(studio.picture(draped.body.data, vertices, framing, worn=_worn(draped, frame)))
    studio.close()
    return pictures


def _close_up(studio: Studio, draped: Draped, frame: int) -> np.ndarray:
    """The garments of one frame, as large as they are at rest in the pattern: uint8 [height, width, 3]."""
    middle = np.concatenate([moved[frame] for moved in draped.cloth])
    low, high = middle.min(0), middle.max(0)
    # Cloth that swings up is not shown larger.
    tall = max(float(np.ptp(mesh.rest_uv[..., 1])) for mesh in draped.meshes)
    framing = Framing(tuple(((low + high) / 2).tolist()), _ROOM * max(tall, float((high - low)[1])), _FRONT)
    return studio.picture(draped.body.data, draped.vertices[frame], framing, worn=_worn(draped, frame))


def _worn(draped: Draped, frame: int) -> list[Worn]:
    """The garments in one frame, for a studio."""
    return [
        Worn(Surface(mesh.name, FIRST_GARMENT_ID + k, mesh.faces, mesh.rest_uv, _look(k % len(_COLOURS))), moved[frame])
        for k, (mesh, moved) in enumerate(zip(draped.meshes, draped.cloth, strict=True))
    ]


@functools.cache
def _look(k: int) -> Material:
    """Plain cloth with a grid."""
    albedo = np.tile(np.array(_COLOURS[k], np.uint8), (_GRID_TEXELS, _GRID_TEXELS, 1))
    line = (_LINE_SHADE * np.array(_COLOURS[k])).astype(np.uint8)
    albedo[:_LINE_TEXELS] = albedo[:, :_LINE_TEXELS] = line
    return Material(albedo, roughness=0.9, two_sided=True, uv_scale=1.0 / _GRID_METRES)


def _noted(picture: np.ndarray, text: str) -> np.ndarray:
    note = Annotation(picture)
    note.text(text, (10, 16), 15, align="left", bold=True)
    return note.image()
