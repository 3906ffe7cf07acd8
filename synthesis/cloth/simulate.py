"""Dressing and moving: garments settle on the first body frame, then follow the motion."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from synthesis.cloth.integrator import Integrator
from synthesis.cloth.proximity import Surface
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.system import ClothSystem
from synthesis.garments.fabrics import Fabric
from synthesis.garments.mesh import GarmentMesh

_SETTLE_RATE = 30.0
_SETTLE_SUBSTEPS = 4
_SETTLE_KEEP = 0.75
_SETTLE_MAX_SPEED = 1.2


@dataclasses.dataclass(frozen=True)
class ClothStats:
    """Cost and course of one simulation.

    Attributes:
        cpu_seconds: processor time of settling and motion together.
        settle_frames: frames (1/30 s) that the garments draped.
        frames: body frames simulated.
        steps: sub-steps done, failed ones included.
        retries: frames done again with finer sub-steps.
        iterations: of the linear solver, all sub-steps.
    """

    cpu_seconds: float
    settle_frames: int
    frames: int
    steps: int
    retries: int
    iterations: int


@dataclasses.dataclass(frozen=True, eq=False)
class ClothResult:
    """Simulated garments.

    Attributes:
        vertices: for each garment [T, V, 3] float32 metres.
        gaps: for each garment [T, V] float32, metres off the skin that each vertex lies on, negative inside.
        stats: cost.
    """

    vertices: list[np.ndarray]
    gaps: list[np.ndarray]
    stats: ClothStats


def simulate(
    garments: Sequence[GarmentMesh],
    fabrics: Sequence[Fabric],
    body_vertices: np.ndarray,
    body_faces: np.ndarray,
    contact_vertices: np.ndarray | None,
    fps: float,
    settings: ClothSettings | None = None,
) -> ClothResult:
    """Drapes an outfit on the first body frame and carries it through the motion.

    The result depends on the arguments alone: the same input gives the same bits on the same machine.

    Args:
        garments: placed around `body_vertices[0]`, all layers of the outfit.
        fabrics: one for each garment.
        body_vertices: [T, B, 3] metres, T-pose first.
        body_faces: [F, 3].
        contact_vertices: [B] bool, vertices that cloth can touch (eyeballs cannot); None: all.
        fps: frames a second of the motion.
        settings: defaults when None.

    Returns:
        Garment vertices for each of the T body frames. Frame 0 is the end of the settling.
    """
    settings = settings or ClothSettings()
    began = time.process_time()
    system = ClothSystem.build(garments, fabrics)
    surface = Surface(body_faces, body_vertices.shape[1], contact_vertices)
    integrator = Integrator(system, np.concatenate([g.vertices for g in garments]), surface, settings)
    body = np.ascontiguousarray(body_vertices[0], np.float64)
    integrator.attach(body)
    settle_frames = _settle(integrator, body)
    integrator.clear_skin(body)
    positions = np.empty((len(body_vertices), len(system.mass), 3), np.float32)
    gaps = np.empty(positions.shape[:2], np.float32)
    positions[0], gaps[0] = integrator.x, integrator.measure_gaps(body)
    substeps, retries = settings.substeps, 0
    for t in range(1, len(body_vertices)):
        after = np.ascontiguousarray(body_vertices[t], np.float64)
        used = _advance(integrator, body, after, 1.0 / fps, substeps)
        retries += int(used > substeps)
        # Trouble tends to last: come back to coarse steps slowly.
        substeps = max(settings.substeps, used - 1)
        body = after
        integrator.clear_skin(body)
        positions[t], gaps[t] = integrator.x, integrator.measure_gaps(body)
    stats = ClothStats(
        cpu_seconds=time.process_time() - began,
        settle_frames=settle_frames,
        frames=len(body_vertices),
        steps=integrator.steps,
        retries=retries,
        iterations=integrator.iterations,
    )
    return ClothResult(
        [positions[:, part] for part in system.vertex_slices], [gaps[:, part] for part in system.vertex_slices], stats
    )


def _settle(integrator: Integrator, body: np.ndarray) -> int:
    """Holds the body still until the garments have contracted onto it and hang; returns the frames that it took."""
    settings = integrator.settings
    still = np.zeros_like(body)
    longest = round(settings.settle_seconds * _SETTLE_RATE)
    h = 1.0 / (_SETTLE_RATE * _SETTLE_SUBSTEPS)
    for frame in range(longest):
        integrator.seed(body)
        for _ in range(_SETTLE_SUBSTEPS):
            integrator.step(h, body, still, _SETTLE_KEEP, _SETTLE_MAX_SPEED)
        speed = np.linalg.norm(integrator.v, axis=1)
        if np.percentile(speed, 95) < settings.settle_speed and frame > longest // 3:
            return frame + 1
    return longest


def _advance(integrator: Integrator, before: np.ndarray, after: np.ndarray, seconds: float, substeps: int) -> int:
    """One body frame, redone with twice the sub-steps while it ends in trouble; returns the sub-steps used."""
    settings = integrator.settings
    velocity = (after - before) / seconds
    start = integrator.snapshot()
    # Stretch that was there before is not this frame's trouble.
    bearable = max(settings.trouble_share, integrator.stretch_trouble())
    while True:
        integrator.seed(before)
        for k in range(substeps):
            body = before + (after - before) * ((k + 1) / substeps)
            integrator.step(seconds / substeps, body, velocity, max_speed=settings.max_speed)
        calm = bool(np.isfinite(integrator.x).all()) and integrator.stretch_trouble() <= bearable
        if calm or 2 * substeps > settings.max_substeps:
            return substeps
        integrator.restore(start)
        substeps *= 2
