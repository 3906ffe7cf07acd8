"""What one set of weights gives on this process' Keras backend; as a program it writes that beside the weights."""

import json
import pathlib
import sys

import keras
import numpy as np

from model.baselines.adversarial import AdversarialPrior
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.config import LossConfig, ModelConfig
from model.frame_model import FrameModel
from model.training.mesh_trainer import MeshTrainer
from model.video_model import VideoModel

B, T, S = 2, 3, 32
CONFIG = ModelConfig(
    encoder="small", image_size=S, clip_length=T, lstm_width=192, attention_width=8, regressor_width=16,
    regressor_dropout=0.0, encoder_weights="",
)  # fmt: skip


def networks():
    """Frame model, video model and prior, built, by name."""
    frame, video, prior = FrameModel(CONFIG), VideoModel(CONFIG), AdversarialPrior()
    frame.build((None, S, S, 3))
    video.build((None, T, S, S, 3))
    prior.build()
    return {"frame": frame, "video": video, "prior": prior}


def save(folder: pathlib.Path) -> None:
    """Draws weights and writes them as lists of arrays, the same for every backend."""
    keras.utils.set_random_seed(0)
    for name, network in networks().items():
        # Biases start at zero, and the heads near it: noise gives every weight a part in the result.
        values = [w + 0.02 * np.random.standard_normal(w.shape).astype(w.dtype) for w in floats(network)]
        np.savez(folder / f"{name}.npz", *values)


def floats(network):
    """Weights without seeds."""
    return [w for w in network.get_weights() if w.dtype == np.float32]


def load(folder: pathlib.Path):
    """The networks of `save`."""
    found = networks()
    for name, network in found.items():
        with np.load(folder / f"{name}.npz") as file:
            values = [file[key] for key in file.files]
        weights = [w for w in network.weights if w.dtype == "float32"]
        for weight, value in zip(weights, values, strict=True):
            # A variance is not negative.
            weight.assign(np.abs(value) if "variance" in weight.path else value)
    return found


def figures(folder: pathlib.Path) -> dict:
    """Theta of both models, attention, and the losses of two training steps."""
    found, rng = load(folder), np.random.default_rng(0)
    clips = rng.random((B, T, S, S, 3)).astype(np.float32)
    theta, alpha = found["video"](clips, return_attention=True)
    results = {"frame": found["frame"](clips[:, 0]), "video": theta, "attention": alpha}
    labels = {
        "pose": rng.normal(size=(B, T, 72)) * 0.3,
        "betas": rng.normal(size=(B, T, 10)),
        "keypoints3d": rng.normal(size=(B, T, 19, 3)),
        "keypoints3d_valid": np.ones((B, T, 19)),
        "keypoints2d": np.concatenate([rng.uniform(-0.8, 0.8, (B, T, 19, 2)), np.ones((B, T, 19, 1))], -1),
        "has_3d": np.ones((B, T)),
        "has_smpl": np.ones((B, T)),
    }
    labels = {name: value.astype(np.float32) for name, value in labels.items()}
    loss = LossConfig(heatmaps=0.5, adversarial=0.1)
    trainer = MeshTrainer(found["video"], BodyLayer(load_body("neutral")), loss, found["prior"])
    trainer.compile(keras.optimizers.SGD(1e-3), jit_compile=keras.backend.backend() == "jax")
    # The second step's loss shows the first one's gradient.
    results["losses"] = [trainer.train_on_batch(clips, labels, return_dict=True)["loss"] for _ in range(2)]
    return {name: np.asarray(value, np.float64).tolist() for name, value in results.items()}


if __name__ == "__main__":
    work = pathlib.Path(sys.argv[1])
    found = {"backend": keras.backend.backend(), **figures(work)}
    (work / "figures.json").write_text(json.dumps(found))
