"""The stages: frame model, video model from it (paper section 4.3), and HMR, the baseline with a prior of its own."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from model import checkpoint
from model.baselines.adversarial import AdversarialPrior
from model.baselines.mean_pose import fit_weak_camera, mean_theta
from model.body.files import BodyData
from model.body.layer import BodyLayer
from model.config import Config, TrainConfig
from model.frame_model import FrameModel
from model.training import devices
from model.training import input as training_input
from model.training.identity import stage_identity
from model.training.loop import Stage
from model.training.mesh_trainer import MeshTrainer
from model.training.pictures import Overlays
from model.training.resume import Checkpoints
from model.video_model import VideoModel

# Stage -> what its progress bar is called.
TITLES = {"frame": "frame model", "video": "video model", "hmr": "HMR"}


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network, float32 and on one device, and its curves."""

    network: keras.Model
    curves: dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Run:
    """Where and how a stage runs; none of it changes what comes out.

    Attributes:
        folder: TensorBoard's files and the checkpoint that an interrupted stage goes on from; None: neither.
        restart: whether to start over in spite of a checkpoint.
        devices: see model.training.devices.placed.
    """

    folder: pathlib.Path | None = None
    restart: bool = False
    devices: Sequence[str] = ()


def train_frame(
    config: Config,
    body: BodyData,
    train: training_input.Source,
    evaluation: training_input.Source,
    run: Run | None = None,
) -> Trained:
    """Stage 1: encoder and regressor on stills.

    Raises:
        UserError: records that cannot be trained on (model.training.input.inspect), a checkpoint of another run, or a
            loss that is no number (model.training.loop.Stage).
    """
    return _train("frame", config, config.frame, body, None, train, evaluation, run or Run())


def train_video(
    config: Config,
    body: BodyData,
    base: FrameModel,
    train: training_input.Source,
    evaluation: training_input.Source,
    run: Run | None = None,
) -> Trained:
    """Stage 2: the video model end to end, encoder, regressor and mean Theta taken from the frame model.

    Raises:
        UserError: as train_frame.
    """
    return _train("video", config, config.video, body, base, train, evaluation, run or Run())


def train_hmr(
    config: Config,
    body: BodyData,
    base: FrameModel | None,
    train: training_input.Source,
    evaluation: training_input.Source,
    run: Run | None = None,
) -> Trained:
    """The baseline: a frame model with the adversarial prior, from scratch or fine-tuned from a frame model (HMR*).

    Raises:
        UserError: as train_frame.
    """
    return _train("hmr", config, config.hmr, body, base, train, evaluation, run or Run())


def frames_mean_theta(labels: Iterable[dict[str, np.ndarray]], body: BodyLayer) -> np.ndarray:
    """Mean Theta [85] of frames with SMPL labels.

    Args:
        labels: model.training.input.labelled_frames.
        body: poses them, for their cameras.
    """
    poses, betas, cameras = [], [], []
    for batch in labels:
        keypoints = np.asarray(body(batch["pose"], batch["betas"]).keypoints)
        poses.append(batch["pose"])
        betas.append(batch["betas"])
        cameras.append(fit_weak_camera(keypoints, batch["keypoints2d"][..., :2]))
    return mean_theta(np.concatenate(poses), np.concatenate(betas), np.concatenate(cameras))


def _train(
    stage: str,
    config: Config,
    settings: TrainConfig,
    body_data: BodyData,
    base: FrameModel | None,
    train: training_input.Source,
    evaluation: training_input.Source,
    run: Run,
) -> Trained:
    model, stills = config.model, stage != "video"
    # Weights that the base brings need not be loaded, or downloaded, first.
    start_from = dataclasses.replace(model, encoder_weights="") if base is not None else model
    held_out = training_input.inspect(evaluation, model)
    inventory = training_input.inspect(train, model)
    training_input.check_smpl_labels(inventory)
    checkpoints = None
    if run.folder:
        identity = stage_identity(stage, config, body_data.body_id, train.files, evaluation.files, base)
        checkpoints = Checkpoints(run.folder, identity)
        if run.restart:
            checkpoints.drop()

    keras.utils.set_random_seed(settings.seed)
    with devices.placed(run.devices) as placement:
        placement.check_batch(settings.batch_clips)
        with devices.precision(settings.precision):
            network = checkpoint.build_network(stage, start_from)
        body = BodyLayer(body_data)
        prior = AdversarialPrior() if stage == "hmr" and config.loss.adversarial else None
        if prior:
            prior.build()

        def start() -> None:
            if base is None:
                network.mean_theta.assign(frames_mean_theta(training_input.labelled_frames(train, model), body))
            elif isinstance(network, VideoModel):
                network.warm_start(base)
            else:
                network.set_weights(base.get_weights())

        batches = training_input.evaluation_batches(evaluation, held_out, model, settings.batch_clips, stills)
        running = Stage(
            MeshTrainer(network, body, config.loss, prior),
            settings,
            training_input.TrainingData(train, inventory, model, settings, stills),
            batches,
            TITLES[stage],
            placement,
            run.folder,
            checkpoints,
            start,
            Overlays(body_data, placement.even(batches)) if run.folder else None,
        )
        curves = running.run()
        weights: list[Any] = network.get_weights()
    plain = checkpoint.build_network(stage, dataclasses.replace(model, encoder_weights=""))
    plain.set_weights(weights)
    return Trained(plain, curves)
