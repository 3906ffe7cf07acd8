"""The part of the images around a person that a record keeps, and its labels there."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.datasets.base import PersonClip
from components.records import labelled
from model.crop import FIELD_IN_BOXES, KEYPOINT_SHARE

# The kept part over the square that the network sees: room for the augmentation's shifts and scales.
ROOM = 1.3
JPEG_QUALITY = 95


@dataclasses.dataclass(frozen=True)
class Window:
    """A rectangle of the images, the same for all frames of a clip, so that the camera remains one.

    Attributes:
        left: first column.
        top: first row.
        width: stored pixels.
        height: stored pixels.
        shrink: pixels of the image that make one stored pixel, in either direction. A whole number: three times as fast
            as any other, and the averages are exact.
    """

    left: int
    top: int
    width: int
    height: int
    shrink: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window of an image [H, W, 3] as it is stored."""
        import cv2

        bottom, right = self.top + self.shrink * self.height, self.left + self.shrink * self.width
        part = image[self.top : bottom, self.left : right]
        return part if self.shrink == 1 else cv2.resize(part, (self.width, self.height), None, 0, 0, cv2.INTER_AREA)

    def encode(self, image: np.ndarray) -> bytes:
        """The window of a BGR image as a JPEG."""
        import cv2

        return cv2.imencode(".jpg", self.cut(image), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()

    def keypoints(self, keypoints2d: np.ndarray) -> np.ndarray:
        """Keypoints [T, 19, 3] of the images in the window; what is not labelled stays (0, 0, 0)."""
        placed = labelled(keypoints2d)[..., None]
        # Pixel centres lie at whole numbers.
        moved = (keypoints2d[..., :2] + 0.5 - (self.left, self.top)) / self.shrink - 0.5
        return np.where(placed, np.concatenate([moved, keypoints2d[..., 2:]], -1), 0.0)

    def intrinsics(self, matrix: np.ndarray) -> np.ndarray:
        """K [3, 3] of the images as that of the window."""
        x, y = ((0.5 - corner) / self.shrink - 0.5 for corner in (self.left, self.top))
        return np.array([[1 / self.shrink, 0, x], [0, 1 / self.shrink, y], [0, 0, 1]]) @ matrix


def person_side(keypoints2d: np.ndarray) -> float:
    """Largest side over the frames of the box of labelled keypoints [T, 19, 3], pixels; 0 without any."""
    placed = labelled(keypoints2d)
    points = keypoints2d[..., :2]
    low = np.where(placed[..., None], points, np.inf).min(1)
    high = np.where(placed[..., None], points, -np.inf).max(1)
    sides = (high - low).max(-1)
    return float(np.max(np.where(np.isfinite(sides), sides, 0.0)))


def window_of(clip: PersonClip, size: tuple[int, int], side: int) -> Window:
    """The window of a clip.

    Around the square that training would cut (model.crop) and ROOM, for every frame, as far as the images reach.
    Whole images where nothing is labelled.

    Args:
        clip: with its keypoints.
        size: height and width of the images, pixels.
        side: largest side of the stored frames, pixels; they are shrunk by whole numbers, to more than half of it.
    """
    height, width = size
    placed = clip.labelled
    if placed.any():
        reach = ROOM * FIELD_IN_BOXES / KEYPOINT_SHARE / 2 * person_side(clip.keypoints2d)
        points = np.where(placed[..., None], clip.keypoints2d[..., :2], np.nan)[placed.any(1)]
        centres = (np.nanmin(points, 1) + np.nanmax(points, 1)) / 2
        low, high = np.floor(centres.min(0) - reach), np.ceil(centres.max(0) + reach) + 1
        left, top = (int(v) for v in np.clip(low, 0, (width - 1, height - 1)))
        right, bottom = (int(v) for v in np.clip(high, (left + 1, top + 1), (width, height)))
    else:
        left, top, right, bottom = 0, 0, width, height
    lengths = right - left, bottom - top
    shrink = min(-(-max(lengths) // side), *lengths)
    return Window(left, top, lengths[0] // shrink, lengths[1] // shrink, shrink)
