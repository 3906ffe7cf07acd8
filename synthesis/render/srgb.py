"""From linear light to sRGB and back."""

from __future__ import annotations

import numpy as np


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
    """Linear 0..1 -> sRGB 0..1, in the input's precision (IEC 61966-2-1)."""
    light = np.maximum(light, 0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def linear_from_srgb(colour: np.ndarray) -> np.ndarray:
    """Colours sRGB 0..1 -> linear 0..1 (IEC 61966-2-1)."""
    colour = np.asarray(colour, np.float64)
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
