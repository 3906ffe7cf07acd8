"""Where the person is: a box per frame, given by the user or found by OpenCV's built-in people detector."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from model.crop import FIELD_IN_BOXES, follow
from model.errors import ConfigError, VideoError

# OpenCV's HOG window leaves a margin: the person fills about this share of its height.
_HOG_STATURE = 0.8
_HOG_WIDTH = 480
_DETECT_EVERY = 10


@dataclasses.dataclass(frozen=True)
class Square:
    """A square crop of a frame: its left and top pixel, which may lie outside of the frame, and its side."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, x: float, y: float, side: float) -> Square:
        """The crop with this centre and side, on whole pixels."""
        side = max(2.0, side)
        return cls(round(x - side / 2), round(y - side / 2), round(side))

    def cut(self, frame: np.ndarray, size: int) -> np.ndarray:
        """The crop, resized to size x size; outside of the frame the edge is continued."""
        rows = np.clip(np.arange(self.top, self.top + self.side), 0, frame.shape[0] - 1)
        columns = np.clip(np.arange(self.left, self.left + self.side), 0, frame.shape[1] - 1)
        interpolation = cv2.INTER_AREA if size < self.side else cv2.INTER_LINEAR
        return cv2.resize(frame[rows][:, columns], (size, size), interpolation=interpolation)

    def to_frame(self, pixels: np.ndarray, size: int) -> np.ndarray:
        """Pixels of a size x size crop -> pixels of the frame, [..., 2]; pixel centres lie at whole numbers."""
        return (pixels + 0.5) * (self.side / size) - 0.5 + np.array([self.left, self.top])


def parse_box(text: str) -> Square:
    """A tight person box "x,y,width,height" in pixels -> the crop around it.

    Raises:
        ConfigError: not four numbers, or an empty box.
    """
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError as error:
        raise ConfigError(f"A box is x,y,width,height in pixels. Received: {text!r}") from error
    if not (width > 0 and height > 0):
        raise ConfigError(f"A box has positive width and height. Received: {text!r}")
    return Square.around(x + width / 2, y + height / 2, FIELD_IN_BOXES * max(width, height))


def detect_people(frames: list[np.ndarray]) -> list[Square]:
    """One crop a frame that follows the largest certain person.

    Detects on every tenth frame and interpolates between detections.

    Args:
        frames: RGB, uint8.

    Raises:
        VideoError: nobody was found in any frame.
    """
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]
    indices: list[int] = []
    found: list[tuple[float, float, float]] = []
    for index in range(0, len(frames), _DETECT_EVERY):
        scale = min(1.0, _HOG_WIDTH / frames[index].shape[1])
        small = cv2.resize(frames[index], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, scores = hog.detectMultiScale(small, winStride=(8, 8), padding=(16, 16), scale=1.05)
        if len(boxes):
            # Of several people the one in front is wanted: certainty weighed with size.
            table = np.asarray(boxes, float)
            x, y, width, height = table[np.argmax(np.ravel(scores) * table[:, 3])] / scale
            indices.append(index)
            found.append((x + (width - 1) / 2, y + (height - 1) / 2, _HOG_STATURE * height))
    if not found:
        raise VideoError("A video with a person in it is needed; say where with --box. Received: nobody was detected")
    track = np.array(found)
    # One odd detection must not pull the crop away: a running median over three.
    padded = np.concatenate([track[:1], track, track[-1:]])
    track = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    x, y, side = (np.interp(np.arange(len(frames)), indices, column).astype(np.float32) for column in track.T)
    known, size = np.ones(len(frames), bool), np.array(frames[0].shape[:2], np.float32)
    squares = follow(np.stack([x, y], 1), side, known, size).numpy()
    return [Square(*map(int, row)) for row in squares]
