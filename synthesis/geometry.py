"""Geometry of synthesis on NumPy arrays, by the formulas of tensorflow-graphics.

TensorFlow is imported on first use: it costs seconds and half a gigabyte, and most of synthesis never needs it.
"""

from __future__ import annotations

import numpy as np


def slerp(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Spherical interpolation of unit quaternions (w, x, y, z) along the shorter arc.

    Args:
        start: [..., 4].
        end: [..., 4].
        fraction: [..., 1] in 0..1.

    Returns:
        Unit quaternions [..., 4], float32.
    """
    from tensorflow_graphics.math.interpolation import slerp as tfg_slerp

    shape = np.shape(start)
    # tensorflow-graphics takes one batch dimension when the fractions are a batch too.
    start, end = (np.asarray(q, np.float32).reshape(-1, 4) for q in (start, end))
    weight = np.asarray(fraction, np.float32).reshape(-1, 1)
    end = np.where((start * end).sum(-1, keepdims=True) < 0, -end, end)
    # InterpolationType.QUATERNION would negate again by its own rule; VECTOR is the plain formula.
    out = tfg_slerp.interpolate(start, end, weight, tfg_slerp.InterpolationType.VECTOR).numpy()
    return (out / np.linalg.norm(out, axis=-1, keepdims=True)).reshape(shape)


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Pinhole projection: points [..., 3] metres in the camera frame, K [3, 3] -> pixels [..., 2], float32.

    The one function here in NumPy: every clip's labels need it, and TensorFlow is half of the memory of a worker.
    tensorflow_graphics.rendering.camera.perspective.project gives the same bits, as a test says.
    """
    points, intrinsics = np.asarray(points, np.float32), np.asarray(intrinsics, np.float32)
    return points[..., :2] * (np.diagonal(intrinsics)[:2] / points[..., 2:]) + intrinsics[:2, 2]
