"""What can be evaluated: the network, SMPLify and the mean pose, all through `model.evaluation.clip_metrics`."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from model import conventions
from model.camera import to_normalised
from model.errors import ConfigError

# Serialised clips [B] and their labels as of components.records.parse_batch -> metrics as of clip_metrics.
Method = Callable[[Sequence[bytes], dict[str, np.ndarray]], dict[str, Any]]


def network(saved_model: str | pathlib.Path) -> Method:
    """A SavedModel, by its `evaluation` signature.

    Raises:
        ConfigError: the folder holds no such SavedModel.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(saved_model))
        signature = model.signatures["evaluation"]
    except (OSError, KeyError) as error:
        raise ConfigError(
            f"A SavedModel with an evaluation signature is needed. Received: {saved_model} ({error})"
        ) from error

    def method(serialised: Sequence[bytes], _labels: dict[str, np.ndarray], model=model) -> dict[str, Any]:
        # `model` is kept alive here: its signatures hold no reference to its variables.
        return signature(examples=tf.constant(list(serialised)))

    return method


def mean_pose(mean_theta: np.ndarray, body: Any) -> Method:
    """The training set's mean Theta for every frame.

    Args:
        mean_theta: [85].
        body: BodyLayer.
    """

    def predict(labels: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        lead = labels["pose"].shape[:2]
        return np.broadcast_to(mean_theta, (*lead, conventions.THETA_SIZE)), np.zeros(lead, bool)

    return _method(predict, mean_theta, body)


def smplify(fitter: Any, mean_theta: np.ndarray, body: Any, noise_px: float = 0.0, seed: int = 0) -> Method:
    """SMPLify on the labelled 2D keypoints that are visible: no detector is judged.

    Frames with too few of them are predicted by the mean pose, so that they count in every mean, and are counted as
    missing.

    Args:
        fitter: model.baselines.smplify.Smplify.
        mean_theta: [85].
        body: BodyLayer.
        noise_px: standard deviation, in pixels of the records' frames, of normal noise on the keypoints.
        seed: of that noise.
    """
    rng = np.random.default_rng(seed)

    def predict(labels: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        pixels, visible = labels["keypoints2d"][..., :2], labels["keypoints2d"][..., 2:]
        if noise_px:
            pixels = pixels + rng.normal(0.0, noise_px, pixels.shape)
        points = to_normalised(pixels, labels["frame_size"].max(-1)[:, None, None, None])
        keypoints = np.concatenate([points, visible], -1)
        fits = fitter(keypoints.reshape(-1, *keypoints.shape[2:]))
        lead = keypoints.shape[:2]
        return fits.theta.reshape(*lead, -1), fits.missing.reshape(lead)

    return _method(predict, mean_theta, body)


def _method(
    predict: Callable[[dict[str, np.ndarray]], tuple[np.ndarray, np.ndarray]], mean_theta: np.ndarray, body: Any
) -> Method:
    """Metrics of labels -> (theta [B, T, 85], missing [B, T])."""
    from model.autodiff import compiled
    from model.evaluation import LABELS, clip_metrics

    mean_theta = np.asarray(mean_theta, np.float32)
    measure = compiled(lambda theta, labels: clip_metrics(theta, mean_theta, labels, body))

    def method(_serialised: Sequence[bytes], labels: dict[str, np.ndarray]) -> dict[str, Any]:
        theta, missing = predict(labels)
        values = dict(measure(np.asarray(theta, np.float32), {name: labels[name] for name in LABELS}))
        share = np.asarray(values["missing_share"])
        values["missing_share"] = np.where(missing & ~np.isnan(share), 1.0, share)
        return values

    return method
