"""Where a video model looks: its attention maps over the frames of a record."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from components.records import Clip
from model.errors import ConfigError
from model.visualize import draw_heat
from synthesis.annotate import PAPER, Annotation, numbered_frames

_HEADER, _INK = 34, "#222222"


class AttentionView:
    """Pictures of one clip as the network sees it, and of alpha over them (paper section 4.2).

    All frames share one scale: red is the clip's largest weight.
    """

    def __init__(self, clip: Clip, model: str | pathlib.Path, height: int = 320):
        """Runs a network over the clip's first frames, as many as it was trained for.

        Args:
            clip: the record.
            model: folder of a checkpoint, of a SavedModel, or of numbered ones.
            height: of a frame, pixels.

        Raises:
            ConfigError: there is no video model, or the clip is too short for it.
        """
        import tensorflow as tf

        from model import checkpoint
        from model.crop import person_squares
        from model.images import decode_clips, decode_frames
        from model.video_model import VideoModel

        network, config, _ = checkpoint.load(_checkpoint(pathlib.Path(model)))
        if not isinstance(network, VideoModel):
            raise ConfigError(f"Attention is the video model's. Received: a frame model in {model}")
        length = config.model.clip_length
        if clip.length < length:
            raise ConfigError(
                f"The model in {model} takes {length} frames. Received: clip {clip.clip_id} with {clip.length}"
            )
        jpegs = tf.constant(clip.frames[:length])
        squares = person_squares(tf.constant(clip.keypoints2d[:length], tf.float32), tf.constant(clip.frame_size))
        images = decode_clips(jpegs[None], config.model.image_size, squares[None])
        _, alpha = network(images, return_attention=True)
        side = round(alpha.shape[-1] ** 0.5)
        self.alpha = np.asarray(alpha).reshape(length, side, side)
        self._clip = clip
        self._pictures = np.asarray(decode_frames(jpegs, height, squares))

    def frame(self, number: int) -> np.ndarray:
        """The picture and the map over it, side by side: uint8 [H, 2 H, 3]."""
        picture = self._pictures[number]
        return np.concatenate([picture, draw_heat(picture, self.alpha[number], self.alpha.max())], 1)

    def film(self) -> Iterator[np.ndarray]:
        """Every frame."""
        return (self.frame(number) for number in range(len(self.alpha)))

    def sheet(self, count: int = 12, columns: int = 4) -> np.ndarray:
        """Frames evenly spaced from the first to the last: uint8 [H, W, 3]."""
        grid = numbered_frames(self.frame, len(self.alpha), count, columns)
        page = cv2.copyMakeBorder(grid, _HEADER, 0, 0, 0, cv2.BORDER_CONSTANT, value=(PAPER,) * 3)
        _, side, _ = self.alpha.shape
        note = Annotation(page)
        words = f"{self._clip.clip_id}: attention over {side} x {side} cells, red: {self.alpha.max():.2g}"
        words += f", {self.alpha.max() * side * side:.2g} times an even share"
        note.text(words, (10, _HEADER / 2), 16, _INK, "left", bold=True)
        return note.image()


def _checkpoint(folder: pathlib.Path) -> pathlib.Path:
    """The folder that holds the network itself."""
    from model import checkpoint
    from serving.predictor import newest_version

    if (folder / checkpoint.SETTINGS).is_file():
        return folder
    return newest_version(folder) / checkpoint.EXTRA
