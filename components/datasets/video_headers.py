"""What a video's container says of it, and whose files are videos; no frame is handed out."""

from __future__ import annotations

import dataclasses
import math
import pathlib

from components.datasets.base import DatasetError

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm")


@dataclasses.dataclass(frozen=True)
class VideoHeader:
    """A video's number of frames, frames a second, and width and height in pixels."""

    frames: int
    fps: float
    width: int
    height: int


def read_header(path: pathlib.Path) -> VideoHeader:
    """Reads what the container says.

    Raises:
        DatasetError: the file cannot be opened, or names no frames or no rate. The message names no file.
    """
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise DatasetError("A video that can be opened is needed. Received: one that cannot")
        fps = capture.get(cv2.CAP_PROP_FPS)
        frames, width, height = (
            int(capture.get(prop))
            for prop in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
    finally:
        capture.release()
    if frames <= 0 or width <= 0 or not (math.isfinite(fps) and fps > 0):
        raise DatasetError("A video whose container says its frames and rate is needed. Received: one that does not")
    return VideoHeader(frames, fps, width, height)
