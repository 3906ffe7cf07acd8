"""Video model: the frame model's parts inside an attention LSTM (paper section 4.2, figure 5B)."""

from __future__ import annotations

import keras
from keras import layers, ops

from model import conventions
from model.attention import SoftAttention
from model.config import ModelConfig
from model.encoder import build_encoder
from model.errors import ConfigError
from model.frame_model import FrameModel
from model.lstm_cell import FeedbackLSTMCell
from model.regressor import IEFRegressor, MeanTheta


class VideoModel(keras.Model):
    """Clips [B, T, S, S, 3] in 0..1 -> Theta [B, T, 85].

    For t = 1..T: z_t from attention over a_t given h_{t-1}; h_t, c_t = LSTM([phi_t, z_t, Theta_{t-1}]);
    Theta_t = IEF(h_t) started at Theta_{t-1}. Theta_0 is the mean; h_0 and c_0 come from phi_1 by an MLP with two
    hidden layers.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = build_encoder(config)
        self.regressor = IEFRegressor(config, name="regressor")
        self.mean_theta = MeanTheta(name="mean_theta")
        self.attention = SoftAttention(config, name="attention")
        self.cell = FeedbackLSTMCell(config, name="lstm")
        width = config.lstm_width
        self.initial_state = keras.Sequential(
            [
                layers.Dense(width, activation="tanh", name="hidden1"),
                layers.Dense(width, activation="tanh", name="hidden2"),
                layers.Dense(2 * width, name="state"),
            ],
            name="initial_state",
        )

    def build(self, clips_shape):
        """Builds every part.

        Raises:
            ConfigError: the LSTM is not as wide as phi, so the frame model's regressor could not be carried over.
        """
        phi_shape, map_shape = self.encoder.compute_output_shape((None, *clips_shape[2:]))
        depth, width = phi_shape[-1], self.config.lstm_width
        if depth != width:
            raise ConfigError(
                f"lstm_width equals the encoder's feature width {depth}, so that the regressor of the frame model "
                f"carries over. Received: lstm_width={width}"
            )
        state_shape = (None, width)
        self.mean_theta.build(phi_shape)
        self.regressor.build(phi_shape, (None, conventions.THETA_SIZE))
        self.attention.build(map_shape, state_shape)
        self.cell.build(phi_shape, (None, map_shape[-1] + conventions.THETA_SIZE), state_shape)
        self.initial_state.build(phi_shape)

    def warm_start(self, frame_model: FrameModel) -> None:
        """Copies encoder, regressor and mean Theta from a trained frame model (paper section 4.3)."""
        for part in ("encoder", "regressor", "mean_theta"):
            getattr(self, part).set_weights(getattr(frame_model, part).get_weights())

    def call(self, clips, training=None, return_features: bool = False, return_attention: bool = False):
        """Runs a clip; with `return_features`, also a [B, T, L, D], or else the attention maps alpha [B, T, L]."""
        length = clips.shape[1]
        frames = ops.reshape(clips, (-1, *clips.shape[2:]))
        phi, annotations = self.encoder(frames, training=training)
        keys = self.attention.keys(annotations)
        projected = self.cell.project_features(phi)
        first = ops.reshape(phi, (-1, length, phi.shape[-1]))[:, 0]

        def step(carry, inputs):
            hidden, memory, theta, _ = carry
            annotations, keys, projected = inputs
            context, alpha = self.attention(annotations, hidden, keys)
            hidden, memory = self.cell(projected, ops.concatenate([context, theta], -1), hidden, memory)
            theta = self.regressor(hidden, theta, training=training)
            carry = (hidden, memory, theta, alpha)
            # Keras' scan wants outputs of the carry's structure on TensorFlow; XLA drops the unused ones.
            return carry, carry

        hidden, memory = ops.split(self.initial_state(first), 2, axis=-1)
        carry = (hidden, memory, self.mean_theta(first), ops.zeros_like(annotations[: ops.shape(first)[0], :, 0]))
        inputs = tuple(_time_major(x, length) for x in (annotations, keys, projected))
        _, (_, _, thetas, alphas) = ops.scan(step, carry, inputs)
        thetas = ops.swapaxes(thetas, 0, 1)
        if return_features:
            return thetas, ops.reshape(annotations, (-1, length, *annotations.shape[1:]))
        return (thetas, ops.swapaxes(alphas, 0, 1)) if return_attention else thetas


def _time_major(frames, length: int):
    """[B * T, ...] -> [T, B, ...]."""
    return ops.swapaxes(ops.reshape(frames, (-1, length, *frames.shape[1:])), 0, 1)
