"""Quality gates: what a simulated outfit must satisfy before its clip may be emitted (specification, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthesis.cloth.energies import principal_stretch
from synthesis.cloth.simulate import ClothResult
from synthesis.cloth.system import rest_shape
from synthesis.garments.mesh import GarmentMesh

# For coarse triangles (3.5 cm), whose armpits and seats reach these on captured motion without looking wrong; 2 cm
# triangles stay near 1.15 and 1.5. What has come loose or snagged is far beyond.
MAX_STRETCH_P99 = 1.35
MAX_STRETCH = 2.5
PENETRATION_DEPTH = 0.003
MAX_PENETRATION_SHARE = 0.005


def stretch_range(vertices: np.ndarray, garment: GarmentMesh) -> tuple[float, float]:
    """99th percentile and maximum of the faces' largest principal stretch over frames vertices [T, V, 3]."""
    inverse_rest, _ = rest_shape(garment.rest_uv.astype(np.float64))
    stretch = np.stack([principal_stretch(x.astype(np.float64), garment.faces, inverse_rest) for x in vertices])
    return float(np.percentile(stretch, 99)), float(stretch.max())


def check(
    result: ClothResult, garments: Sequence[GarmentMesh], body_vertices: np.ndarray, body_faces: np.ndarray
) -> list[str]:
    """Reasons to reject a simulation; empty means that it passes.

    Depth is measured to the skin that each vertex lies on: under an arm that the posed body presses into its own chest
    every point is inside one of the two, which no cloth can mend and no camera sees.

    Args:
        result: what `simulate` returned.
        garments: the same as were simulated.
        body_vertices: [T, B, 3] metres.
        body_faces: [F, 3].
    """
    reasons = []
    for garment, vertices, gaps in zip(garments, result.vertices, result.gaps, strict=True):
        if len(vertices) != len(body_vertices):
            reasons.append(f"{garment.name}: {len(vertices)} frames for {len(body_vertices)} of the body")
        if not np.isfinite(vertices).all():
            reasons.append(f"{garment.name}: positions that are not finite")
            continue
        p99, largest = stretch_range(vertices, garment)
        if p99 > MAX_STRETCH_P99:
            reasons.append(f"{garment.name}: stretch p99 {p99:.3f} above {MAX_STRETCH_P99}")
        if largest > MAX_STRETCH:
            reasons.append(f"{garment.name}: stretch max {largest:.3f} above {MAX_STRETCH}")
        share = float((gaps < -PENETRATION_DEPTH).mean())
        if share > MAX_PENETRATION_SHARE:
            reasons.append(f"{garment.name}: {share:.2%} of the vertices more than 3 mm inside the body")
    return reasons
