"""The project's own engine: garments settle on the first body frame, then follow the motion."""

from __future__ import annotations

import time

import numpy as np

from synthesis.cloth.engine import ClothResult, ClothScene, ClothStats
from synthesis.cloth.integrator import Integrator
from synthesis.cloth.proximity import Surface
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.system import ClothSystem

_SETTLE_RATE = 30.0
_SETTLE_SUBSTEPS = 4
_SETTLE_KEEP = 0.75
_SETTLE_MAX_SPEED = 1.2


class ImplicitEngine:
    """Implicit integration in the sense of Baraff and Witkin 1998 on one core: a `ClothEngine`.

    Args:
        settings: defaults when None.

    Example:
        result = ImplicitEngine().simulate(scene)
        problems = gates.reasons(gates.measure(scene, result))
    """

    def __init__(self, settings: ClothSettings | None = None):
        self.settings = settings or ClothSettings()

    def simulate(self, scene: ClothScene) -> ClothResult:
        """Drapes an outfit on the first body frame and carries it through the motion.

        Frames after positions have become infinite, which no known scene brings about, are NaN.
        """
        began = time.process_time()
        settings = self.settings
        system = ClothSystem.build(scene.garments, scene.fabrics)
        surface = Surface(scene.skin_faces, scene.body_vertices.shape[1])
        body = np.ascontiguousarray(scene.body_vertices[0], np.float64)
        dressed = np.concatenate([g.vertices for g in scene.garments])
        integrator = Integrator(system, dressed, surface, settings, body)
        skin = integrator.skin
        assert skin is not None
        skin.attach(integrator.x, body)
        drape_frames = _settle(integrator, body)
        integrator.end_frame(body)
        positions = np.full((len(scene.body_vertices), len(system.mass), 3), np.nan, np.float32)
        positions[0] = integrator.x
        draped = time.process_time()
        substeps, retries = settings.substeps, 0
        for t in range(1, len(scene.body_vertices)):
            after = np.ascontiguousarray(scene.body_vertices[t], np.float64)
            wind = scene.wind.at(t / scene.fps)
            wanted = max(substeps, _wanted_substeps(integrator, body, after))
            used = _advance(integrator, body, after, 1.0 / scene.fps, wanted, wind)
            if not integrator.is_finite():
                break
            retries += used > wanted
            # Trouble tends to last: come back to coarse steps slowly.
            substeps = max(settings.substeps, used - 1) if used > wanted else max(settings.substeps, substeps - 1)
            body = after
            integrator.end_frame(body)
            positions[t] = integrator.x
        counts = {"steps": integrator.steps, "retries": retries, "iterations": integrator.iterations}
        stats = ClothStats(draped - began, time.process_time() - draped, drape_frames, counts)
        return ClothResult(tuple(positions[:, part] for part in system.vertex_slices), stats)


def _settle(integrator: Integrator, body: np.ndarray) -> int:
    """Holds the body still until the garments have contracted onto it and hang; returns the frames that it took."""
    settings, skin = integrator.settings, integrator.skin
    assert skin is not None
    still = np.zeros_like(body)
    longest = round(settings.settle_seconds * _SETTLE_RATE)
    h = 1.0 / (_SETTLE_RATE * _SETTLE_SUBSTEPS)
    for frame in range(longest):
        skin.tracker.seed(integrator.x, body)
        for _ in range(_SETTLE_SUBSTEPS):
            integrator.step(h, body, still, keep=_SETTLE_KEEP, max_speed=_SETTLE_MAX_SPEED)
        speed = np.linalg.norm(integrator.v, axis=1)
        if np.percentile(speed, 95) < settings.settle_speed and frame > longest // 3:
            return frame + 1
    return longest


def _wanted_substeps(integrator: Integrator, before: np.ndarray, after: np.ndarray) -> int:
    """Sub-steps in which the fast limbs of a frame move no further than the settings' `max_motion` each."""
    settings, skin = integrator.settings, integrator.skin
    assert skin is not None
    moved = (after - before)[skin.tracker.pinching.clothed]
    fast = np.percentile(np.linalg.norm(moved - moved.mean(0), axis=1), 98)
    return int(np.clip(np.ceil(fast / settings.max_motion), settings.substeps, settings.max_substeps // 2))


def _advance(
    integrator: Integrator, before: np.ndarray, after: np.ndarray, seconds: float, substeps: int, wind: np.ndarray
) -> int:
    """One body frame, redone with twice the sub-steps while it ends in trouble; returns the sub-steps used."""
    settings, skin = integrator.settings, integrator.skin
    assert skin is not None
    velocity = (after - before) / seconds
    start = integrator.snapshot()
    # Stretch that was there before is not this frame's trouble.
    bearable = max(settings.trouble_share, integrator.stretch_trouble())
    while True:
        skin.tracker.seed(integrator.x, before)
        for k in range(substeps):
            body = before + (after - before) * ((k + 1) / substeps)
            integrator.step(seconds / substeps, body, velocity, wind, max_speed=settings.max_speed)
            if not integrator.is_finite():
                break
        calm = integrator.is_finite() and integrator.stretch_trouble() <= bearable
        if calm or 2 * substeps > settings.max_substeps:
            return substeps
        integrator.restore(start)
        substeps *= 2
