"""Pictures in the user's folders: found once, read one at a time, passed over with a warning where they are damaged."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import numpy as np
from absl import logging

from model.errors import ConfigError, UserError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")

# Pixels; a picture with a shorter side shows nothing.
SMALLEST_SIDE = 16

_Result = TypeVar("_Result")


class PictureError(UserError):
    """A picture cannot be read or shows nothing."""


@functools.lru_cache(maxsize=8)
def find_pictures(folder: str, suffixes: tuple[str, ...] = PHOTO_SUFFIXES) -> tuple[pathlib.Path, ...]:
    """The pictures below a folder, sorted by path; a process lists a folder once.

    Args:
        folder: searched with all folders in it.
        suffixes: in lower case; files may spell them in upper case.

    Raises:
        ConfigError: the folder is missing or holds no picture.
    """
    root = pathlib.Path(folder)
    found = tuple(sorted(path for path in root.rglob("*") if path.suffix.lower() in suffixes and path.is_file()))
    if not found:
        state = "no picture in it" if root.is_dir() else "not a folder"
        raise ConfigError(f"A folder with pictures ({', '.join(suffixes)}) is needed. Received: {folder} ({state})")
    return found


def read_photo(path: pathlib.Path) -> np.ndarray:
    """Reads a picture: uint8 [h, w, 3] sRGB.

    Raises:
        PictureError: it cannot be read, or a side is shorter than SMALLEST_SIDE.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise PictureError(f"A readable picture is needed. Received: {path} ({error.strerror})") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise PictureError(f"A picture is needed. Received: {path} (damaged, {len(content)} bytes)")
    if min(image.shape[:2]) < SMALLEST_SIDE:
        size = f"{image.shape[1]} x {image.shape[0]} pixels"
        raise PictureError(f"A picture of at least {SMALLEST_SIDE} pixels a side is needed. Received: {path} ({size})")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_any(
    paths: Sequence[pathlib.Path], rng: np.random.Generator, read: Callable[[pathlib.Path], _Result]
) -> _Result:
    """Reads pictures in random order until one can be read; the others are logged and passed over.

    Raises:
        ConfigError: none can be read.
    """
    for index in rng.permutation(len(paths)):
        try:
            return read(paths[index])
        except PictureError as error:
            logging.warning("Passed over: %s", error)
    raise ConfigError(f"At least one readable picture is needed. Received: {len(paths)} unreadable, first {paths[0]}")
