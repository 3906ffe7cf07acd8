"""The part of the images around a person that a record keeps, and its labels there."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.datasets.base import PersonClip
from model.crop import FIELD_IN_BOXES, KEYPOINT_SHARE

# The kept part over the square that the network sees: room for the augmentation's shifts and scales.
ROOM = 1.3
JPEG_QUALITY = 95


@dataclasses.dataclass(frozen=True)
class Window:
    """A rectangle of the images, the same for all frames of a clip, so that the camera remains one, and its scale.

    Attributes:
        left: first column.
        top: first row.
        right: behind the last column.
        bottom: behind the last row.
        scale: stored pixels a pixel, at most 1.
    """

    left: int
    top: int
    right: int
    bottom: int
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, stored pixels."""
        lengths = (self.bottom - self.top, self.right - self.left)
        return max(1, round(lengths[0] * self.scale)), max(1, round(lengths[1] * self.scale))

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window of an image [H, W, 3] as it is stored."""
        import cv2

        part = image[self.top : self.bottom, self.left : self.right]
        height, width = self.size
        return (
            part if part.shape[:2] == (height, width) else cv2.resize(part, (width, height), None, 0, 0, cv2.INTER_AREA)
        )

    def encode(self, image: np.ndarray) -> bytes:
        """The window of a BGR image as a JPEG."""
        import cv2

        return cv2.imencode(".jpg", self.cut(image), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()

    def scales(self) -> np.ndarray:
        """[2] stored pixels a pixel along x and y: sizes are whole numbers, so that they differ a little."""
        height, width = self.size
        return np.array([width / (self.right - self.left), height / (self.bottom - self.top)])

    def keypoints(self, keypoints2d: np.ndarray) -> np.ndarray:
        """Keypoints [T, 19, 3] of the images in the window; what is not labelled stays (0, 0, 0)."""
        placed = np.any(keypoints2d != 0, axis=-1, keepdims=True)
        # Pixel centres lie at whole numbers.
        moved = (keypoints2d[..., :2] + 0.5 - (self.left, self.top)) * self.scales() - 0.5
        return np.where(placed, np.concatenate([moved, keypoints2d[..., 2:]], -1), 0.0)

    def intrinsics(self, matrix: np.ndarray) -> np.ndarray:
        """K [3, 3] of the images as that of the window."""
        x, y = self.scales()
        shift = np.array([[x, 0, (0.5 - self.left) * x - 0.5], [0, y, (0.5 - self.top) * y - 0.5], [0, 0, 1]])
        return shift @ matrix


def person_side(keypoints2d: np.ndarray) -> float:
    """Largest side over the frames of the box of labelled keypoints [T, 19, 3], pixels; 0 without any."""
    placed = np.any(keypoints2d != 0, axis=-1)
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
        side: largest side of the stored frames, pixels.
    """
    height, width = size
    placed = np.any(clip.keypoints2d != 0, axis=-1)
    if placed.any():
        reach = ROOM * FIELD_IN_BOXES / KEYPOINT_SHARE / 2 * person_side(clip.keypoints2d)
        points = np.where(placed[..., None], clip.keypoints2d[..., :2], np.nan)[placed.any(1)]
        centres = (np.nanmin(points, 1) + np.nanmax(points, 1)) / 2
        low, high = np.floor(centres.min(0) - reach), np.ceil(centres.max(0) + reach) + 1
        left, top = (int(v) for v in np.clip(low, 0, (width - 1, height - 1)))
        right, bottom = (int(v) for v in np.clip(high, (left + 1, top + 1), (width, height)))
    else:
        left, top, right, bottom = 0, 0, width, height
    return Window(left, top, right, bottom, min(1.0, side / max(right - left, bottom - top)))
