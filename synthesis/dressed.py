"""A dressed person in motion, as a cloth engine is given it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from model.body.numpy_body import NumpyBody
from synthesis.cloth.engine import ClothScene
from synthesis.cloth.wind import STILL, Wind
from synthesis.garments.fabrics import Fabric
from synthesis.garments.mesh import GarmentMesh
from synthesis.motion import lead_in


@dataclasses.dataclass(frozen=True, eq=False)
class DressedMotion:
    """A cloth scene and the poses behind it, lead-in first.

    Attributes:
        scene: what is simulated.
        pose: [T, 72] axis-angle, world.
        trans: [T, 3] metres.
        lead: frames of the lead-in; frame `lead` is the first of the motion.
    """

    scene: ClothScene
    pose: np.ndarray
    trans: np.ndarray
    lead: int


def set_in_motion(
    body: NumpyBody,
    betas: np.ndarray,
    pose: np.ndarray,
    trans: np.ndarray,
    fps: float,
    garments: Sequence[GarmentMesh],
    fabrics: Sequence[Fabric],
    wind: Wind = STILL,
) -> DressedMotion:
    """Leads a dressed person from the T-pose, in which garments are sewn, into a motion.

    Args:
        body: the person's body model.
        betas: [10] shape.
        pose: [T, 72] axis-angle of the motion, placed (`synthesis.motion.placement.place`).
        trans: [T, 3] metres.
        fps: frames a second.
        garments: as `synthesis.garments.dress` makes them, around the body at rest; inner ones first.
        fabrics: one for each garment.
        wind: of the air.
    """
    pose, trans, lead = lead_in.with_lead_in(pose, trans, fps)
    vertices, _ = body(pose, betas, trans)
    # The lead-in begins in the pose that garments are placed on, elsewhere.
    placed = tuple(garment.translated(trans[0]) for garment in garments)
    touchable = np.zeros(body.data.num_vertices, bool)
    touchable[body.data.faces[body.data.face_parts == 0]] = True
    scene = ClothScene(placed, tuple(fabrics), vertices, body.data.faces, fps, touchable, wind)
    return DressedMotion(scene, pose, trans, lead)
