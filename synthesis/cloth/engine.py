"""What a cloth engine is given and what it returns: the one interface behind which engines stand in for each other."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from model.errors import ConfigError
from synthesis.cloth.wind import STILL, Wind
from synthesis.garments.fabrics import Fabric
from synthesis.garments.mesh import GarmentMesh


@dataclasses.dataclass(frozen=True, eq=False)
class ClothScene:
    """Garments, a moving body and the air around them; an engine's result depends on nothing else.

    Attributes:
        garments: placed around `body_vertices[0]`, all layers of the outfit, inner ones first.
        fabrics: one for each garment.
        body_vertices: [T, B, 3] metres, world, y up; frame 0 is the pose that the garments were placed on.
        body_faces: [F, 3], counter-clockwise seen from outside.
        fps: frames a second of `body_vertices`.
        contact_vertices: [B] bool, vertices that cloth can touch (eyeballs cannot); None: all.
        wind: of the air; still by default.
    """

    garments: tuple[GarmentMesh, ...]
    fabrics: tuple[Fabric, ...]
    body_vertices: np.ndarray
    body_faces: np.ndarray
    fps: float
    contact_vertices: np.ndarray | None = None
    wind: Wind = STILL

    def __post_init__(self):
        if not self.garments or len(self.garments) != len(self.fabrics):
            raise ConfigError(
                "A cloth scene has one fabric for each of its garments. "
                f"Received: {len(self.garments)} garments, {len(self.fabrics)} fabrics"
            )
        if self.body_vertices.ndim != 3 or self.body_vertices.shape[2] != 3 or not len(self.body_vertices):
            raise ConfigError(f"Body vertices are [T, B, 3]. Received: {list(self.body_vertices.shape)}")
        if not self.fps > 0:
            raise ConfigError(f"Frames a second are above zero. Received: {self.fps!r}")

    @property
    def skin_faces(self) -> np.ndarray:
        """[G, 3] the body's faces that cloth can touch."""
        if self.contact_vertices is None:
            return self.body_faces
        return self.body_faces[np.asarray(self.contact_vertices, bool)[self.body_faces].all(1)]


@dataclasses.dataclass(frozen=True)
class ClothStats:
    """Cost and course of one simulation.

    Attributes:
        drape_cpu_seconds: processor time until the garments hung on the still body of frame 0.
        motion_cpu_seconds: processor time of the T - 1 frames after that.
        drape_frames: simulated frames that the garments draped, before frame 0.
        counts: what else the engine counts (sub-steps, repeated frames, solver iterations).
    """

    drape_cpu_seconds: float
    motion_cpu_seconds: float
    drape_frames: int
    counts: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class ClothResult:
    """Simulated garments.

    Attributes:
        vertices: for each garment [T, V, 3] float32 metres, world; frame 0 is the draped garment on frame 0's body.
        stats: cost.
    """

    vertices: tuple[np.ndarray, ...]
    stats: ClothStats


class ClothEngine(Protocol):
    """Simulates cloth; equal scenes give equal bits on the same machine and thread count."""

    def simulate(self, scene: ClothScene) -> ClothResult:
        """Drapes the garments on the first body frame and carries them through the motion.

        A simulation that goes wrong returns what it has, with NaN where nothing sensible is to be had: the quality
        gates (`synthesis.cloth.gates`) reject it with a reason.
        """
        ...
