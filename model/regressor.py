"""Regressor R: iterative error feedback from features to Theta (paper section 4.1)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from model import conventions
from model.config import ModelConfig
from model.loop_product import LoopProduct


class IEFRegressor(layers.Layer):
    """Theta_{k+1} = Theta_k + R([phi, Theta_k]), a fixed number of times with shared weights.

    R is an MLP with two hidden layers and dropout. The first one's product with phi is the same in every iteration and
    computed once. The output layer starts near zero, so that the first prediction is the starting Theta (as in Kanazawa
    et al. 2018). Theta is float32 under every policy: half precision would round its angles by up to half a degree.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.iterations = config.iterations
        width = config.regressor_width
        self.from_features = layers.Dense(width, name="from_features")
        self.from_theta = layers.Dense(width, use_bias=False, name="from_theta")
        self.hidden = layers.Dense(width, name="hidden")
        self.dropout = [layers.Dropout(config.regressor_dropout, name=f"dropout{i}") for i in (1, 2)]
        small = keras.initializers.VarianceScaling(0.01, mode="fan_avg")
        self.increment = layers.Dense(
            conventions.THETA_SIZE, kernel_initializer=small, dtype="float32", name="increment"
        )

    def build(self, features_shape, theta_shape):
        """Builds the MLP for features [B, D] and Theta [B, 85]."""
        width = self.hidden.units
        # Glorot's limit of the one layer [phi, Theta] -> hidden that the two are.
        limit = (6.0 / (features_shape[-1] + theta_shape[-1] + width)) ** 0.5
        for part, shape in ((self.from_features, features_shape), (self.from_theta, theta_shape)):
            part.kernel_initializer = keras.initializers.RandomUniform(-limit, limit)
            part.build(shape)
        self.hidden.build((None, width))
        self.increment.build((None, width))

    def products(self, length: int, batch, training=None) -> tuple[LoopProduct, LoopProduct]:
        """For `length` calls with [batch, D] in one loop: what takes the place of the two large layers."""
        return (
            LoopProduct.of_dense(self.from_features, length, batch, training),
            LoopProduct.of_dense(self.hidden, length * self.iterations, batch, training),
        )

    def call(self, features, theta, training=None, products=None):
        """Refines Theta.

        Args:
            features: [B, D].
            theta: [B, 85], the start.
            training: whether dropout is active.
            products: of `products`, in a loop.

        Returns:
            Theta after the last iteration, [B, 85], float32.
        """
        from_features, hidden = products or (self.from_features, self.hidden)
        constant = from_features(features)
        for _ in range(self.iterations):
            x = self.dropout[0](ops.relu(constant + self.from_theta(theta)), training=training)
            x = self.dropout[1](ops.relu(hidden(x)), training=training)
            theta = theta + self.increment(x)
        return theta


class MeanTheta(layers.Layer):
    """The training set's mean Theta as a stored constant, repeated for a batch; float32 under every policy."""

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

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
