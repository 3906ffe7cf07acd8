"""Which keypoints a camera sees: by the body's own skin exactly, by clothes and hair from the depth image.

A joint centre lies inside its limb, so its own skin always covers it. As in COCO's annotations it counts as visible
when the camera sees the place of that skin which lies before it, bare or under the clothes worn there, and as hidden
when another limb comes between, however close: a hand that rests on the belly hides what lies below it.
"""

from __future__ import annotations

import numba
import numpy as np

from model import conventions

# How far below the skin towards the camera a joint may lie, metres: half of a stout person's limb. Deeper ones are
# seen along the limb, as an elbow behind the forearm that points at the camera; a wrist behind the fist still counts
# as seen. Points of the face lie on the skin.
_DEEPEST = {
    "ankle": 0.10, "knee": 0.14, "hip": 0.26, "wrist": 0.22, "elbow": 0.11, "shoulder": 0.17,
    "neck": 0.17, "head_top": 0.12, "nose": 0.03, "eye": 0.03, "ear": 0.03,
}  # fmt: skip
DEEPEST = np.array([_DEEPEST[name.split("_", 1)[1] if name[1] == "_" else name] for name in conventions.KEYPOINTS])
ON_SKIN = np.isin(conventions.KEYPOINTS, ("nose", "L_eye", "R_eye", "L_ear", "R_ear"))
# Skin this far before the joint's own is a fold of it (chin and neck, a bent knee), metres.
FOLD = 0.03
# Cloth and hair up to this far off the skin are worn there; further off they belong to another limb or hang between.
LOOSE = 0.12


def visible(
    pixels: np.ndarray,
    distance: np.ndarray,
    skin_pixels: np.ndarray,
    skin_distance: np.ndarray,
    faces: np.ndarray,
    depth: np.ndarray,
) -> np.ndarray:
    """Which keypoints are inside the frame, on the person and not hidden.

    Args:
        pixels: [T, 19, 2] projected keypoints.
        distance: [T, 19] metres along the camera's z.
        skin_pixels: [T, V, 2] projected vertices of the body.
        skin_distance: [T, V] metres along the camera's z.
        faces: [F, 3] of the skin, counter-clockwise seen from outside.
        depth: [T, H, W] metres, of the body with all it wears; inf where nothing is.

    Returns:
        [T, 19] 0 or 1.
    """
    surface = _surface_at(pixels, depth)
    points, ranges, skin, skin_ranges = (
        np.ascontiguousarray(array, np.float64) for array in (pixels, distance, skin_pixels, skin_distance)
    )
    first, own = _skin_before(points, ranges, skin, skin_ranges, np.ascontiguousarray(faces))
    own = np.where(ON_SKIN, distance, own)
    covered = (first < own - FOLD) | (own < distance - DEEPEST) | (surface < own - LOOSE)
    return (np.isfinite(surface) & (distance > 0) & ~covered).astype(np.float32)


def _surface_at(pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Farthest surface in the four pixels around each point: [T, K] metres, inf where all four show the backdrop.

    A nose in profile or the top of the head lies on the outline, whose pixels may show either side.
    """
    height, width = depth.shape[1:]
    corner = np.floor(pixels).astype(int)
    frame = np.arange(len(depth))[:, None]
    surface = np.full(pixels.shape[:2], -np.inf)
    for step in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = np.moveaxis(corner + step, -1, 0)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        here = depth[frame, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        surface = np.maximum(surface, np.where(inside & np.isfinite(here), here, -np.inf))
    return np.where(np.isinf(surface), np.inf, surface)


@numba.njit(cache=True)
def _skin_before(pixels, distance, skin_pixels, skin_distance, faces):
    """Where the ray of each keypoint meets skin that faces the camera, before the keypoint.

    Returns:
        The skin nearest to the camera and the skin nearest to the keypoint, [T, K] metres; the keypoint's own distance
        where no skin lies before it.
    """
    first, own = distance.copy(), np.full_like(distance, -np.inf)
    for t in range(len(distance)):
        for f in range(len(faces)):
            a, b, c = faces[f]
            ax, ay = skin_pixels[t, a]
            bx, by = skin_pixels[t, b]
            cx, cy = skin_pixels[t, c]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if area >= 0:  # seen from inside: image axes are x right, y down
                continue
            left, right = min(ax, bx, cx), max(ax, bx, cx)
            top, bottom = min(ay, by, cy), max(ay, by, cy)
            for k in range(distance.shape[1]):
                x, y = pixels[t, k]
                if x < left or x > right or y < top or y > bottom:
                    continue
                u = ((cx - bx) * (y - by) - (cy - by) * (x - bx)) / area
                v = ((ax - cx) * (y - cy) - (ay - cy) * (x - cx)) / area
                w = 1.0 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                # 1 / z is linear over a projected triangle.
                met = 1.0 / (u / skin_distance[t, a] + v / skin_distance[t, b] + w / skin_distance[t, c])
                if met < distance[t, k]:
                    first[t, k] = min(first[t, k], met)
                    own[t, k] = max(own[t, k], met)
    return first, np.where(np.isinf(own), distance, own)
