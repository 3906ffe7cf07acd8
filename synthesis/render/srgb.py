"""From linear light to sRGB; the way back is synthesis.scene.painting.linear_from_srgb."""

from __future__ import annotations

import numpy as np


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
    """Linear 0..1 -> sRGB 0..1, in the input's precision (IEC 61966-2-1)."""
    light = np.maximum(light, 0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
