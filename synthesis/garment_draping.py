"""People dressed and moved for pictures: standing, or in a built-in motion; simulated once, kept in a folder."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np

from model.body.numpy_body import NumpyBody
from model.storage import written_aside
from synthesis import dressed
from synthesis.cloth.engine import ClothScene
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.simulate import ImplicitEngine
from synthesis.engine_digest import engine_digest
from synthesis.garments.dress import make
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.mesh import GarmentMesh
from synthesis.garments.pattern import Pattern
from synthesis.motion import builtin, placement
from synthesis.motion.builtin import stills

FPS = 30.0
_STILL_FRAMES = 14
_MOTION_SECONDS = 1.2


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


def drape(
    patterns: Sequence[Pattern],
    body: NumpyBody,
    betas: np.ndarray,
    edge_length: float,
    kind: str | None = None,
    fabric: str = "cotton",
    cache: pathlib.Path | None = None,
) -> Draped:
    """Sews an outfit for a person and lets it hang.

    Args:
        patterns: inner garments first.
        body: the person's body model.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        kind: of the built-in motion that follows; None: the person lowers the arms and stands.
        fabric: of all garments, a name of `FABRICS`.
        cache: folder of simulations; equal scenes are taken from it.

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
        pose, trans = placement.place(builtin.make(kind, 0, _MOTION_SECONDS, FPS), body, betas)
    fabrics = [FABRICS[fabric]] * len(meshes)
    scene = dressed.set_in_motion(body, betas, pose, trans, FPS, meshes, fabrics).scene
    return Draped(body, scene.body_vertices, scene.garments, _simulated(scene, cache))


def _simulated(scene: ClothScene, cache: pathlib.Path | None) -> tuple[np.ndarray, ...]:
    """Vertices of every garment and frame, from the cache where it holds them."""
    path = cache / f"{_digest(scene)}.npz" if cache else None
    if path is not None and path.exists():
        with np.load(path) as file:
            return tuple(file[name] for name in file.files)
    cloth = ImplicitEngine().simulate(scene).vertices
    if path is not None:
        with written_aside(path) as aside:
            np.savez(aside, *cloth)
    return cloth


def _digest(scene: ClothScene) -> str:
    """Name of a simulation by everything that its result depends on."""
    digest = hashlib.sha256(repr((engine_digest(), ClothSettings(), scene.fabrics, scene.fps)).encode())
    for garment in scene.garments:
        digest.update(repr(garment.layer).encode())
        for array in (garment.vertices, garment.faces, garment.rest_uv, garment.attached, garment.elastic_edges,
                      garment.elastic_length):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(np.ascontiguousarray(scene.body_vertices).tobytes())
    digest.update(np.ascontiguousarray(scene.skin_faces).tobytes())
    return digest.hexdigest()[:16]
