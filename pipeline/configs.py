"""Settings by name: the paper's, and the small one that `make demo` trains on two CPU cores."""

from __future__ import annotations

import dataclasses
from typing import Any

from components.evaluation.gate import GateConfig
from model.config import Config, LossConfig, ModelConfig, TrainConfig
from synthesis.scene.plan import PlanSettings

PIPELINE_NAME = "mviper"

PAPER = Config()

# The paper's architecture with every part small: 96 px, a 0.1 M weight encoder, LSTM width 192.
DEMO = Config(
    model=ModelConfig(
        encoder="small",
        image_size=96,
        clip_length=16,
        lstm_width=192,
        attention_width=64,
        regressor_width=256,
        regressor_dropout=0.2,
        encoder_weights="",
    ),
    loss=LossConfig(betas=0.2, heatmaps=0.5),
    frame=TrainConfig(batch_clips=16, frames_per_clip=2, epochs=150, learning_rate=3e-3, augmentation=0.2),
    video=TrainConfig(batch_clips=4, frames_per_clip=16, epochs=9, learning_rate=2e-4, augmentation=0.2),
)

# What `mviper bench accuracy` compares and the pretrained model comes from: the demo's architecture, trained for about
# three quarters of an hour on about 750 clips. HMR* is trained for as many CPU seconds as the video model.
SMALL = Config(
    model=dataclasses.replace(DEMO.model, regressor_width=384),
    loss=LossConfig(betas=0.2, heatmaps=0.5, adversarial=0.02),
    frame=TrainConfig(
        batch_clips=32, frames_per_clip=1, epochs=280, learning_rate=2e-3, average=0.998, augmentation=0.5,
        evaluate_every=40,
    ),
    hmr=TrainConfig(
        batch_clips=32, frames_per_clip=1, epochs=240, learning_rate=5e-4, average=0.998, augmentation=0.5,
        evaluate_every=40,
    ),
    video=TrainConfig(
        batch_clips=8, frames_per_clip=16, epochs=24, learning_rate=4e-4, average=0.998, augmentation=0.5,
        evaluate_every=4,
    ),
)  # fmt: skip

# Rows of the paper's table 4: the terms of Lframe that a row trains with; its last row is all of them, the plain name.
# Lsmooth stays in every row, and so do the small encoder's heatmaps, which stand in for pre-training.
ABLATIONS = {
    "2d": ("keypoints2d",),
    "2d-3d": ("keypoints2d", "keypoints3d"),
    "2d-smpl": ("keypoints2d", "pose", "betas"),
    "3d-smpl": ("keypoints3d", "pose", "betas"),
}
_FRAME_TERMS = ("keypoints2d", "keypoints3d", "pose", "betas")


def ablations(name: str, config: Config) -> dict[str, Config]:
    """A config under its name, and each row of table 4 made of it under `name-row`."""
    found = {name: config}
    for row, terms in ABLATIONS.items():
        off: dict[str, Any] = {term: 0.0 for term in _FRAME_TERMS if term not in terms}
        found[f"{name}-{row}"] = dataclasses.replace(config, loss=dataclasses.replace(config.loss, **off))
    return found


CONFIGS = ablations("paper", PAPER) | ablations("small", SMALL) | ablations("demo", DEMO)

# What the demo's model must reach to be pushed.
DEMO_GATE = GateConfig(mpjpe_over_mean_pose=0.8, pa_mpjpe_over_mean_pose=0.95)

# A few minutes of synthesis on two cores: coarse cloth, every second frame shown, cameras that keep the figure in the
# middle.
DEMO_DATA = PlanSettings(
    train_simulations=22, eval_simulations=8, windows=2, length=16, stride=2, edge_length=0.035,
    camera_modes=("translating", "rotating"),
)  # fmt: skip
