"""Learning rate over a stage, and the optimiser that follows it."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from model.config import TrainConfig

# Rate of the first step, as a share of the peak.
START = 0.1
# "step": (share of all steps, factor on the rate from there on).
DROPS = ((2 / 3, 0.1), (8 / 9, 0.1))


class StageRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the peak rate, then the config's shape over the steps that are left.

    Args:
        train: peak rate, shape and warm-up.
        steps: of the whole stage; the warm-up takes no more than a tenth of them.

    Example:
        >>> rate = StageRate(TrainConfig(learning_rate=1.0, schedule="cosine", warmup_steps=10), 1000)
        >>> [round(float(rate(step)), 2) for step in (0, 10, 505, 1000)]
        [0.1, 1.0, 0.5, 0.0]
    """

    def __init__(self, train: TrainConfig, steps: int):
        self.peak = train.learning_rate
        self.shape = train.schedule
        self.steps = steps
        self.warmup = min(train.warmup_steps, steps // 10)

    def __call__(self, step):
        """The rate of a step, counted from 0, as a float32 scalar."""
        step = ops.cast(step, "float32")
        factor = ops.ones((), "float32")
        if self.shape == "cosine":
            share = ops.clip((step - self.warmup) / max(self.steps - self.warmup, 1), 0.0, 1.0)
            factor = 0.5 * (1.0 + ops.cos(np.pi * share))
        elif self.shape == "step":
            for share, drop in DROPS:
                factor = ops.where(step >= share * self.steps, factor * drop, factor)
        rising = START + (1.0 - START) * step / max(self.warmup, 1)
        return self.peak * ops.where(step < self.warmup, rising, factor)

    def get_config(self):
        """Settings that tell one schedule from another."""
        return {"peak": self.peak, "shape": self.shape, "steps": self.steps, "warmup": self.warmup}


class AveragingAdam(keras.optimizers.Adam):
    """Adam that keeps its moving average of the weights aside until `take_average` is called.

    Keras writes the average over the weights whenever fit() ends. A stage calls fit() once an epoch and must go on from
    the raw weights.
    """

    def finalize_variable_values(self, var_list):
        """Called by fit(); leaves the weights alone."""

    def take_average(self, variables: Sequence[keras.Variable]) -> None:
        """Writes the averages over these trainable variables; nothing happens without averaging."""
        super().finalize_variable_values(variables)


def build_optimizer(train: TrainConfig, rate: StageRate) -> keras.optimizers.Optimizer:
    """Adam (Kingma & Ba 2015) with the stage's schedule, clipping, averaging, and loss scaling for float16."""
    adam = AveragingAdam(
        rate,
        global_clipnorm=train.clip_norm,
        use_ema=train.average > 0,
        ema_momentum=train.average,
    )
    # float16 underflows below 6e-8, where many gradients lie; bfloat16 has float32's range.
    return keras.optimizers.LossScaleOptimizer(adam) if train.precision == "float16" else adam


def take_average(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]) -> None:
    """AveragingAdam.take_average, with or without loss scaling around it."""
    getattr(optimizer, "inner_optimizer", optimizer).take_average(variables)
