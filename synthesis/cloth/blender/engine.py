"""Blender's cloth behind the cloth engine's interface: a cross-check, slower than ours."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np

from model.errors import ConfigError
from synthesis.blender.process import BlenderProcess, Request, find_python
from synthesis.cloth.blender import units
from synthesis.cloth.blender.unsewn import UnsewnGarment
from synthesis.cloth.engine import ClothResult, ClothScene, ClothStats
from synthesis.cloth.proximity import Surface, track, vertex_normals

_WORKER = pathlib.Path(__file__).with_name("worker.py")

# Blender's smallest thickness of a collider; added to the cloth's own distance.
_COLLIDER_THICKNESS = 0.001
# How far behind a face cloth is still pushed back to its front.
_COLLIDER_DEPTH = 0.05


@dataclasses.dataclass(frozen=True)
class BlenderSettings:
    """How finely Blender simulates.

    Attributes:
        steps_per_second: solver steps; a frame has at least one.
        collision_quality: rounds of collision response a step.
        self_collision: of each garment with itself.
        drape_seconds: that garments hang on the still body of frame 0.
        distance: metres between skin, or an inner garment, and cloth; Blender adds a millimetre.
        self_distance: metres between two folds.
        gravity: m/s^2, along -y.
        air_drag: kg/(m^2 s), pressure on a cloth face per normal speed.
        timeout: seconds of wall clock after which the process is killed.
    """

    steps_per_second: float = 240.0
    collision_quality: int = 3
    self_collision: bool = True
    drape_seconds: float = 1.0
    distance: float = 0.003
    self_distance: float = 0.003
    gravity: float = 9.81
    air_drag: float = 0.5
    timeout: float = 3600.0

    def __post_init__(self):
        for field in ("steps_per_second", "collision_quality", "drape_seconds", "timeout"):
            if not getattr(self, field) > 0:
                raise ConfigError(f"{field} of Blender's cloth is above zero. Received: {getattr(self, field)!r}")


def available(python: str | None = None) -> bool:
    """Whether an interpreter with `bpy` is found (`find_python`); nothing of Blender is loaded."""
    return find_python(python) is not None


class BlenderEngine:
    """Blender's mass-spring cloth in a process of its own.

    Waistbands hang on sewing springs from points that ride on the skin. An outer garment collides with the inner ones
    as with the body: it gives way and does not push back. Rubber bands (`GarmentMesh.elastic_edges`) are cloth like the
    rest.

    Garments placed far from their rest shape contract through the body; those that start draped, by another engine
    (`GarmentMesh.vertices` taken from its frame 0), do not.

    Args:
        settings: defaults when None.
        python: interpreter that has `bpy`; None: see `synthesis.blender.process.find_python`.
    """

    def __init__(self, settings: BlenderSettings | None = None, python: str | None = None):
        self.settings = settings or BlenderSettings()
        self.python = python

    def simulate(self, scene: ClothScene) -> ClothResult:
        """Drapes and moves the garments; see `ClothEngine.simulate`.

        Raises:
            BlenderError: `bpy` is not installed, its process crashed twice or took too long.
            ConfigError: a scene with wind.
        """
        if np.any(scene.wind.velocity):
            raise ConfigError(f"Blender's cloth is simulated in still air. Received: wind {scene.wind.velocity}")
        drape_frames = max(2, round(self.settings.drape_seconds * scene.fps))
        # The last frame of the draping is frame 0 of the motion.
        body = np.concatenate([np.repeat(scene.body_vertices[:1], drape_frames - 1, 0), scene.body_vertices])
        unsewn = [UnsewnGarment.of(garment) for garment in scene.garments]
        arrays, garments = _skin_arrays(body, scene.skin_faces), []
        for k, cut in enumerate(unsewn):
            own = _garment_arrays(scene, k, cut, body, self.settings.distance)
            arrays |= {f"{name}_{k}": array for name, array in own.items()}
            garments.append(self._garment_properties(scene, k, cut))
        friction = float(np.mean([units.collider_friction(fabric) for fabric in scene.fabrics]))
        job = {"gravity": self.settings.gravity, "body": _collider_properties(friction), "garments": garments}
        with BlenderProcess(_WORKER, self.settings.timeout, self.python) as blender:
            result = blender.send(Request(job, arrays))
        cpu_seconds = result["cpu_seconds"]
        vertices = tuple(
            cut.sewn(result[f"vertices_{k}"][drape_frames - 1 :, : len(cut.origin)], len(garment.vertices))
            for k, (cut, garment) in enumerate(zip(unsewn, scene.garments, strict=True))
        )
        stats = ClothStats(
            drape_cpu_seconds=float(cpu_seconds[:drape_frames].sum()),
            motion_cpu_seconds=float(cpu_seconds[drape_frames:].sum()),
            drape_frames=drape_frames,
            counts={"steps": self._steps(scene.fps) * (len(body) - 1)},
        )
        return ClothResult(vertices, stats)

    def _steps(self, fps: float) -> int:
        return max(1, round(self.settings.steps_per_second / fps))

    def _garment_properties(self, scene: ClothScene, k: int, cut: UnsewnGarment) -> dict[str, Any]:
        garment, fabric, settings = scene.garments[k], scene.fabrics[k], self.settings
        edges = cut.rest[cut.faces[:, [1, 2]]] - cut.rest[cut.faces[:, [0, 0]]]
        area = 0.5 * np.abs(np.linalg.det(edges)).sum()
        placed = np.unique(np.sort(cut.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1), axis=0)
        ends = garment.vertices[cut.origin[placed]]
        length = float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).mean())
        inner = any(other.layer > garment.layer for other in scene.garments)
        properties = units.cloth_properties(
            fabric, length, area / len(cut.origin), scene.fps, self._steps(scene.fps), settings.air_drag
        )
        return {
            "cloth": properties,
            "collision": {
                "collision_quality": settings.collision_quality,
                "distance_min": settings.distance,
                "use_self_collision": settings.self_collision,
                "self_distance_min": settings.self_distance,
                "self_friction": units.collider_friction(fabric),
            },
            "collider": _collider_properties(units.collider_friction(fabric)) if inner else None,
        }


def _collider_properties(friction: float) -> dict[str, Any]:
    """Properties of `bpy.types.CollisionSettings`."""
    return {
        "thickness_outer": _COLLIDER_THICKNESS,
        "thickness_inner": _COLLIDER_DEPTH,
        "cloth_friction": friction,
        "damping": 0.0,
        "use_culling": True,
    }


def _skin_arrays(body: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """The touchable part of the body [N, B, 3] alone."""
    used, compact = np.unique(faces, return_inverse=True)
    return {"body": body[:, used].astype(np.float32), "body_faces": compact.reshape(-1, 3)}


def _garment_arrays(
    scene: ClothScene, k: int, cut: UnsewnGarment, body: np.ndarray, distance: float
) -> dict[str, np.ndarray]:
    """Base mesh over the frames, faces, loose edges and anchors of a garment, for a body [N, B, 3].

    The base mesh starts where the garment is placed, which is where the cloth starts, and is the flat pattern from then
    on, which is its rest shape. Anchors follow the cloth's vertices; they ride on the skin.
    """
    garment = scene.garments[k]
    anchors = _ride(garment.vertices[garment.attached], body, scene.skin_faces, distance + _COLLIDER_THICKNESS)
    count, held = len(cut.origin), np.searchsorted(np.sort(cut.origin), garment.attached)
    first_copy = np.argsort(cut.origin, kind="stable")[held]
    base = np.zeros((len(body), count + len(held), 3))
    base[0, :count] = garment.vertices[cut.origin]
    base[1:, :count, :2] = cut.rest
    base[:, count:] = anchors
    own = count + np.arange(len(held))
    return {
        "base": base.astype(np.float32),
        "faces": cut.faces,
        "seams": np.concatenate([cut.seams, np.stack([first_copy, own], 1)]),
        "anchors": own,
    }


def _ride(points: np.ndarray, body: np.ndarray, faces: np.ndarray, gap: float) -> np.ndarray:
    """[N, K, 3] points above the skin of body [N, B, 3] where points [K, 3] are nearest to it in the first frame."""
    body = np.asarray(body, np.float64)
    points = np.ascontiguousarray(points, np.float64)
    surface = Surface(faces, body.shape[1])
    face = surface.seeds(points, body[0])
    weights, distance, normal = np.empty_like(points), np.empty(len(points)), np.empty_like(points)
    normals = vertex_normals(body[0], surface.faces)
    track(points, body[0], normals, surface.faces, surface.start, surface.around, face, weights, distance, normal)
    corners = surface.faces[face]
    skin = np.einsum("kc,nkcd->nkd", weights, body[:, corners])
    outward = np.stack([vertex_normals(frame, surface.faces)[corners] for frame in body])
    return skin + gap * np.einsum("kc,nkcd->nkd", weights, outward)
