"""Light from all around as nine numbers a colour (Ramamoorthi and Hanrahan 2001)."""

from __future__ import annotations

import math

import numpy as np

# What the clamped cosine does to each degree of a radiance: equation 8 of the paper.
_CLAMPED_COSINE = np.array([math.pi] + 3 * [2 * math.pi / 3] + 5 * [math.pi / 4])

# Directions in which irradiance is kept from falling below zero.
_DIRECTIONS = 400


def basis(directions: np.ndarray) -> np.ndarray:
    """Real spherical harmonics of unit vectors [..., 3], ordered as Backdrop.ambient: [..., 9]."""
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    return np.stack(
        [
            np.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
            0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ], -1,
    )  # fmt: skip


def irradiance_coefficients(radiance: np.ndarray, directions: np.ndarray, solid_angles: np.ndarray) -> np.ndarray:
    """Irradiance of a surrounding, up to degree 2.

    A strong small light would make it negative on the far side; there all degrees but the first are weakened until it
    is nowhere below zero.

    Args:
        radiance: [..., 3] linear.
        directions: [..., 3] unit vectors that it comes from, world.
        solid_angles: [...] steradians, 4 pi in all.

    Returns:
        [9, 3] as Backdrop.ambient.
    """
    weighted = (radiance * solid_angles[..., None]).reshape(-1, 3)
    ambient = _CLAMPED_COSINE[:, None] * (basis(directions).reshape(-1, 9).T @ weighted)
    shaped = basis(spread(_DIRECTIONS))[:, 1:] @ ambient[1:]
    lowest = -shaped.min(0)
    ambient[1:] *= np.minimum(1, 0.282095 * ambient[0] / np.maximum(lowest, 1e-12))
    return ambient


def irradiance(ambient: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Irradiance [..., 3] on surfaces with normals [..., 3] of coefficients [9, 3]."""
    return basis(normals) @ ambient


def spread(count: int) -> np.ndarray:
    """Unit vectors [count, 3] that cover the sphere evenly (golden spiral)."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    turn = k * math.pi * (3 - math.sqrt(5))
    level = np.sqrt(1 - y * y)
    return np.stack([level * np.cos(turn), y, level * np.sin(turn)], -1)
