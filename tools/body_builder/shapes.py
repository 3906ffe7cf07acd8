"""From many bodies of one topology to a mean shape and its principal components."""

from __future__ import annotations

import numpy as np

from model import conventions
from tools.body_builder import meshes

# Mean pelvis in the body's frame; SMPL's release puts its origin near the sternum, and so do these bodies.
PELVIS = np.array([0.0, -0.2233, 0.0282])


def shape_space(vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unit-variance principal components, both mirror symmetric.

    Eyeballs take part like any other vertex. As the scores are uncorrelated, a component's part at a vertex is also
    that vertex's least-squares fit to the betas.

    Args:
        vertices: [n, V, 3] metres, T-posed, pelvis at the origin.
        faces: [F, 3].
        mirror: [V] mirror image of each vertex.

    Returns:
        v_template [V, 3] metres and shapedirs [V, 3, 10] metres per standard deviation. A positive first beta makes
        the body taller, any other makes its volume larger.
    """
    flip = np.array([-1.0, 1.0, 1.0])
    symmetric = 0.5 * (vertices + vertices[:, mirror] * flip)
    mean = symmetric.mean(0)
    centred = (symmetric - mean).reshape(len(vertices), -1)
    _, vectors = np.linalg.eigh(centred @ centred.T)
    scores = vectors[:, ::-1][:, : conventions.NUM_BETAS]
    directions = (scores.T @ centred).reshape(-1, *mean.shape) / np.sqrt(len(vertices) - 1)
    plus, minus = mean + directions, mean - directions
    gain = meshes.volume(plus, faces) - meshes.volume(minus, faces)
    gain[0] = np.ptp(plus[0, :, 1]) - np.ptp(minus[0, :, 1])
    directions *= np.sign(gain)[:, None, None]
    return mean + PELVIS, directions.transpose(1, 2, 0)
