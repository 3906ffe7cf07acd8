"""From an outfit's name and a body to meshes ready to drape."""

from __future__ import annotations

import numpy as np

from model.body.numpy_body import NumpyBody
from model.errors import ConfigError
from synthesis.garments.grading import grade
from synthesis.garments.library import OUTFITS
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.mesh import GarmentMesh
from synthesis.garments.meshing import sew
from synthesis.garments.pattern import load_pattern
from synthesis.garments.placement import place


def dress(
    outfit: str, body: NumpyBody, betas: np.ndarray, edge_length: float = 0.02, ease: float = 1.0
) -> list[GarmentMesh]:
    """Grades, meshes and places every garment of an outfit around one T-posed person.

    Args:
        outfit: a name of `library.OUTFITS`.
        body: the person's body model.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        ease: factor on the patterns' looseness.

    Returns:
        One mesh per garment, in the frame of `body.shaped(betas)`; `GarmentMesh.translated` takes it to a body that
        stands elsewhere.

    Raises:
        ConfigError: no such outfit, or an edge length that no garment can have.
        PatternError: a pattern does not fit this body.
    """
    if outfit not in OUTFITS:
        raise ConfigError(f"An outfit is one of {', '.join(OUTFITS)}. Received: {outfit!r}")
    if not 0.004 <= edge_length <= 0.06:
        raise ConfigError(f"A cloth edge length lies between 0.004 and 0.06 m. Received: {edge_length!r}")
    form = DressForm.of(body, betas)
    measurements = measure(form)
    meshes = []
    for name in OUTFITS[outfit]:
        pattern = load_pattern(name)
        sewn = sew(grade(pattern, measurements, ease), edge_length)
        vertices = place(sewn, form)
        meshes.append(GarmentMesh(name, pattern.layer, vertices, sewn.faces, sewn.rest_uv, sewn.attached))
    return meshes
