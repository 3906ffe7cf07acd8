"""The two stages: the frame model from its mean pose, then the video model from the frame model (section 4.3)."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from model.baselines.mean_pose import fit_weak_camera, mean_theta
from model.body.files import BodyData
from model.body.layer import BodyLayer
from model.config import Config, TrainConfig
from model.frame_model import FrameModel
from model.training import input as training_input
from model.training.loop import fit
from model.video_model import VideoModel


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network and its curves."""

    network: keras.Model
    curves: dict[str, list[float]]


def dataset_mean_theta(clips, body: BodyLayer) -> np.ndarray:
    """Mean Theta [85] of the frames that have SMPL labels."""
    poses, betas, cameras = [], [], []
    for clip in clips.as_numpy_iterator():
        if clip["has_smpl"].all():
            keypoints = np.asarray(body(clip["pose"], clip["betas"]).keypoints)
            poses.append(clip["pose"])
            betas.append(clip["betas"])
            cameras.append(fit_weak_camera(keypoints, clip["keypoints2d"][..., :2]))
    return mean_theta(np.concatenate(poses), np.concatenate(betas), np.concatenate(cameras))


def train_frame(
    config: Config,
    body_data: BodyData,
    train: training_input.Source,
    evaluation: training_input.Source,
    log_dir: str | None = None,
) -> Trained:
    """Stage 1: encoder and regressor on stills.

    Raises:
        BodyMismatchError: records belong to another body.
    """
    keras.utils.set_random_seed(config.frame.seed)
    body = BodyLayer(body_data)
    clips, count, held_out = _sources(config, train, evaluation)
    network = FrameModel(config.model)
    network.build((None, config.model.image_size, config.model.image_size, 3))
    network.mean_theta.assign(dataset_mean_theta(clips, body))
    curves = _fit(network, body, config, config.frame, clips, count, held_out, True, "frame model", log_dir)
    return Trained(network, curves)


def train_video(
    config: Config,
    body_data: BodyData,
    frame_model: FrameModel,
    train: training_input.Source,
    evaluation: training_input.Source,
    log_dir: str | None = None,
) -> Trained:
    """Stage 2: the video model end to end, encoder and regressor taken from the frame model.

    Raises:
        BodyMismatchError: records belong to another body.
    """
    keras.utils.set_random_seed(config.video.seed)
    body = BodyLayer(body_data)
    clips, count, held_out = _sources(config, train, evaluation)
    network = VideoModel(config.model)
    network.build((None, config.model.clip_length, config.model.image_size, config.model.image_size, 3))
    network.warm_start(frame_model)
    curves = _fit(network, body, config, config.video, clips, count, held_out, False, "video model", log_dir)
    return Trained(network, curves)


def _sources(config: Config, train: training_input.Source, evaluation: training_input.Source):
    training_input.check_bodies(evaluation)
    count = training_input.check_bodies(train)
    clips = training_input.decoded_clips(train, config.model)
    return clips, count, training_input.decoded_clips(evaluation, config.model)


def _fit(network, body, config: Config, stage: TrainConfig, clips, count, held_out, stills, title, log_dir):
    batches = training_input.training_batches(clips, count, stage, stills)
    steps = max(1, count // stage.batch_clips)
    evaluation = training_input.evaluation_batches(held_out, stage.batch_clips, stills)
    return fit(network, body, config.loss, stage, batches, steps, evaluation, title, log_dir)
