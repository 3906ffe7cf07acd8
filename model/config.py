"""Settings of the network and its training: frozen, validated in one place, stored with every run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from model import typed_json
from model.errors import ConfigError

# Encoder -> pixels of the image's side that make one cell of its feature map.
STRIDES = {"resnet50v2": 32, "resnet50": 32, "small": 8}
SCHEDULES = ("cosine", "step", "constant")
PRECISIONS = ("float32", "bfloat16", "float16")


def _require(holds: bool, wanted: str, received: Any) -> None:
    if not holds:
        raise ConfigError(f"{wanted[0].upper()}{wanted[1:]}. Received: {received!r}")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The network (paper section 4; docs/assumptions.md lists what its text leaves open).

    Attributes:
        encoder: "resnet50v2" (default), "resnet50" or "small" (for CPUs).
        image_size: side of the square input, pixels; whole cells of the encoder's feature map.
        clip_length: frames T of a clip.
        lstm_width: width of the LSTM; must equal the encoder's feature width so that the regressor carries over.
        attention_width: hidden width of the attention MLP.
        regressor_width: width of the regressor's two hidden layers.
        regressor_dropout: dropout rate after each of them.
        iterations: IEF steps.
        encoder_weights: what a ResNet encoder starts from: "imagenet" (what `mviper assets fetch resnet50` brought,
            else Keras' own download), the path of a Keras weights file, or "" for random weights.
        body: "free", or where the SMPL files are (model.body.files.load_body); the flag --body and the variable
            MVIPER_BODY come first. "": the free body.
    """

    encoder: str = "resnet50v2"
    image_size: int = 224
    clip_length: int = 16
    lstm_width: int = 2048
    attention_width: int = 512
    regressor_width: int = 1024
    regressor_dropout: float = 0.5
    iterations: int = 3
    encoder_weights: str = "imagenet"
    body: str = ""

    def __post_init__(self):
        _require(self.encoder in STRIDES, f"encoder is one of {', '.join(STRIDES)}", self.encoder)
        stride = STRIDES[self.encoder]
        whole = self.image_size >= 32 and self.image_size % stride == 0
        _require(whole, f"image_size is a multiple of {stride} and at least 32 with {self.encoder}", self.image_size)
        _require(self.clip_length >= 2, "clip_length is at least 2 frames", self.clip_length)
        _require(0 <= self.regressor_dropout < 1, "regressor_dropout is in [0, 1)", self.regressor_dropout)
        _require(self.iterations >= 1, "iterations is at least 1", self.iterations)


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms; 0 switches a term off (paper table 4 is five such settings).

    Attributes:
        keypoints2d: weight of L2D, the L1 distance in normalised image coordinates.
        keypoints3d: weight of L3D, the squared distance in metres, root-aligned.
        pose: weight of the rotation part of Lsmpl.
        betas: weight of the shape part of Lsmpl.
        smooth: lambda, weight of the shape smoothness loss (video model only).
        heatmaps: weight of a cross entropy on the small encoder's keypoint heatmaps, which stands in for the
            pre-training that a ResNet brings; not in the paper.
        adversarial: weight of HMR's factorised prior (Kanazawa et al. 2018), a discriminator for each joint's rotation,
            for all of them and for the shape; for the baseline, not in the paper.
        rotation_space: "matrix" or "axis_angle": how rotations are compared in Lsmpl.
    """

    keypoints2d: float = 1.0
    keypoints3d: float = 10.0
    pose: float = 1.0
    betas: float = 0.05
    smooth: float = 0.1
    heatmaps: float = 0.0
    adversarial: float = 0.0
    rotation_space: str = "matrix"

    def __post_init__(self):
        spaces = ("matrix", "axis_angle")
        _require(self.rotation_space in spaces, f"rotation_space is one of {', '.join(spaces)}", self.rotation_space)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            _require(not isinstance(value, float) or value >= 0, f"loss weight {field.name} is not negative", value)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training stage.

    Attributes:
        batch_clips: clips in a batch (the frame stage flattens them to batch_clips * frames_per_clip stills).
        frames_per_clip: frames drawn from each clip in the frame stage.
        epochs: passes over the training split.
        learning_rate: peak rate, reached from a tenth of it after `warmup_steps`.
        schedule: "cosine" to zero, "step" (a tenth after 2/3 of the steps, a hundredth after 8/9), or "constant".
        warmup_steps: steps of the linear warm-up, at most a tenth of all.
        clip_norm: global gradient norm limit.
        average: decay of the exponential moving average of the weights that is evaluated and kept, in a step; 0: none.
        augmentation: strength of scaling, shifting and recolouring, 0..1; flips are always there.
        sampling: source of the records -> share of the clips drawn from it; empty: as many as there are of each.
        precision: of products and activations; weights, body and losses stay float32.
        evaluate_every: epochs between evaluations.
        patience: evaluations without a better PA-MPJPE after which the stage ends, the best weights kept; 0: never.
        checkpoint_every: steps between the checkpoints that an interrupted run is taken up from.
        cache_gb: decoded clips are kept in memory when all of them take no more than this.
        seed: seed of shuffling, augmentation, dropout and initial weights.
    """

    batch_clips: int = 16
    frames_per_clip: int = 16
    epochs: int = 30
    learning_rate: float = 1e-5
    schedule: str = "cosine"
    warmup_steps: int = 200
    clip_norm: float = 5.0
    average: float = 0.0
    augmentation: float = 1.0
    sampling: dict[str, float] = dataclasses.field(default_factory=dict)
    precision: str = "float32"
    evaluate_every: int = 5
    patience: int = 0
    checkpoint_every: int = 200
    cache_gb: float = 4.0
    seed: int = 0

    def __post_init__(self):
        for name in ("batch_clips", "frames_per_clip", "epochs", "evaluate_every", "checkpoint_every"):
            _require(getattr(self, name) >= 1, f"{name} is at least 1", getattr(self, name))
        for name in ("warmup_steps", "patience", "cache_gb", "seed"):
            _require(getattr(self, name) >= 0, f"{name} is not negative", getattr(self, name))
        for name in ("learning_rate", "clip_norm"):
            _require(getattr(self, name) > 0, f"{name} is positive", getattr(self, name))
        _require(0 <= self.augmentation <= 1, "augmentation is in 0..1", self.augmentation)
        _require(0 <= self.average < 1, "average is in [0, 1)", self.average)
        _require(self.schedule in SCHEDULES, f"schedule is one of {', '.join(SCHEDULES)}", self.schedule)
        _require(self.precision in PRECISIONS, f"precision is one of {', '.join(PRECISIONS)}", self.precision)
        _require(all(share > 0 for share in self.sampling.values()), "shares in sampling are positive", self.sampling)


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole run.

    Attributes:
        model: the network.
        loss: of all stages.
        frame: stage 1, the frame model.
        video: stage 2, the video model.
        hmr: the baseline: a frame model trained, or fine-tuned, with the adversarial prior.
    """

    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    frame: TrainConfig = TrainConfig()
    video: TrainConfig = TrainConfig()
    hmr: TrainConfig = TrainConfig()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """Inverse of to_dict.

        Raises:
            ConfigError: a key is unknown or a value is of the wrong kind or cannot work; the message names its path.
        """
        return typed_json.build(cls, values)

    @classmethod
    def read(cls, path: str | pathlib.Path) -> Config:
        """Reads a JSON file written from to_dict.

        Raises:
            ConfigError: the file is missing, not JSON, or its values cannot work.
        """
        try:
            values = json.loads(pathlib.Path(path).read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"A config is a JSON file. Received: {path} ({error})") from error
        try:
            return cls.from_dict(values)
        except typed_json.FieldError as error:
            raise ConfigError(f"{path}: {error}") from error

    def digest(self) -> str:
        """Twelve hexadecimal digits that name this config."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]
