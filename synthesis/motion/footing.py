"""Feet that stand keep standing when a motion moves to legs of other proportions."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# A foot stands where its ball is near its lowest height and slow; both fade out over these widths, in leg lengths and
# leg lengths per second.
_HEIGHT, _SPEED = 0.04, 0.25
_SMOOTHING_SECONDS = 0.02


def standing(feet: np.ndarray, fps: float) -> np.ndarray:
    """How surely each foot stands.

    Args:
        feet: [T, F, 3] balls of the feet in leg lengths, y up.
        fps: frames per second.

    Returns:
        [T, F] from 0, in the air or moving, to 1.
    """
    if len(feet) < 2:
        return np.ones(feet.shape[:2])
    height = feet[..., 1] - np.quantile(feet[..., 1], 0.05, axis=0)
    smooth = ndimage.gaussian_filter1d(feet, _SMOOTHING_SECONDS * fps, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smooth, 1.0 / fps, axis=0), axis=-1)
    return np.exp(-((np.maximum(height, 0.0) / _HEIGHT) ** 2) - (speed / _SPEED) ** 2)


def kept_path(wanted: np.ndarray, feet: np.ndarray, fps: float) -> np.ndarray:
    """The shift of a body along the floor with which its standing feet move as the wanted ones do.

    Only the steps of standing feet count, so that feet of other legs make steps of their own length; between stances
    the shift stays as it is.

    Args:
        wanted: [T, F, 3] balls of the feet as they should move, in leg lengths, y up.
        feet: [T, F, 3] as they move, in leg lengths.
        fps: frames per second.

    Returns:
        [T, 3] in leg lengths, zero in the first frame and in y.
    """
    weight = standing(wanted, fps)
    weight = 0.5 * (weight[1:] + weight[:-1])[..., None]
    steps = np.diff(wanted - feet, axis=0) * [1.0, 0.0, 1.0]
    step = (weight * steps).sum(1) / np.maximum(weight.sum(1), 1.0)
    return np.concatenate([np.zeros((1, 3)), np.cumsum(step, 0)])
