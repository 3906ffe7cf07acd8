"""From an outfit's name and a body to meshes ready to drape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model.body.numpy_body import NumpyBody
from model.errors import ConfigError
from synthesis.garments.grading import grade
from synthesis.garments.library import garments_of
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.mesh import GarmentMesh
from synthesis.garments.meshing import sew
from synthesis.garments.pattern import Pattern, load_pattern
from synthesis.garments.placement import place

# Metres: finer takes hours and gigabytes, coarser cannot follow a sleeve.
EDGE_LENGTHS = (0.004, 0.06)


def dress(
    outfit: str, body: NumpyBody, betas: np.ndarray, edge_length: float = 0.02, ease: float = 1.0
) -> list[GarmentMesh]:
    """Grades, meshes and places every garment of an outfit around one T-posed person.

    Args:
        outfit: a name of `library.OUTFITS`, one garment's name, or the path of a pattern file.
        body: the person's body model.
        betas: [10] shape.
        edge_length: of the cloth's triangles, metres.
        ease: factor on the patterns' looseness.

    Returns:
        One mesh per garment, in the frame of `body.shaped(betas)`; `GarmentMesh.translated` takes it to a body that
        stands elsewhere.

    Raises:
        ConfigError: an edge length that no garment can have.
        PatternError: no such outfit, or a pattern that does not fit this body.
    """
    check_edge_length(edge_length)
    patterns = [load_pattern(name) for name in garments_of(outfit)]
    form = DressForm.of(body, betas)
    measurements = measure(form)
    return [make(pattern, form, measurements, edge_length, ease) for pattern in patterns]


def check_edge_length(edge_length: float) -> float:
    """The edge length in metres, when cloth can be made of such triangles.

    Raises:
        ConfigError: it cannot.
    """
    if not EDGE_LENGTHS[0] <= edge_length <= EDGE_LENGTHS[1]:
        raise ConfigError(
            f"A cloth edge length lies between {EDGE_LENGTHS[0]} and {EDGE_LENGTHS[1]} m. Received: {edge_length!r}"
        )
    return edge_length


def make(
    pattern: Pattern, form: DressForm, measurements: Mapping[str, float], edge_length: float, ease: float = 1.0
) -> GarmentMesh:
    """One garment, graded, sewn and placed.

    Args:
        pattern: what to sew.
        form: the T-posed body.
        measurements: of the form, see `measurements.measure`.
        edge_length: of the cloth's triangles, metres.
        ease: factor on the pattern's looseness.

    Raises:
        PatternError: the pattern does not fit this body.
    """
    sewn = sew(grade(pattern, measurements, ease), edge_length)
    elastic_edges, elastic_length = sewn.elastic()
    return GarmentMesh(
        name=pattern.name,
        layer=pattern.layer,
        vertices=place(sewn, form),
        faces=sewn.faces,
        rest_uv=sewn.rest_uv,
        attached=sewn.attached,
        elastic_edges=elastic_edges,
        elastic_length=elastic_length,
    )
