"""Frame model: encoder and regressor on stills (paper section 4.1, figure 5A)."""

from __future__ import annotations

import keras
from keras import ops

from model.config import ModelConfig
from model.encoder import build_encoder
from model.regressor import IEFRegressor, MeanTheta

# Rounds of regression before the one that is taught, at most: as many as frames of the usual clip.
ROUNDS = 16


class FrameModel(keras.Model):
    """Images [B, S, S, 3] in 0..1 -> Theta [B, 85].

    In training, half of the predictions start at the mean, as all do later, a quarter at what the regressor made of it
    in up to ROUNDS rounds, and a quarter at the Theta of another image of the batch. The video model starts each frame
    at the frame before's Theta, so the regressor must hold a good Theta and leave a bad one, wherever it starts. One
    that was not taught to runs away within a clip.
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
        theta = self.mean_theta(phi)
        if training:
            theta = self._drawn_starts(phi, theta)
        theta = self.regressor(phi, theta, training=training)
        return (theta, annotations) if return_features else theta

    def _drawn_starts(self, phi, mean):
        """Starts of training's predictions [B, 85]; no gradient goes through them."""
        draw = keras.random.uniform((ops.shape(phi)[0], 1), seed=self.seed_generator)
        theta = mean
        for done in range(ROUNDS):
            # Without dropout, as they are made later: its noise would hide where the regressor drifts to.
            made = ops.stop_gradient(self.regressor(phi, theta, training=False))
            if not done:
                others = ops.roll(made, 1, axis=0)
            # A quarter of the samples has another round; fewer each time, so that each number of rounds is as frequent.
            theta = ops.where(draw < 0.25 * (1.0 - done / ROUNDS), made, theta)
        return ops.where(draw > 0.75, others, theta)
