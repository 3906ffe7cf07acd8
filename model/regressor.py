"""Regressor R: iterative error feedback from features to Theta (paper section 4.1)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from model import conventions
from model.config import ModelConfig


class IEFRegressor(layers.Layer):
    """Theta_{k+1} = Theta_k + R([phi, Theta_k]), a fixed number of times with shared weights.

    R is an MLP with two hidden layers and dropout. Its output layer starts near zero, so that the first prediction is
    the starting Theta (as in Kanazawa et al. 2018).
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.iterations = config.iterations
        self.hidden = [layers.Dense(config.regressor_width, activation="relu", name=f"hidden{i}") for i in (1, 2)]
        self.dropout = [layers.Dropout(config.regressor_dropout, name=f"dropout{i}") for i in (1, 2)]
        small = keras.initializers.VarianceScaling(0.01, mode="fan_avg")
        self.increment = layers.Dense(conventions.THETA_SIZE, kernel_initializer=small, name="increment")

    def build(self, features_shape, theta_shape):
        """Builds the MLP for features [B, D] and Theta [B, 85]."""
        width = features_shape[-1] + theta_shape[-1]
        for hidden in self.hidden:
            hidden.build((None, width))
            width = hidden.units
        self.increment.build((None, width))

    def call(self, features, theta, training=None):
        """Refines Theta.

        Args:
            features: [B, D].
            theta: [B, 85], the start.
            training: whether dropout is active.

        Returns:
            Theta after the last iteration, [B, 85].
        """
        for _ in range(self.iterations):
            x = ops.concatenate([features, theta], -1)
            for hidden, dropout in zip(self.hidden, self.dropout, strict=True):
                x = dropout(hidden(x), training=training)
            theta = theta + self.increment(x)
        return theta


class MeanTheta(layers.Layer):
    """The training set's mean Theta as a stored constant, repeated for a batch."""

    def build(self, _):
        """Creates the constant; assign() fills it before training."""
        self.mean = self.add_weight(
            shape=(conventions.THETA_SIZE,), initializer="zeros", trainable=False, name="mean_theta"
        )

    def assign(self, mean: np.ndarray) -> None:
        """Sets the mean, [85]."""
        self.mean.assign(mean)

    def call(self, features):
        """Features [B, D] (only its batch size is read) -> [B, 85]."""
        return ops.zeros_like(features[:, :1]) + self.mean
