"""Weak-perspective camera of the prediction Theta (paper section 4.1)."""

from __future__ import annotations

from typing import Any

Array = Any


def project_weak(points: Array, camera: Array) -> Array:
    """X = s * Pi(X) + t, where Pi drops z. The global rotation is already in X.

    Args:
        points: [..., K, 3] metres, camera axes (x right, y down, z forward).
        camera: [..., 3]: scale s (1 / metre), t_x, t_y.

    Returns:
        [..., K, 2] normalised image coordinates: -1..1 across the frame, x right, y down.
    """
    return camera[..., None, :1] * points[..., :2] + camera[..., None, 1:]


def to_normalised(pixels: Array, size: float) -> Array:
    """Pixels [..., 2] of a square frame of side `size` -> -1..1; pixel centres lie at whole numbers."""
    return (pixels + 0.5) * (2.0 / size) - 1.0


def to_pixels(normalised: Array, size: float) -> Array:
    """Inverse of to_normalised."""
    return (normalised + 1.0) * (size / 2.0) - 0.5
