"""The pinhole camera that labels in 2D and 3D tell of."""

from __future__ import annotations

import numpy as np

from components.datasets.base import DatasetError


def fit_intrinsics(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Least squares of u = f_x x / z + c_x and v = f_y y / z + c_y.

    Args:
        points: [..., 3] in the camera's frame, any unit; those that are not finite or not in front do not count.
        pixels: [..., 2].

    Returns:
        K [3, 3].

    Raises:
        DatasetError: fewer than three points in places that differ.
    """
    points, pixels = points.reshape(-1, 3), pixels.reshape(-1, 2)
    counts = np.isfinite(points).all(-1) & np.isfinite(pixels).all(-1) & (points[:, 2] > 0)
    points, pixels = points[counts].astype(np.float64), pixels[counts].astype(np.float64)
    intrinsics = np.eye(3)
    for axis in range(2):
        slopes = np.stack([points[:, axis] / points[:, 2], np.ones(len(points))], -1)
        (focal, centre), _, rank, _ = np.linalg.lstsq(slopes, pixels[:, axis], rcond=None)
        if len(points) < 3 or rank < 2:
            raise DatasetError("Labels in 2D and 3D that tell of a camera are needed. Received: too few")
        intrinsics[axis, axis], intrinsics[axis, 2] = focal, centre
    return intrinsics
