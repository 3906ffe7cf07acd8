"""What stands behind the figure and lights it: painted scenes by seed, the user's photos, or panoramas."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol

import cv2
import numpy as np

from model.errors import ConfigError
from synthesis import assets
from synthesis.render.interface import AreaLight, Backdrop, Camera
from synthesis.render.srgb import linear_from_srgb
from synthesis.scene import hdri, indoor_painters, outdoor_painters, painting, photo_folders
from synthesis.scene.panorama import Panorama

# The frame is cut from a larger picture at a random scale and turn, as the paper does with its photos.
_LARGEST_TURN = math.radians(4)
_LARGEST_ZOOM = 1.6

# Field of view that a picture is taken to have been made with, radians: of a phone to that of a short telephoto lens.
# It says how far the picture moves when the camera turns.
_FIELD = (math.radians(30), math.radians(60))

# Brightness of ambient light relative to the backdrop's own: indoors and out, less arrives than a wall shows.
_AMBIENT_GAIN = 0.75

# Side of a painted picture, pixels, relative to the longer side of the frame that is cut from it.
_PAINTED_SCALE = 1.3

_PAINTERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "room": indoor_painters.room,
    "window": indoor_painters.window,
    "shelves": indoor_painters.shelves,
    "hall": indoor_painters.hall,
    "gym": indoor_painters.gym,
    "studio": indoor_painters.studio,
    "park": outdoor_painters.park,
    "street": outdoor_painters.street,
    "hills": outdoor_painters.hills,
    "court": outdoor_painters.court,
    "beach": outdoor_painters.beach,
}
KINDS = tuple(_PAINTERS)

_SUFFIXES = (*photo_folders.PHOTO_SUFFIXES, *hdri.HDRI_SUFFIXES)


class Surroundings(Protocol):
    """What is around the figure in one clip."""

    def for_views(self, cameras: Sequence[Camera]) -> list[Backdrop]:
        """What the camera of each frame sees behind the figure, all of one size; equal views share one Backdrop."""

    def lights(self, lights: Sequence[AreaLight]) -> tuple[AreaLight, ...]:
        """The area lights as they are in these surroundings."""


def find(source: str, seed: int) -> Surroundings:
    """The surroundings that a plan names.

    Args:
        source: one of KINDS; or a picture or panorama; or a folder of them, of which the seed picks one and passes over
            those that cannot be read, with a warning; or "asset:NAME", a folder that `mviper assets fetch` filled.
        seed: of everything that is drawn.

    Raises:
        ConfigError: neither a kind nor a readable picture.
        AssetError: the asset is not there.
    """
    if source in KINDS:
        return Painted(source, seed)
    if source.startswith(assets.PREFIX):
        source = str(assets.folder(source.removeprefix(assets.PREFIX)))
    path = pathlib.Path(source)
    if not path.exists():
        raise ConfigError(
            f"A backdrop is one of {', '.join(KINDS)}, or a picture or a folder of them. Received: {source}"
        )
    rng = np.random.default_rng(seed)
    paths = photo_folders.find_pictures(source, _SUFFIXES) if path.is_dir() else (path,)
    return photo_folders.read_any(paths, rng, lambda path: _read(path, rng))


def _read(path: pathlib.Path, rng: np.random.Generator) -> Surroundings:
    if path.suffix.lower() in hdri.HDRI_SUFFIXES:
        return Panorama(hdri.read_panorama(path), rng)
    image = photo_folders.read_photo(path)
    return Panorama(hdri.read_panorama(path), rng) if hdri.is_panorama(image) else Photo(image, rng)


class Photo:
    """One picture, cut at a random scale, turn, side and blur; it moves sideways when the camera turns.

    Where it ends it is mirrored, so that a camera may turn as far as the body does.
    """

    def __init__(self, image: np.ndarray, rng: np.random.Generator):
        """Draws the cut.

        Args:
            image: uint8 [h, w, 3] sRGB.
            rng: where it comes from.
        """
        self._image = image
        self._turn = rng.uniform(-_LARGEST_TURN, _LARGEST_TURN)
        self._zoom = math.exp(rng.uniform(0, math.log(_LARGEST_ZOOM)))
        self._place = rng.uniform(0, 1, 2)
        self._mirror = -1.0 if rng.random() < 0.5 else 1.0
        self._blur = rng.uniform(0.3, 2.5)
        self._field = rng.uniform(*_FIELD)

    def for_views(self, cameras: Sequence[Camera]) -> list[Backdrop]:
        """See Surroundings; the light is that of the first frame's picture."""
        width, height = cameras[0].width, cameras[0].height
        rows, cols = self._image.shape[:2]
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        # Size of the turned frame's bounding box, in frame pixels, decides how large the frame may be in the picture.
        span = np.array([width * cos + height * abs(sin), height * cos + width * abs(sin)])
        scale = min((np.array([cols, rows]) - 1) / span) / self._zoom
        centre = scale * span / 2 + self._place * ([cols - 1, rows - 1] - scale * span)
        # Blur that hides detail finer than a frame pixel, and then some: the lens is focused on the figure.
        image = cv2.GaussianBlur(self._image, (0, 0), scale * (0.4 + self._blur * height / 250))
        matrix = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([self._mirror, 1.0])
        focal = width / 2 / math.tan(self._field / 2)
        backdrops: list[Backdrop] = []
        panned: dict[float, Backdrop] = {}
        for pan in _pans(cameras):
            if pan not in panned:
                # Radians to the right -> pixels to the right of the frame -> the picture.
                middle = np.array([(width - 1) / 2 - focal * pan, (height - 1) / 2])
                cut = cv2.warpAffine(
                    image, np.column_stack([matrix, centre - matrix @ middle]), (width, height),
                    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101,
                )  # fmt: skip
                panned[pan] = Backdrop(cut, backdrops[0].ambient if backdrops else ambient_light(cut))
            backdrops.append(panned[pan])
        return backdrops

    def lights(self, lights: Sequence[AreaLight]) -> tuple[AreaLight, ...]:
        """As they are: a picture says little about the light around it."""
        return tuple(lights)


class Painted:
    """A painted scene, shown as a photo is."""

    def __init__(self, kind: str, seed: int):
        """Names a scene; it is painted for the size of the cameras."""
        self._kind, self._seed = kind, seed

    def for_views(self, cameras: Sequence[Camera]) -> list[Backdrop]:
        """See Surroundings."""
        rng = painting.generator(self._kind, self._seed)
        side = math.ceil(_PAINTED_SCALE * max(cameras[0].width, cameras[0].height))
        return Photo(painting.to_uint8(_PAINTERS[self._kind](rng, side)), rng).for_views(cameras)

    def lights(self, lights: Sequence[AreaLight]) -> tuple[AreaLight, ...]:
        """As they are."""
        return tuple(lights)


def _pans(cameras: Sequence[Camera]) -> list[float]:
    """Radians that each camera is turned to the right of the first one, about the world's vertical."""
    forward = np.array([camera.extrinsics[2, :3] for camera in cameras])
    # Clockwise seen from above is to the right, and falling azimuth about +y.
    turned = -np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))
    return [round(float(pan), 6) for pan in turned - turned[0]]


def ambient_light(image: np.ndarray, gain: float = _AMBIENT_GAIN) -> np.ndarray:
    """Irradiance of surroundings as bright above and below as the image [h, w, 3] at its top and bottom.

    The radiance L(d) = mean + slope * d_y gives E(n) = pi * mean + (2 pi / 3) * slope * n_y (Ramamoorthi and Hanrahan
    2001, equation 12). Returns [9, 3] as Backdrop.ambient.
    """
    rows = linear_from_srgb(np.arange(256) / 255)[image].mean(1) * gain
    third = max(len(rows) // 3, 1)
    mean = rows.mean(0)
    slope = np.clip((rows[:third].mean(0) - rows[-third:].mean(0)) / 2, -0.6 * mean, 0.6 * mean)
    ambient = np.zeros((9, 3))
    ambient[0] = math.pi * mean / 0.282095
    ambient[1] = 2 * math.pi / 3 * slope / 0.488603
    return ambient
