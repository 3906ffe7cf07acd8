"""Frame model: encoder and regressor on stills (paper section 4.1, figure 5A)."""

from __future__ import annotations

import keras
from keras import ops

from model.config import ModelConfig
from model.encoder import build_encoder
from model.regressor import IEFRegressor, MeanTheta


class FrameModel(keras.Model):
    """Images [B, S, S, 3] in 0..1 -> Theta [B, 85].

    In training, half of the predictions are regressed a second time, from themselves: the video model starts each frame
    at the frame before's Theta, so the regressor must hold a good Theta as well as reach it from the mean.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = build_encoder(config)
        self.regressor = IEFRegressor(config, name="regressor")
        self.mean_theta = MeanTheta(name="mean_theta")
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, images_shape):
        """Builds every part, so that weights can be loaded before the first call."""
        phi_shape, _ = self.encoder.compute_output_shape(images_shape)
        self.mean_theta.build(phi_shape)
        self.regressor.build(phi_shape, (None, self.mean_theta.mean.shape[0]))

    def call(self, images, training=None, return_features: bool = False):
        """Encodes, then regresses from the mean Theta; with `return_features`, also a [B, L, D]."""
        phi, annotations = self.encoder(images, training=training)
        theta = self.regressor(phi, self.mean_theta(phi), training=training)
        if training:
            again = self.regressor(phi, ops.stop_gradient(theta), training=training)
            coin = keras.random.uniform((ops.shape(phi)[0], 1), seed=self.seed_generator) < 0.5
            theta = ops.where(coin, again, theta)
        return (theta, annotations) if return_features else theta
