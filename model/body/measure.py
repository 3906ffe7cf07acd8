"""Size of a body: stature, volume, mass."""

from __future__ import annotations

import dataclasses

import numpy as np

from model.body.data import BodyData
from model.body.numpy_body import NumpyBody

# kg / m^3: mass from volume, whole-body density with air in the lungs, as SHAPY (Choutas et al. 2022) takes it.
DENSITY = 985.0


@dataclasses.dataclass(frozen=True)
class Size:
    """What scale, tape and tank would say of one person.

    Attributes:
        stature: metres, from the soles to the top of the head in the T-pose.
        volume: m^3 inside the skin.
    """

    stature: float
    volume: float

    @property
    def mass(self) -> float:
        """Kilograms, at DENSITY."""
        return DENSITY * self.volume

    @property
    def bmi(self) -> float:
        """Body mass index, kg / m^2."""
        return self.mass / self.stature**2


def measure(data: BodyData, betas: np.ndarray) -> Size:
    """Size of one person: betas [10]."""
    vertices, _ = NumpyBody(data).shaped(betas)
    skin = data.faces[data.face_parts == 0]
    return Size(stature=float(np.ptp(vertices[np.unique(skin), 1])), volume=volume(vertices, skin))


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume in m^3 of a closed mesh, vertices [V, 3] metres, faces [F, 3], by the divergence theorem."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)
