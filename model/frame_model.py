"""Frame model: encoder and regressor on stills (paper section 4.1, figure 5A)."""

from __future__ import annotations

import keras

from model.config import ModelConfig
from model.encoder import build_encoder
from model.regressor import IEFRegressor, MeanTheta


class FrameModel(keras.Model):
    """Images [B, S, S, 3] in 0..1 -> Theta [B, 85]."""

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = build_encoder(config)
        self.regressor = IEFRegressor(config, name="regressor")
        self.mean_theta = MeanTheta(name="mean_theta")

    def build(self, images_shape):
        """Builds every part, so that weights can be loaded before the first call."""
        phi_shape, _ = self.encoder.compute_output_shape(images_shape)
        self.mean_theta.build(phi_shape)
        self.regressor.build(phi_shape, (None, self.mean_theta.mean.shape[0]))

    def call(self, images, training=None, return_features: bool = False):
        """Encodes, then regresses from the mean Theta; with `return_features`, also phi [B, D]."""
        phi, _ = self.encoder(images, training=training)
        theta = self.regressor(phi, self.mean_theta(phi), training=training)
        return (theta, phi) if return_features else theta
