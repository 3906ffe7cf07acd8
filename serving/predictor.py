"""A SavedModel in this process, for videos: crops in, bodies out."""

from __future__ import annotations

import pathlib

import cv2
import numpy as np

from model import checkpoint
from model.body.data import BodyData, check_body_id
from model.body.files import body_source, load_body
from model.errors import ConfigError
from serving import signatures


def newest_version(folder: str | pathlib.Path) -> pathlib.Path:
    """The SavedModel itself, or the highest numbered one below a folder of versions.

    Raises:
        ConfigError: there is none.
    """
    folder = pathlib.Path(folder)
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [p for p in folder.glob("*") if p.name.isdigit() and (p / "saved_model.pb").is_file()]
    if not versions:
        raise ConfigError(f"A SavedModel, or a folder with numbered ones, is needed. Received: {folder}")
    return max(versions, key=lambda p: int(p.name))


class Predictor:
    """Runs the `clip_vertices` signature of one SavedModel."""

    def __init__(self, folder: str | pathlib.Path):
        """Loads the newest version below `folder`.

        Raises:
            ConfigError: there is no SavedModel of this project.
            BodyMismatchError: it was trained for a body that is not here.
        """
        import tensorflow as tf

        self.folder = newest_version(folder)
        _, self.config, body_id = checkpoint.read_settings(self.folder / checkpoint.EXTRA)
        self.body: BodyData = load_body("neutral", body_source(self.config.model.body))
        check_body_id(body_id, self.body.body_id, f"The model at {self.folder}")
        self._model = tf.saved_model.load(str(self.folder))
        self._function = self._model.signatures[signatures.CLIP_VERTICES]

    def __call__(self, crops: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Predicts a sequence of any length, clip by clip; the last clip is filled up with its last frame.

        Args:
            crops: N square RGB images, uint8.

        Returns:
            The signature's outputs with [N, ...] instead of [B, T, ...].
        """
        import tensorflow as tf

        length = self.config.model.clip_length
        encoded = [cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for crop in crops]
        results = []
        for start in range(0, len(encoded), length):
            clip = encoded[start : start + length]
            filled = clip + [clip[-1]] * (length - len(clip))
            outputs = self._function(jpegs=tf.constant([filled]))
            results.append({name: value.numpy()[0, : len(clip)] for name, value in outputs.items()})
        return {name: np.concatenate([r[name] for r in results]) for name in results[0]}
