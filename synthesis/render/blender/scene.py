"""Cameras, lights and sky in Blender's terms.

World coordinates go to Blender as they are: it calls z up, but nothing here depends on its opinion.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from synthesis.render.interface import AreaLight, Camera, RenderError

# Blender knows lenses from 1 to 5000 mm; behind this sensor they span a tenth to 500 picture widths.
_SENSOR_WIDTH = 10.0
_LENSES = (1.0, 5000.0)

# As the gl renderer's: metres in front of the camera from which on something is seen.
_NEAREST, _FARTHEST = 0.05, 1e5

# The sky's picture: rows by columns, each direction of which lies in its texel's middle.
_SKY_SHAPE = (32, 64)
# Rounds of making the sky nowhere negative, and how near its coefficients must come to the wanted ones.
_SKY_ROUNDS, _SKY_TOLERANCE = 200, 1e-4
# Irradiance takes degree 0, 1 and 2 of radiance by these factors (Ramamoorthi and Hanrahan 2001, equation 8).
_COSINE_LOBE = np.array([math.pi] + [2 * math.pi / 3] * 3 + [math.pi / 4] * 5)


def camera_properties(camera: Camera) -> dict[str, Any]:
    """A pinhole camera as properties of `bpy.types.Camera`, of the render settings and as object matrix [4, 4].

    Blender measures its lens against the sensor's width, moves the principal point by shifts in picture widths, and
    has one focal length for both axes: pixels that are not square stand for the other.

    Raises:
        RenderError: axes that are not at right angles, or a focal length that Blender's lenses do not reach.
    """
    (fx, skew, cx), (_, fy, cy), _ = np.asarray(camera.intrinsics, np.float64)
    lens = fx * _SENSOR_WIDTH / camera.width
    if skew or not fy > 0 or not _LENSES[0] <= lens <= _LENSES[1]:
        low, high = (limit / _SENSOR_WIDTH for limit in _LENSES)
        raise RenderError(
            f"Blender needs intrinsics without skew and focal lengths of {low:g} to {high:g} picture widths. "
            f"Received: {np.asarray(camera.intrinsics).tolist()}"
        )
    rotation, translation = np.asarray(camera.extrinsics[:, :3]), np.asarray(camera.extrinsics[:, 3])
    matrix = np.eye(4)
    # Blender's cameras look along -z with y up.
    matrix[:3, :3] = rotation.T * [1.0, -1.0, -1.0]
    matrix[:3, 3] = -rotation.T @ translation
    return {
        "camera": {
            "sensor_fit": "HORIZONTAL",
            "sensor_width": _SENSOR_WIDTH,
            "lens": lens,
            "shift_x": -(cx - (camera.width - 1) / 2) / camera.width,
            "shift_y": (cy - (camera.height - 1) / 2) / camera.width * fx / fy,
            "clip_start": _NEAREST,
            "clip_end": _FARTHEST,
        },
        "render": {"pixel_aspect_x": max(1.0, fy / fx), "pixel_aspect_y": max(1.0, fx / fy)},
        "matrix": matrix.tolist(),
    }


def pixel_size(camera: Camera, points: np.ndarray) -> float:
    """Metres that a pixel spans in the middle of points [N, 3] (world, metres)."""
    distance = camera.extrinsics[2, :3] @ points.mean(0) + camera.extrinsics[2, 3]
    return max(float(distance), _NEAREST) / float(camera.intrinsics[0, 0])


def light_properties(light: AreaLight) -> dict[str, Any]:
    """An area light as properties of `bpy.types.AreaLight` and as object matrix [4, 4].

    Its power is the whole flux of a Lambert emitter, pi * radiance * area.
    """
    position = np.asarray(light.position, np.float64)
    backward = position - np.asarray(light.target, np.float64)
    backward /= np.linalg.norm(backward)
    across = np.cross([0.0, 1.0, 0.0] if abs(backward[1]) < 0.9 else [1.0, 0.0, 0.0], backward)
    across /= np.linalg.norm(across)
    matrix = np.eye(4)
    # Blender's area lights shine along -z.
    matrix[:3] = np.column_stack([across, np.cross(backward, across), backward, position])
    return {
        "light": {"energy": math.pi * light.radiance * light.size**2, "shape": "SQUARE", "size": light.size},
        "matrix": matrix.tolist(),
    }


def sky(ambient: np.ndarray) -> np.ndarray:
    """Radiance all around whose irradiance is that of spherical harmonics.

    Many skies have the same irradiance, for it hardly sees detail. The smoothest one may be negative in places; it is
    then cut off at zero and mended by turns, which ends at a sky that can be.

    Args:
        ambient: [9, 3], as Backdrop.ambient.

    Returns:
        float32 [h, w, 3] equirectangular picture in Blender's layout: row 0 at the bottom, linear.
    """
    basis, weights = _sky_basis()
    wanted = np.asarray(ambient, np.float64) / _COSINE_LOBE[:, None]
    radiance = basis @ wanted
    for _ in range(_SKY_ROUNDS):
        radiance = np.maximum(radiance, 0)
        missing = wanted - basis.T @ (radiance * weights[:, None])
        if np.abs(missing).max() <= _SKY_TOLERANCE * np.abs(wanted).max():
            break
        radiance += basis @ missing
    return np.maximum(radiance, 0).reshape(*_SKY_SHAPE, 3).astype(np.float32)


@functools.cache
def _sky_basis() -> tuple[np.ndarray, np.ndarray]:
    """Spherical harmonics [h * w, 9], in the order of Backdrop.ambient, and solid angle [h * w] of each texel."""
    rows, columns = _SKY_SHAPE
    polar = np.pi * (1 - (np.arange(rows) + 0.5) / rows)
    azimuth = np.pi * (1 - 2 * (np.arange(columns) + 0.5) / columns)
    polar, azimuth = (grid.ravel() for grid in np.meshgrid(polar, azimuth, indexing="ij"))
    x, y, z = np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)
    edge = np.pi / rows / 2
    solid_angle = (np.cos(polar - edge) - np.cos(polar + edge)) * 2 * np.pi / columns
    basis = [
        np.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
        0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ]  # fmt: skip
    return np.stack(basis, 1), solid_angle
