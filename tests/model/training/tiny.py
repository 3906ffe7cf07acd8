"""A stage so small that a step takes milliseconds: random images with the labels of random people."""

import dataclasses
import pathlib

import keras
import numpy as np

from model import checkpoint
from model.baselines.adversarial import AdversarialPrior
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.camera import project_weak
from model.config import LossConfig, ModelConfig, TrainConfig
from model.training import devices
from model.training.loop import Stage
from model.training.mesh_trainer import MeshTrainer
from model.training.resume import Checkpoints

SIZE, T = 32, 2
MODEL = ModelConfig(
    encoder="small", image_size=SIZE, clip_length=T, lstm_width=192, attention_width=8, regressor_width=16,
    encoder_weights="",
)  # fmt: skip
STEPS = 6
TRAIN = TrainConfig(batch_clips=4, epochs=3, learning_rate=1e-3, warmup_steps=2, evaluate_every=1, checkpoint_every=4)

# With all the state there is: averages, the best weights, a checkpoint in mid-epoch.
RESUMED = dataclasses.replace(TRAIN, average=0.9, patience=9)


def draw_labels(rng: np.random.Generator, lead: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Labels of people with these leading dimensions, that the body agrees with."""
    pose = rng.normal(0, 0.3, (*lead, 72)).astype(np.float32)
    betas = rng.normal(size=(*lead, 10)).astype(np.float32)
    keypoints = np.array(BodyLayer(load_body("neutral"))(pose, betas).keypoints)
    camera = np.broadcast_to(np.float32([0.8, 0, 0]), (*lead, 3))
    visible = np.ones((*lead, 19, 1), np.float32)
    return {
        "pose": pose,
        "betas": betas,
        "keypoints3d": keypoints,
        "keypoints3d_valid": visible[..., 0],
        "keypoints2d": np.concatenate([project_weak(keypoints, camera), visible], -1),
        "has_3d": np.ones(lead, np.float32),
        "has_smpl": np.ones(lead, np.float32),
    }


class Data:
    """Batches as model.training.input gives them; `poisoned` (epoch, step) has an infinite keypoint."""

    steps_per_epoch = STEPS

    def __init__(self, stills: bool = True, poisoned: tuple[int, int] | None = None, batch: int = 4):
        rng = np.random.default_rng(0)
        lead = (STEPS, batch) if stills else (STEPS, batch, T)
        self.images = rng.random((*lead, SIZE, SIZE, 3)).astype(np.float32)
        self.labels = draw_labels(rng, lead)
        self.poisoned = poisoned

    def epoch(self, index, skip_steps=0):
        import tensorflow as tf

        order = np.random.default_rng(index).permutation(STEPS)[skip_steps:]
        labels = {name: value[order] for name, value in self.labels.items()}
        if self.poisoned and self.poisoned[0] == index and self.poisoned[1] >= skip_steps:
            labels["keypoints2d"][self.poisoned[1] - skip_steps, 0] = np.inf
        return tf.data.Dataset.from_tensor_slices((self.images[order], labels))

    def evaluation(self):
        return self.epoch(0).take(2)

    def clip_ids(self, index, step):
        return [f"clip{np.random.default_rng(index).permutation(STEPS)[step]}"]


def stage(
    folder: pathlib.Path | None,
    train: TrainConfig = TRAIN,
    kind: str = "frame",
    data: Data | None = None,
    identity: dict | None = None,
    model: ModelConfig = MODEL,
    placement: devices.Placement | None = None,
    prior: AdversarialPrior | None = None,
) -> Stage:
    """A stage with a checkpoint in a folder, or none; on what a stage takes by itself, or elsewhere."""
    keras.utils.set_random_seed(0)
    if placement is None:
        with devices.placed() as placement:
            pass
    data = data or Data(kind == "frame")
    with devices.precision(train.precision):
        network = checkpoint.build_network(kind, model)
    trainer = MeshTrainer(network, BodyLayer(load_body("neutral")), LossConfig(adversarial=1.0), prior)
    checkpoints = Checkpoints(folder, identity or {"train": {"seed": 0}}) if folder else None
    return Stage(trainer, train, data, data.evaluation(), "tiny", placement, folder, checkpoints)
