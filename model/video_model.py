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
from model.lstm_cell import RANGE, FeedbackLSTMCell
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
                # From nothing: the regressor does not know what a random state would mean.
                layers.Dense(2 * width, kernel_initializer="zeros", name="state"),
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
        self.cell.build(phi_shape, (None, map_shape[-1] + conventions.THETA_SIZE + width))
        self.initial_state.build(phi_shape)

    def warm_start(self, frame_model: FrameModel) -> None:
        """Copies encoder, regressor and mean Theta from a trained frame model (paper section 4.3)."""
        for part in ("encoder", "regressor", "mean_theta"):
            getattr(self, part).set_weights(getattr(frame_model, part).get_weights())

    def call(self, clips, training=None, return_features: bool = False, return_attention: bool = False):
        """Runs a clip; with `return_features`, also a [B, T, L, D], or else the attention maps alpha [B, T, L].

        The loop is unrolled: a loop in the graph would sum the weights' gradients step by step (see LoopProduct) and,
        on JAX, could not draw dropout.
        """
        length = clips.shape[1]
        phi, annotations = self.encoder(ops.reshape(clips, (-1, *clips.shape[2:])), training=training)
        phi, annotations = (ops.reshape(x, (-1, length, *x.shape[1:])) for x in (phi, annotations))
        batch = ops.shape(phi)[0]
        keys = ops.unstack(self.attention.keys(annotations), length, axis=1)
        frames = ops.unstack(annotations, length, axis=1)
        query = self.attention.queries(length, batch, training)
        gates = self.cell.products(ops.swapaxes(phi, 0, 1), training)
        refining = self.regressor.products(length, batch, training)

        hidden, memory = ops.split(ops.cast(self.initial_state(phi[:, 0]), "float32"), 2, axis=-1)
        theta = self.mean_theta(phi[:, 0])
        thetas, alphas = [], []
        for t in range(length):
            context, alpha = self.attention(frames[t], keys[t], query(hidden))
            feedback = [ops.cast(x, phi.dtype) for x in (context, theta, hidden)]
            hidden, memory = self.cell(gates(ops.concatenate(feedback, -1) / RANGE), memory)
            theta = self.regressor(hidden, theta, training=training, products=refining)
            thetas.append(theta)
            alphas.append(alpha)
        thetas = ops.stack(thetas, axis=1)
        if return_features:
            return thetas, annotations
        return (thetas, ops.stack(alphas, axis=1)) if return_attention else thetas
