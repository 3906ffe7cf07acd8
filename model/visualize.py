"""Drawing of meshes and heat maps over images, in plain OpenCV: for overlays and reports."""

from __future__ import annotations

import cv2
import numpy as np

TRUTH_COLOUR = (120, 200, 120)
PREDICTION_COLOUR = (110, 150, 235)
# Towards the light in camera axes: from above, a little from the left, from the camera's side.
_LIGHT = np.array([-0.35, -0.55, -0.76])


def draw_mesh(
    image: np.ndarray,
    vertices: np.ndarray,
    pixels: np.ndarray,
    faces: np.ndarray,
    colour: tuple[int, int, int] = PREDICTION_COLOUR,
    opacity: float = 0.85,
) -> np.ndarray:
    """Paints a shaded mesh over an image, far faces first.

    Args:
        image: uint8 [H, W, 3] RGB.
        vertices: [V, 3] metres, camera axes.
        pixels: [V, 2] where they are in the image.
        faces: [F, 3], counter-clockwise seen from outside.
        colour: RGB.
        opacity: of the mesh, 0..1.

    Returns:
        A new image.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    shown = np.flatnonzero(normals[:, 2] < 0)
    order = shown[np.argsort(-corners[shown, :, 2].mean(1), kind="stable")]
    shade = 0.35 + 0.65 * np.clip(normals[order] @ _LIGHT, 0.0, 1.0)
    colours = shade[:, None] * np.array(colour, float)
    # OpenCV takes fixed-point coordinates: 4 fractional bits keep small triangles in place.
    triangles = np.rint(np.clip(pixels, -1e4, 1e4)[faces[order]] * 16).astype(np.int32)
    painted = image.copy()
    for triangle, tint in zip(triangles, colours.tolist(), strict=True):
        cv2.fillConvexPoly(painted, triangle, tint, shift=4)
    return cv2.addWeighted(painted, opacity, image, 1.0 - opacity, 0.0)


def draw_heat(image: np.ndarray, heat: np.ndarray, hottest: float, opacity: float = 0.75) -> np.ndarray:
    """Paints a coarse map over an image: clear where it is zero, through blue and green to red.

    Args:
        image: uint8 [H, W, 3] RGB.
        heat: [h, w], not negative; its cells tile the image, between their centres it is interpolated.
        hottest: the value that is painted red; larger ones are too.
        opacity: of red, 0..1; of lesser values less.

    Returns:
        A new image.
    """
    height, width = image.shape[:2]
    share = np.clip(heat / max(hottest, 1e-12), 0.0, 1.0).astype(np.float32)
    share = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    # The root keeps weak values visible.
    paint = opacity * np.sqrt(share)[..., None]
    return np.rint((1.0 - paint) * image + paint * colours).astype(np.uint8)
