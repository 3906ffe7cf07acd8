"""What Cycles' passes become: a picture over its backdrop, a mask and a depth."""

from __future__ import annotations

import numpy as np

from synthesis.render.interface import BACKGROUND_ID
from synthesis.render.srgb import linear_from_srgb, srgb_from_linear
from synthesis.scene.painting import to_uint8

# As in gl/shaders/lighting.frag.glsl: highlights roll off above this instead of clipping.
_KNEE = 0.6


def develop(light: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Puts the figure over the backdrop.

    Args:
        light: [h, w, 4] linear, multiplied by its coverage, which comes last.
        behind: uint8 [h, w, 3] sRGB.

    Returns:
        uint8 [h, w, 3] sRGB.
    """
    coverage = np.clip(light[..., 3:], 0, 1)
    figure = _shoulder(np.maximum(light[..., :3], 0) / np.maximum(coverage, 1e-6))
    linear = coverage * figure + (1 - coverage) * linear_from_srgb(behind / 255)
    return np.where(coverage > 0, to_uint8(srgb_from_linear(linear)), behind)


def identify(shares: np.ndarray, depths: np.ndarray, mask_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What covers most of each pixel, and how far away it is.

    Args:
        shares: [K, h, w] 0..1 of the pixel that each surface covers.
        depths: [K, h, w] metres along the camera's axis, times the share.
        mask_ids: [K] of the surfaces.

    Returns:
        Mask uint8 [h, w] and depth float32 [h, w], as in Frame. Equal shares go to the nearer surface.
    """
    ids = np.unique(mask_ids)
    shares, depths = (
        np.stack([part[mask_ids == i].sum(0, dtype=np.float64) for i in ids]) for part in (shares, depths)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        depths = np.where(shares > 0, depths / shares, np.inf)
    # Sums of equal samples differ in their last bits.
    first = np.lexsort((depths, -shares.round(4)), axis=0)[:1]
    covered = shares.sum(0).round(4) >= 0.5
    mask = np.where(covered, ids[first[0]], BACKGROUND_ID).astype(np.uint8)
    depth = np.where(covered, np.take_along_axis(depths, first, 0)[0], np.inf).astype(np.float32)
    return mask, depth


def _shoulder(linear: np.ndarray) -> np.ndarray:
    room = 1 - _KNEE
    return np.where(linear > _KNEE, _KNEE + room * (1 - np.exp((_KNEE - linear) / room)), linear)
