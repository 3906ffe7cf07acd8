"""Normal maps from heights."""

from __future__ import annotations

import numpy as np


def normal_map(height: np.ndarray, texels: float) -> np.ndarray:
    """A tangent-space normal map, as Material.normals wants it, of a relief that repeats in both directions.

    Args:
        height: [h, w], any unit; row 0 is at the top of the picture.
        texels: texels per unit of height.

    Returns:
        uint8 [h, w, 3].
    """
    along_u = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * (0.5 * texels)
    along_v = (np.roll(height, 1, 0) - np.roll(height, -1, 0)) * (0.5 * texels)
    normal = np.stack([-along_u, -along_v, np.ones_like(along_u)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    # 128 is zero, so that flat places are exactly flat.
    return np.rint(normal * 127 + 128).astype(np.uint8)
