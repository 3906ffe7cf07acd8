"""A garment as the simulator, the renderer and the plan see it."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class GarmentMesh:
    """One sewn garment, placed around the T-posed body and not yet draped.

    Attributes:
        name: the pattern's name.
        layer: 0 lies nearest the skin; a shirt worn over trousers has layer 1.
        vertices: [V, 3] metres, world frame, all outside the body.
        faces: [F, 3] vertex indices, counter-clockwise seen from outside.
        rest_uv: [F, 3, 2] metres, pattern coordinates of each corner: the rest shape and the texture coordinates.
        attached: [K] vertices of edges that the body holds (waistbands); empty where only friction holds the garment.
        elastic_edges: [E, 2] neighbouring vertices along edges with a rubber band in them.
        elastic_length: [E] metres, what the band between the two wants to be: shorter than the cloth there.
    """

    name: str
    layer: int
    vertices: np.ndarray
    faces: np.ndarray
    rest_uv: np.ndarray
    attached: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    elastic_edges: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 2), np.int64))
    elastic_length: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))

    def translated(self, offset: np.ndarray) -> GarmentMesh:
        """The garment moved by offset [3] metres: to where the motion's first, T-posed frame stands."""
        return dataclasses.replace(self, vertices=self.vertices + np.asarray(offset))
