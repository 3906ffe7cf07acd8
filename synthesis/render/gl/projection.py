"""Matrices between world, cameras, lights and OpenGL's clip space."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.render.interface import AreaLight, Camera

# Room, metres, between the figure and the clip planes.
_DEPTH_MARGIN = 0.02
_NEAREST = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """A camera fitted to a figure.

    Attributes:
        clip_from_world: [4, 4]. Image row 0 falls on framebuffer row 0, so nothing is ever flipped; w is depth, metres.
        ray_from_pixel: [3, 3]. Maps (u, v, 1) to the world-space step from the eye per metre of depth.
        eye: [3] world, metres.
        box: (left, top, width, height) of the figure, pixels, inside the image; width or height 0 when it is not seen.
    """

    clip_from_world: np.ndarray
    ray_from_pixel: np.ndarray
    eye: np.ndarray
    box: tuple[int, int, int, int]


def fit_view(camera: Camera, points: np.ndarray) -> View:
    """Clip matrix of a camera with near and far planes and pixel box fitted to points [N, 3] (world, metres)."""
    rotation, translation = camera.extrinsics[:, :3].astype(np.float64), camera.extrinsics[:, 3].astype(np.float64)
    intrinsics = camera.intrinsics.astype(np.float64)
    # Coordinates as rows: their extremes are then found a cache line at a time.
    projected = (intrinsics @ rotation) @ points.T + (intrinsics @ translation)[:, None]
    depth = projected[2]
    near = max(float(depth.min()) - _DEPTH_MARGIN, _NEAREST)
    far = max(float(depth.max()) + _DEPTH_MARGIN, 2 * _NEAREST)
    size = np.array([camera.width, camera.height])
    # Pixel u covers u - 0.5 .. u + 0.5 (model/conventions.py) and framebuffer column u covers u .. u + 1.
    clip = np.zeros((4, 4))
    clip[0, :3] = 2 * intrinsics[0] / size[0]
    clip[1, :3] = 2 * intrinsics[1] / size[1]
    clip[:2, 2] += 1 / size - 1
    clip[2, 2:] = (far + near) / (far - near), -2 * far * near / (far - near)
    clip[3, 2] = 1
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = rotation, translation
    if depth.min() > _NEAREST:
        pixels = projected[:2] / depth + 0.5
        low = np.clip(np.floor(pixels.min(1)) - 1, 0, size).astype(int)
        high = np.clip(np.ceil(pixels.max(1)) + 1, 0, size).astype(int)
    else:
        low, high = np.zeros(2, int), size if depth.max() > _NEAREST else np.zeros(2, int)
    return View(
        clip_from_world=clip @ view,
        ray_from_pixel=rotation.T @ np.linalg.inv(intrinsics),
        eye=-rotation.T @ translation,
        box=(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class LightView:
    """A light's shadow frustum, off-centre and tight around a figure.

    Attributes:
        clip_from_world: [4, 4].
        rotation: [3, 3] world to light, z along the light's axis.
        window: (scale x, scale y, offset x, offset y) from tangents (x/z, y/z) to 0..1 across the shadow map.
        depth: (a, b) such that the shadow map holds a + b / z.
    """

    clip_from_world: np.ndarray
    rotation: np.ndarray
    window: tuple[float, float, float, float]
    depth: tuple[float, float]


def fit_light(light: AreaLight, points: np.ndarray, margin: float) -> LightView:
    """Shadow frustum of a light around points [N, 3]; `margin` is kept free on each side, as a share of the map."""
    position = np.asarray(light.position, np.float64)
    axis = np.asarray(light.target, np.float64) - position
    axis /= np.linalg.norm(axis)
    across = np.cross(axis, [0.0, 1.0, 0.0] if abs(axis[1]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    rotation = np.stack([across, np.cross(axis, across), axis])
    # Coordinates as rows: their extremes are then found a cache line at a time.
    local = rotation @ (points.T - position[:, None])
    z = np.maximum(local[2], _NEAREST)
    tangents = local[:2] / z
    low, high = tangents.min(1), tangents.max(1)
    scale = (1 - 2 * margin) / np.maximum(high - low, 1e-6)
    offset = margin - low * scale
    near, far = max(float(z.min()) - _DEPTH_MARGIN, _NEAREST), float(z.max()) + _DEPTH_MARGIN
    clip = np.zeros((4, 4))
    clip[[0, 1], [0, 1]] = 2 * scale
    clip[:2, 2] = 2 * offset - 1
    clip[2, 2:] = (far + near) / (far - near), -2 * far * near / (far - near)
    clip[3, 2] = 1
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = rotation, -rotation @ position
    return LightView(
        clip_from_world=clip @ view,
        rotation=rotation,
        window=(float(scale[0]), float(scale[1]), float(offset[0]), float(offset[1])),
        depth=(far / (far - near), -far * near / (far - near)),
    )
