"""Dual-quaternion skinning (Kavan et al. 2007), which keeps the volume of bent and twisted limbs."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from model import rotations


def skin(template: np.ndarray, weights: np.ndarray, world: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Vertices [V, 3] skinned by blended unit dual quaternions.

    Args:
        template: [V, 3] metres.
        weights: [V, 24].
        world: [24, 3, 3] world rotation of each joint.
        shift: [24, 3] metres; a joint moves a rest point x to `world @ x + shift`.
    """
    real = rotations.matrix_to_quaternion(world)
    dual = 0.5 * _product(np.concatenate([np.zeros((len(shift), 1)), shift], axis=1), real)
    # q and -q are one rotation: bring all to the side of the vertex's main joint, for the short way round.
    sign = np.where(real[weights.argmax(1)] @ real.T < 0, -1.0, 1.0)
    blended_real, blended_dual = (weights * sign) @ real, (weights * sign) @ dual
    norm = np.linalg.norm(blended_real, axis=1, keepdims=True)
    blended_real, blended_dual = blended_real / norm, blended_dual / norm
    translation = 2 * _product(blended_dual, blended_real * [1, -1, -1, -1])[:, 1:]
    return Rotation.from_quat(blended_real[:, [1, 2, 3, 0]]).apply(template) + translation


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton products [n, 4] of quaternions (w, x, y, z)."""
    w, x, y, z = a.T
    s, i, j, k = b.T
    parts = (
        w * s - x * i - y * j - z * k,
        w * i + x * s + y * k - z * j,
        w * j - x * k + y * s + z * i,
        w * k + x * j - y * i + z * s,
    )
    return np.stack(parts, axis=1)
