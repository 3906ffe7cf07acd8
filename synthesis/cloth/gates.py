"""Quality gates: what a simulated outfit must satisfy before its clip may be emitted (specification, section 3.3)."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.cloth import intersections, proximity
from synthesis.cloth.energies import principal_stretch
from synthesis.cloth.engine import ClothResult, ClothScene
from synthesis.cloth.skin_contact import SkinTracker
from synthesis.cloth.system import edges_and_border, mean_edge, rest_shape

PENETRATION_DEPTH = 0.003
# Cloth that accelerates more than this has been thrown by a collision; m/s^2.
POP_ACCELERATION = 400.0


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on `Quality`; the names are the same."""

    stretch_p99: float
    stretch_max: float
    inside_share: float
    intersection_share: float
    pop_share: float


# What good cloth keeps, and what the benchmark counts.
STRICT = Limits(stretch_p99=1.15, stretch_max=1.6, inside_share=0.005, intersection_share=0.01, pop_share=0.001)
# What a clip may be emitted with. Captured motion on another body presses its arms into its sides, where folds of the
# shirt tangle, and single triangles of leaping legs stretch; neither shows at the size of the pictures. What has come
# loose, snagged or been thrown is far beyond.
EMITTED = Limits(stretch_p99=1.25, stretch_max=2.0, inside_share=0.01, intersection_share=0.08, pop_share=0.001)


@dataclasses.dataclass(frozen=True)
class Quality:
    """What the gates look at, over all garments and frames of a clip.

    Attributes:
        finite: whether all positions are there.
        stretch_p99: 99th percentile of the faces' largest principal stretch; 1 is the rest length.
        stretch_max: the largest.
        inside_share: of the vertices, more than PENETRATION_DEPTH inside the body.
        deepest: metres, the deepest vertex.
        intersection_share: pairs of triangles that pass through each other over the number of triangles.
        pop_share: of the vertices, those that accelerate faster than POP_ACCELERATION.
    """

    finite: bool
    stretch_p99: float
    stretch_max: float
    inside_share: float
    deepest: float
    intersection_share: float
    pop_share: float


def measure(scene: ClothScene, result: ClothResult, first_frame: int = 0) -> Quality:
    """Measures a simulation from `first_frame` on (the lead-in is not emitted, so it is not judged).

    Depth is measured to the skin that each vertex lies on. Under an arm that the posed body presses into its own chest
    every point is inside one of the two, which no cloth can mend and no camera sees: depth and intersections are not
    judged between limbs that leave no room for cloth (`pinching`). Stretch is.

    Args:
        scene: what was simulated.
        result: what an engine returned for it.
        first_frame: the first frame that counts.
    """
    if not all(np.isfinite(vertices).all() for vertices in result.vertices):
        return Quality(False, *[float("nan")] * 6)
    stretch = np.concatenate([s.ravel() for s in _stretches(scene, result, first_frame)])
    distance, pinched = on_skin(scene, result)
    depth = np.where(pinched, 0.0, -distance)[first_frame:]
    x = np.concatenate(result.vertices, 1)[first_frame:].astype(np.float64)
    return Quality(
        finite=True,
        stretch_p99=float(np.percentile(stretch, 99)),
        stretch_max=float(stretch.max()),
        inside_share=float((depth > PENETRATION_DEPTH).mean()),
        deepest=float(max(depth.max(), 0.0)),
        intersection_share=_intersection_share(scene, x, pinched[first_frame:]),
        pop_share=_pop_share(x, scene.fps),
    )


def reasons(quality: Quality, limits: Limits = EMITTED) -> list[str]:
    """Why a simulation is to be rejected, in words; empty means that it passes."""
    if not quality.finite:
        return ["positions that are not finite"]
    texts = {
        "stretch_p99": "stretch p99 {:.3f} above {}",
        "stretch_max": "stretch max {:.3f} above {}",
        "inside_share": "{:.2%} of the vertices more than 3 mm inside the body, above {:.1%}",
        "intersection_share": "{:.2%} intersecting pairs of triangles, above {:.0%}",
        "pop_share": "{:.2%} of the vertices pop, above {:.1%}",
    }
    pairs = {name: (getattr(quality, name), getattr(limits, name)) for name in texts}
    return [texts[name].format(value, limit) for name, (value, limit) in pairs.items() if value > limit]


def on_skin(scene: ClothScene, result: ClothResult) -> tuple[np.ndarray, np.ndarray]:
    """Where each cloth vertex is to the skin that it lies on, all garments joined.

    Returns:
        Distance [T, V] metres, negative inside, and whether it is pinched [T, V] between limbs.
    """
    surface = proximity.Surface(scene.skin_faces, scene.body_vertices.shape[1])
    x = np.concatenate(result.vertices, 1).astype(np.float64)
    bodies = np.asarray(scene.body_vertices, np.float64)
    tracker = SkinTracker(surface, np.concatenate([g.vertices for g in scene.garments]), bodies[0])
    distances, pinched = np.empty(x.shape[:2]), np.empty(x.shape[:2], bool)
    for t, (points, body) in enumerate(zip(x, bodies, strict=True)):
        tracker.seed(points, body)
        tracker.track(points, body)
        distances[t], pinched[t] = tracker.distance, tracker.pinched
    return distances, pinched


def _stretches(scene: ClothScene, result: ClothResult, first_frame: int) -> list[np.ndarray]:
    """For each garment [T, F] largest principal stretch."""
    stretches = []
    for garment, vertices in zip(scene.garments, result.vertices, strict=True):
        inverse_rest, _ = rest_shape(garment.rest_uv.astype(np.float64))
        frames = vertices[first_frame:].astype(np.float64)
        stretches.append(np.stack([principal_stretch(x, garment.faces, inverse_rest) for x in frames]))
    return stretches


def _intersection_share(scene: ClothScene, x: np.ndarray, pinched: np.ndarray) -> float:
    offsets = np.cumsum([0] + [len(g.vertices) for g in scene.garments])
    faces = np.concatenate([g.faces + o for g, o in zip(scene.garments, offsets, strict=False)]).astype(np.int64)
    edges, _ = edges_and_border(faces, int(offsets[-1]))
    area = np.concatenate([rest_shape(g.rest_uv.astype(np.float64))[1] for g in scene.garments])
    size = mean_edge(area)
    crossings = [intersections.count(v, faces, edges, p, size) for v, p in zip(x, pinched, strict=True)]
    return float(np.mean(crossings)) / len(faces)


def _pop_share(x: np.ndarray, fps: float) -> float:
    if len(x) < 3:
        return 0.0
    acceleration = np.linalg.norm(x[2:] - 2 * x[1:-1] + x[:-2], axis=-1) * fps**2
    return float((acceleration > POP_ACCELERATION).mean())
