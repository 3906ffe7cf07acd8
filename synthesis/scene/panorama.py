"""A panorama as surroundings: the part that a camera sees, and the light that it throws on the figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from synthesis.render.interface import AreaLight, Backdrop, Camera
from synthesis.render.srgb import srgb_from_linear
from synthesis.scene import lights as area_lights
from synthesis.scene import painting, spherical_harmonics

# Widest field that a panorama is shown with, and frame pixels that one of its texels may cover before it looks soft.
WIDEST_FIELD = math.radians(65)
_PIXELS_PER_TEXEL = 1.5

# Irradiance on upright surfaces, over pi: what a photographer would expose for. Area lights are dimmed to this share.
_EXPOSURE = (0.33, 0.5)
AREA_LIGHT_SHARE = 0.35

# How far a camera's automatic white balance takes the light's colour to grey (exponent; 1 would be all the way).
_WHITE_BALANCE = 0.6

# Texels a row that the light is integrated over.
_LIGHT_WIDTH = 256

# Display brightness that is shown as it is; from there on the picture approaches white as film does.
_SHOULDER = 0.6


def directions(width: int, height: int, turn: float = 0.0) -> np.ndarray:
    """Unit vectors [height, width, 3], world, of a panorama's texels; `turn` radians about +y for its middle column."""
    azimuth = turn + (0.5 - (np.arange(width) + 0.5) / width) * 2 * math.pi
    elevation = (0.5 - (np.arange(height) + 0.5) / height)[:, None] * math.pi
    level = np.cos(elevation)
    y = np.broadcast_to(np.sin(elevation), (height, width))
    return np.stack([level * np.sin(azimuth), y, level * np.cos(azimuth)], -1)


def solid_angles(width: int, height: int) -> np.ndarray:
    """Steradians [height, width] of a panorama's texels; exact."""
    edges = np.sin((0.5 - np.arange(height + 1) / height) * math.pi)
    return np.tile(((edges[:-1] - edges[1:]) * 2 * math.pi / width)[:, None], (1, width))


class Panorama:
    """One panorama, turned at random and exposed for the figure.

    What stands far behind does not move when a camera does, only when it turns. A 180 mm lens sees ten degrees: of a
    panorama smaller than 8k that is a few texels. The field is therefore drawn between the lens's own, or the least
    that the panorama's texels fill well, and WIDEST_FIELD: the background is scaled to blend, as the paper's section
    3.4 has it. What is still too coarse is shown out of focus.
    """

    def __init__(self, radiance: np.ndarray, rng: np.random.Generator):
        """Draws turn, exposure, field and blur.

        Args:
            radiance: [h, 2 h, 3] linear, as hdri.read_panorama gives it.
            rng: where they come from.
        """
        self._radiance = radiance
        self._turn = rng.uniform(-math.pi, math.pi)
        self._field_share, self._blur = rng.uniform(), rng.uniform(0.3, 2.0)
        target = rng.uniform(*_EXPOSURE)
        ambient = self._light()
        around = np.linspace(0, 2 * math.pi, 16, endpoint=False)
        upright = np.stack([np.sin(around), np.zeros(16), np.cos(around)], -1)
        received = spherical_harmonics.irradiance(ambient, upright).mean(0)
        brightness = max(float(painting.luminance(received)), 1e-6)
        balance = (brightness / np.maximum(received, 1e-6)) ** _WHITE_BALANCE
        self._exposure = target * math.pi / brightness * balance / (painting.luminance(balance * received) / brightness)
        self.ambient = ambient * self._exposure

    def _light(self) -> np.ndarray:
        small = self._radiance
        if small.shape[1] > _LIGHT_WIDTH:
            # Row by row: an eighth of the memory that a float32 copy of an 8k panorama would take.
            step = max(small.shape[0] * _LIGHT_WIDTH // small.shape[1], 1)
            bands = np.array_split(small, step)
            small = np.stack([_thinned(band.astype(np.float32).mean(0)) for band in bands])
        height, width = small.shape[:2]
        return spherical_harmonics.irradiance_coefficients(
            small.astype(np.float64), directions(width, height, self._turn), solid_angles(width, height)
        )

    def for_views(self, cameras: Sequence[Camera]) -> list[Backdrop]:
        """What each camera sees; cameras of one orientation share a picture."""
        seen: dict[bytes, Backdrop] = {}
        backdrops = []
        for camera in cameras:
            key = camera.extrinsics[:, :3].tobytes()
            if key not in seen:
                seen[key] = Backdrop(self._view(camera), self.ambient)
            backdrops.append(seen[key])
        return backdrops

    def lights(self, lights: Sequence[AreaLight]) -> tuple[AreaLight, ...]:
        """The area lights beside this light: weaker, and leaning to its bright side."""
        return area_lights.dimmed(lights, self.ambient, AREA_LIGHT_SHARE)

    def field(self, camera: Camera) -> float:
        """Radians that the camera's width shows of the panorama."""
        lens = 2 * math.atan(camera.width / 2 / camera.intrinsics[0, 0])
        texels = self._radiance.shape[1] / (2 * math.pi)
        least = min(max(lens, camera.width / _PIXELS_PER_TEXEL / texels), max(WIDEST_FIELD, lens))
        return least * (max(WIDEST_FIELD, lens) / least) ** self._field_share

    def _view(self, camera: Camera) -> np.ndarray:
        """uint8 [h, w, 3] sRGB."""
        height, width = self._radiance.shape[:2]
        focal = camera.width / 2 / math.tan(self.field(camera) / 2)
        cols = (np.arange(camera.width) - camera.intrinsics[0, 2])[None] / focal
        rows = (np.arange(camera.height) - camera.intrinsics[1, 2])[:, None] / focal
        rays = np.stack(np.broadcast_arrays(cols, rows, 1.0), -1) @ camera.extrinsics[:, :3]
        azimuth = np.arctan2(rays[..., 0], rays[..., 2]) - self._turn
        elevation = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
        x = ((0.5 - azimuth / (2 * math.pi)) % 1) * width - 0.5
        y = (0.5 - elevation / math.pi) * height - 0.5
        image = self._exposure * _sampled(self._radiance, x, y)
        texel = 2 * math.pi / width * focal
        blur = math.hypot(self._blur * camera.height / 250, 0.35 * max(texel - 1, 0))
        return painting.to_uint8(srgb_from_linear(film(cv2.GaussianBlur(image, (0, 0), blur))))


def film(radiance: np.ndarray) -> np.ndarray:
    """Linear radiance -> linear 0..1: as it is up to a shoulder, then ever closer to white, without a kink."""
    over = np.maximum(radiance - _SHOULDER, 0) / (1 - _SHOULDER)
    return np.where(radiance < _SHOULDER, radiance, _SHOULDER + (1 - _SHOULDER) * (1 - np.exp(-over)))


def _thinned(row: np.ndarray) -> np.ndarray:
    return np.stack([part.mean(0) for part in np.array_split(row, _LIGHT_WIDTH)])


def _sampled(radiance: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear samples [h, w, 3] float32 of a panorama that wraps around; only the part around them is converted."""
    height, width = radiance.shape[:2]
    # Of a view across the panorama's seam, the left part lies a turn to the right.
    if np.ptp(x) > width / 2:
        x = np.where(x < width / 2, x + width, x)
    first_col, last_col = int(np.floor(x.min())), int(np.floor(x.max())) + 1
    first_row, last_row = int(np.floor(y.min())), int(np.floor(y.max())) + 1
    rows = np.clip(np.arange(first_row, last_row + 1), 0, height - 1)
    part = radiance[np.ix_(rows, np.arange(first_col, last_col + 1) % width)].astype(np.float32)
    # Texels finer than pixels are averaged first.
    shrink = max(int((last_col - first_col) / x.shape[1] / 1.5), 1)
    if shrink > 1:
        part = cv2.blur(part, (shrink, shrink))
    maps = (x - first_col).astype(np.float32), (y - first_row).astype(np.float32)
    return cv2.remap(part, *maps, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
