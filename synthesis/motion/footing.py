"""Feet that stand keep standing when a motion moves to legs of other proportions."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# A foot stands where its ball is near its lowest height and slow; both fade out over these widths, in leg lengths and
# leg lengths per second.
_HEIGHT, _SPEED = 0.04, 0.25
_SMOOTHING_SECONDS = 0.02
# A sole below the first may float, one over the second is lifted, leg lengths.
_LOW, _LIFTED = 0.085, 0.105
# Stillness, 1 at rest, of a foot that surely moves and of one that surely stands.
_MOVING, _STILL = 0.15, 0.5
# Nobody lifts a foot and puts it down in less than the first; what rests for less than the second does not stand.
_STEP_SECONDS, _STAND_SECONDS = 0.15, 0.06
# A foot comes down and goes up again in about twice this.
_EASE_SECONDS = 0.04
# Heights below the first are the floor's roughness, over the second they are heights, leg lengths.
_NOTICED = (0.002, 0.008)


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
    return np.exp(-((np.maximum(height, 0.0) / _HEIGHT) ** 2)) * _stillness(feet, fps)


def _stillness(feet: np.ndarray, fps: float) -> np.ndarray:
    """[T, F] from 0, moving, to 1, of balls of feet [T, F, 3], T >= 2."""
    smooth = ndimage.gaussian_filter1d(feet, _SMOOTHING_SECONDS * fps, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(smooth, 1.0 / fps, axis=0), axis=-1)
    return np.exp(-((speed / _SPEED) ** 2))


def floating(feet: np.ndarray, soles: np.ndarray, fps: float) -> np.ndarray:
    """How far each standing foot floats over the floor, smooth in time and fading out before and after it stands.

    A foot stands here that is slow and near the floor, not only one near its lowest height: legs of other proportions
    lift it by some centimetres. What only passes through rest does not stand.

    Args:
        feet: [T, F, 3] balls of the feet in leg lengths, y up.
        soles: [T, F] height of each foot's lowest point, leg lengths.
        fps: frames per second.

    Returns:
        [T, F] in leg lengths, 0 or more and about the sole's height at most.
    """
    soles = np.maximum(soles, 0.0)
    still = _stillness(feet, fps) if len(feet) > 1 else np.ones(soles.shape)
    planted = ramp(still, _MOVING, _STILL) * (1.0 - ramp(soles, _LOW, _LIFTED))
    planted = ndimage.grey_closing(planted, size=(_frames(_STEP_SECONDS, fps), 1), mode="nearest")
    planted = ndimage.grey_opening(planted, size=(_frames(_STAND_SECONDS, fps), 1), mode="nearest")
    height = _eased(planted * soles, fps) / np.maximum(_eased(planted, fps), 1e-6)
    window = _frames(2 * _EASE_SECONDS, fps)
    longer = _eased(ndimage.maximum_filter1d(planted, window, axis=0, mode="nearest"), fps)
    room = _eased(ndimage.minimum_filter1d(soles, window, axis=0, mode="nearest"), fps)
    # No foot is put under the floor.
    height = np.minimum(longer * height, room)
    return height * ramp(height, *_NOTICED)


def _eased(values: np.ndarray, fps: float) -> np.ndarray:
    return ndimage.gaussian_filter1d(values, _EASE_SECONDS * fps, axis=0, mode="nearest")


def ramp(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """Smooth step from 0 at `start` to 1 at `end`, of the shape of x."""
    x = np.clip((x - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _frames(seconds: float, fps: float) -> int:
    return max(int(seconds * fps) | 1, 1)


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
