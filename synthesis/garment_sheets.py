"""Pictures of garments: the flat pattern beside the garment draped on a body, and sheets for the documentation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from model.body.numpy_body import NumpyBody
from synthesis.annotate import Annotation
from synthesis.cloth.engine import ClothScene
from synthesis.cloth.simulate import ImplicitEngine
from synthesis.garments.dress import make
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.grading import grade
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.mesh import GarmentMesh
from synthesis.garments.pattern import Pattern
from synthesis.motion import builtin, lead_in, placement
from synthesis.motion.builtin import stills
from synthesis.pattern_drawing import draw_patterns
from synthesis.render.interface import Surface
from synthesis.scene import textures
from synthesis.studio import Framing, Studio, Worn

FPS = 30.0
_STILL_FRAMES = 14
_LOOKS = (("plain", 3), ("stripes", 5))
_FABRIC = "cotton"
_FRONT, _BACK = math.radians(22), math.radians(180 + 22)


@dataclasses.dataclass(frozen=True, eq=False)
class Draped:
    """A dressed person through time.

    Attributes:
        body: whom.
        vertices: [T, V, 3] the body, metres.
        meshes: garments as sewn, inner ones first.
        cloth: for each garment [T, V', 3] metres.
    """

    body: NumpyBody
    vertices: np.ndarray
    meshes: tuple[GarmentMesh, ...]
    cloth: tuple[np.ndarray, ...]

    def worn(self, frame: int) -> list[Worn]:
        """The garments in one frame, for a studio."""
        looks = (textures.make(*_LOOKS[k % len(_LOOKS)]).material() for k in range(len(self.meshes)))
        return [
            Worn(Surface(mesh.name, 2 + k, mesh.faces, mesh.rest_uv, look), moved[frame])
            for k, (mesh, moved, look) in enumerate(zip(self.meshes, self.cloth, looks, strict=True))
        ]


def drape(
    patterns: Sequence[Pattern], body: NumpyBody, betas: np.ndarray, edge_length: float, kind: str | None = None
) -> Draped:
    """Sews an outfit for a person and lets it hang.

    Args:
        patterns: inner garments first.
        body: the person's body model.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        kind: of the built-in motion that follows; None: the person lowers the arms and stands.

    Raises:
        PatternError: a pattern does not fit this body.
    """
    form = DressForm.of(body, betas)
    measurements = measure(form)
    meshes = [make(pattern, form, measurements, edge_length) for pattern in patterns]
    if kind is None:
        pose = np.tile(stills.pose("stand"), (_STILL_FRAMES, 1))
        trans = np.zeros((_STILL_FRAMES, 3))
        trans[:, 1] = -placement.lowest_points(pose, body, betas)
    else:
        pose, trans = placement.place(builtin.make(kind, 0, 1.2, FPS), body, betas)
    pose, trans, _ = lead_in.with_lead_in(pose, trans, FPS)
    vertices, _ = body(pose, betas, trans)
    meshes = [mesh.translated(trans[0]) for mesh in meshes]
    skin = np.zeros(body.data.num_vertices, bool)
    skin[body.data.faces[body.data.face_parts == 0]] = True
    fabrics = (FABRICS[_FABRIC],) * len(meshes)
    result = ImplicitEngine().simulate(ClothScene(tuple(meshes), fabrics, vertices, body.data.faces, FPS, skin))
    return Draped(body, vertices, tuple(meshes), tuple(result.vertices))


def sheet(
    patterns: Sequence[Pattern], body: NumpyBody, betas: np.ndarray, edge_length: float, title: str
) -> np.ndarray:
    """Flat patterns, then the garments on a standing person from the front and from the back: uint8 [H, W, 3].

    Raises:
        PatternError: a pattern does not fit this body.
        RenderError: OpenGL cannot start here.
    """
    height, across = 640, 330
    measurements = measure(DressForm.of(body, betas))
    flat = draw_patterns([grade(pattern, measurements) for pattern in patterns], 780, height, title)
    return np.concatenate([flat, *pictures(drape(patterns, body, betas, edge_length), across, height)], 1)


def pictures(draped: Draped, width: int, height: int) -> list[np.ndarray]:
    """The last frame from the front and from the back: uint8 [height, width, 3] each."""
    studio = Studio(width, height)
    vertices, worn = draped.vertices[-1], draped.worn(-1)
    shown = []
    for turn in (_FRONT, _BACK):
        everything = np.concatenate([vertices, *(g.vertices for g in worn)])
        shown.append(studio.picture(draped.body.data, vertices, studio.fit(everything, turn), worn=worn))
    studio.close()
    return shown


def patterns_sheet(patterns: Sequence[Pattern], body: NumpyBody, betas: np.ndarray) -> np.ndarray:
    """Flat patterns of many garments, two to a row: uint8 [H, W, 3]."""
    measurements = measure(DressForm.of(body, betas))
    cells = [draw_patterns([grade(pattern, measurements)], 620, 430, pattern.title) for pattern in patterns]
    cells += [np.full_like(cells[0], 250)] * (len(cells) % 2)
    return np.concatenate([np.concatenate(cells[k : k + 2], 1) for k in range(0, len(cells), 2)])


def outfits_sheet(
    outfits: Sequence[tuple[str, Sequence[Pattern]]], bodies: Sequence[NumpyBody], betas: np.ndarray, edge_length: float
) -> np.ndarray:
    """Outfits, each at rest from the front and the back and in two frames of a motion: uint8 [H, W, 3].

    Args:
        outfits: name and patterns of each.
        bodies: who wears them, in turn.
        betas: [10] shape of all of them.
        edge_length: of the cloth's triangles, metres.
    """
    width, height, kinds = 180, 330, ("walk", "dance", "kick", "jump")
    cells = []
    for k, (name, patterns) in enumerate(outfits):
        body = bodies[k % len(bodies)]
        still = pictures(drape(patterns, body, betas, edge_length), width, height)
        moving = drape(patterns, body, betas, edge_length, kinds[k % len(kinds)])
        studio = Studio(width, height)
        for frame in (-18, -1):
            x, _, z = studio.fit(moving.vertices[frame], _FRONT).centre
            framing = Framing((x, 0.95, z), 2.4, _FRONT)
            still.append(studio.picture(body.data, moving.vertices[frame], framing, worn=moving.worn(frame)))
        studio.close()
        note = Annotation(np.concatenate(still, 1))
        note.text(f"{name.replace('_', ' ')}; {kinds[k % len(kinds)]}", (10, 16), 15, align="left", bold=True)
        cells.append(note.image())
    cells += [np.full_like(cells[0], 236)] * (len(cells) % 2)
    rows = [
        np.concatenate(
            [cv2.copyMakeBorder(c, 0, 2, 0, 2, cv2.BORDER_CONSTANT, value=(250, 250, 250)) for c in cells[i : i + 2]], 1
        )
        for i in range(0, len(cells), 2)
    ]
    return np.concatenate(rows)
