"""Pixels of stills and videos: each file is decoded once, front to back."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from components.datasets.base import PersonClip
from model.errors import UserError, VideoError


class ImageError(UserError):
    """An image file that cannot be decoded."""


class MediaReader:
    """Frames of a dataset's images and videos; keeps the last file open, since clips of one follow each other.

    Args:
        root: of the dataset.
    """

    def __init__(self, root: pathlib.Path):
        self._root = root
        self._still: tuple[str, np.ndarray | None] = ("", None)
        self._video: _Video | None = None

    def frames(self, clip: PersonClip) -> Iterator[np.ndarray]:
        """The clip's frames, uint8 [H, W, 3] BGR.

        Raises:
            ImageError: an image is missing or damaged.
            VideoError: the video is missing, damaged or shorter than its labels.
        """
        path = self._root / clip.media
        if not clip.frames:
            if self._still[0] != clip.media:
                self._still = ("", None)
                self._still = (clip.media, read_image(path))
            assert self._still[1] is not None
            yield self._still[1]
        elif "%06d" in clip.media:
            for number in clip.frames:
                yield read_image(self._root / (clip.media % number))
        else:
            if self._video is None or self._video.path != path or self._video.position > clip.frames[0]:
                self.close()
                self._video = _Video(path)
            yield from self._video.frames(clip.frames)

    def close(self) -> None:
        """Closes the video that is open."""
        if self._video is not None:
            self._video.close()
            self._video = None


class _Video:
    """A video that is read forwards."""

    def __init__(self, path: pathlib.Path):
        import cv2

        if not path.is_file():
            raise VideoError(f"A video file is needed. Received: {path}, which is not there")
        self.path, self.position = path, 0
        self._capture: Any = cv2.VideoCapture(str(path))

    def frames(self, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """Frames of these ascending numbers, none before `position`."""
        for number in numbers:
            while self.position < number:
                self._advance(number)
            self._advance(number)
            ok, frame = self._capture.retrieve()
            if not ok:
                raise VideoError(f"A video that can be decoded is needed. Received: {self.path}, frame {number}")
            yield frame

    def _advance(self, wanted: int) -> None:
        # Frames that nobody asked for are decoded, since later ones depend on them, but not converted.
        if not self._capture.grab():
            raise VideoError(f"A video with frame {wanted} is needed. Received: {self.path}, {self.position} frames")
        self.position += 1

    def close(self) -> None:
        self._capture.release()


def read_image(path: pathlib.Path) -> np.ndarray:
    """An image as uint8 [H, W, 3] BGR; labels are of the stored pixels, so that Exif's rotation does not count.

    Raises:
        ImageError: it is missing or damaged.
    """
    import cv2

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"An image file is needed. Received: {path} ({error.strerror})") from error
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise ImageError(f"An image that can be decoded is needed. Received: {path}")
    return image
