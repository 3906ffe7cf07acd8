"""What stands behind the figure: painted rooms and open air by seed, or photos from the user's folder."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable

import cv2
import numpy as np
from absl import logging

from model.errors import ConfigError
from synthesis.render.interface import Backdrop
from synthesis.scene import backdrop_painters, painting

# Photos are any of these; everything else in the folder is left alone.
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")

# The frame is cut from a larger picture at a random scale and turn, as the paper does with its photos.
_LARGEST_TURN = math.radians(4)
_LARGEST_ZOOM = 1.6

# Brightness of ambient light relative to the backdrop's own: indoors and out, less arrives than a wall shows.
_AMBIENT_GAIN = 0.75

_PAINTERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "room": backdrop_painters.room,
    "window": backdrop_painters.window,
    "shelves": backdrop_painters.shelves,
    "hall": backdrop_painters.hall,
    "studio": backdrop_painters.studio,
    "park": backdrop_painters.park,
    "street": backdrop_painters.street,
    "hills": backdrop_painters.hills,
    "court": backdrop_painters.court,
}
KINDS = tuple(_PAINTERS)


def make(kind: str, seed: int, width: int, height: int) -> Backdrop:
    """Paints one backdrop; the same kind, seed and size give the same picture.

    Raises:
        ConfigError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ConfigError(f"A backdrop is one of {', '.join(KINDS)}. Received: {kind!r}")
    rng = painting.generator(kind, seed)
    canvas = painting.to_uint8(_PAINTERS[kind](rng, math.ceil(1.3 * max(width, height))))
    return _frame(canvas, rng, width, height)


def find_photos(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """The photos below a folder, sorted by path.

    Raises:
        ConfigError: the folder is missing or holds no photo.
    """
    folder = pathlib.Path(folder)
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
    if not photos:
        state = "no photo in it" if folder.is_dir() else "not a folder"
        raise ConfigError(f"A folder with photos ({', '.join(PHOTO_SUFFIXES)}) is needed. Received: {folder} ({state})")
    return photos


def from_photos(photos: list[pathlib.Path], seed: int, width: int, height: int) -> Backdrop:
    """A random cut of a random photo; photos that cannot be read are logged and passed over.

    Raises:
        ConfigError: none of the photos can be read.
    """
    rng = np.random.default_rng(seed)
    for index in rng.permutation(len(photos)):
        image = (
            cv2.imdecode(np.fromfile(photos[index], np.uint8), cv2.IMREAD_COLOR) if _has_bytes(photos[index]) else None
        )
        if image is not None:
            return _frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), rng, width, height)
        logging.warning("Skipped a backdrop photo that cannot be read: %s", photos[index])
    raise ConfigError(f"At least one readable photo is needed. Received: {len(photos)} unreadable, first {photos[:1]}")


def _has_bytes(path: pathlib.Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _frame(canvas: np.ndarray, rng: np.random.Generator, width: int, height: int) -> Backdrop:
    """Cuts width x height out of a picture [h, w, 3] at a random scale, turn, side and blur, wholly inside it."""
    rows, cols = canvas.shape[:2]
    turn = rng.uniform(-_LARGEST_TURN, _LARGEST_TURN)
    # Size of the turned frame's bounding box, in frame pixels, decides how large the frame may be in the picture.
    span_x = width * math.cos(turn) + height * abs(math.sin(turn))
    span_y = height * math.cos(turn) + width * abs(math.sin(turn))
    scale = min((cols - 1) / span_x, (rows - 1) / span_y) / math.exp(rng.uniform(0, math.log(_LARGEST_ZOOM)))
    free_x, free_y = cols - 1 - scale * span_x, rows - 1 - scale * span_y
    centre = np.array([scale * span_x / 2 + rng.uniform() * free_x, scale * span_y / 2 + rng.uniform() * free_y])
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    # Blur that hides detail finer than a frame pixel, and then some: the lens is focused on the figure.
    blur = scale * 0.4 + scale * rng.uniform(0.3, 2.5) * height / 250
    canvas = cv2.GaussianBlur(canvas, (0, 0), blur)
    matrix = (
        scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) @ np.diag([mirror, 1.0])
    )
    shift = centre - matrix @ [(width - 1) / 2, (height - 1) / 2]
    image = cv2.warpAffine(
        canvas, np.column_stack([matrix, shift]), (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return Backdrop(image=image, ambient=ambient_light(image))


def ambient_light(image: np.ndarray, gain: float = _AMBIENT_GAIN) -> np.ndarray:
    """Irradiance of surroundings as bright above and below as the image [h, w, 3] at its top and bottom.

    The radiance L(d) = mean + slope * d_y gives E(n) = pi * mean + (2 pi / 3) * slope * n_y (Ramamoorthi and Hanrahan
    2001, equation 12). Returns [9, 3] as Backdrop.ambient.
    """
    rows = painting.linear_from_srgb(np.arange(256) / 255)[image].mean(1) * gain
    third = max(len(rows) // 3, 1)
    mean = rows.mean(0)
    slope = np.clip((rows[:third].mean(0) - rows[-third:].mean(0)) / 2, -0.6 * mean, 0.6 * mean)
    ambient = np.zeros((9, 3))
    ambient[0] = math.pi * mean / 0.282095
    ambient[1] = 2 * math.pi / 3 * slope / 0.488603
    return ambient
