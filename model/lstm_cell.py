"""LSTM cell whose input is [phi_t, z_t, Theta_{t-1}] (paper section 4.2, after Zaremba et al. 2014)."""

from __future__ import annotations

import keras
from keras import layers, ops

from model.config import ModelConfig

# Gates in the order (write, forget, read, candidate), and the biases they start with.
WRITE, FORGET, READ, CANDIDATE = range(4)
INITIAL_BIAS = {WRITE: 3.0, FORGET: -2.0, READ: 3.0, CANDIDATE: 0.0}
# Makes up for what two tanh and two nearly open gates take away: h is within 0.05 of phi for |phi| < 0.6.
PASS_THROUGH_GAIN = 1.2


class FeedbackLSTMCell(layers.Layer):
    """h_t, c_t = LSTM([phi_t, z_t, Theta_{t-1}], h_{t-1}, c_{t-1}).

    The gates' product with phi does not depend on the step, so `project_features` computes it for a whole clip at
    once; a step multiplies only what is fed back.

    The cell starts as a pass-through: phi enters the candidate by the identity, the write and read gates are open, and
    the memory fades within a frame or two, so that h_t is close to phi_t. The regressor, which the frame model trained
    on phi, is therefore useful from the first step of the second stage.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.width = config.lstm_width
        small = keras.initializers.VarianceScaling(0.01, mode="fan_avg")
        gates = 4 * self.width
        self.from_features = layers.Dense(
            gates, use_bias=False, kernel_initializer=self._pass_through, name="from_features"
        )
        self.from_context = layers.Dense(
            gates, kernel_initializer=small, bias_initializer=self._open_gates, name="from_context"
        )
        self.from_state = layers.Dense(gates, use_bias=False, kernel_initializer=small, name="from_state")

    def _pass_through(self, shape, dtype=None):
        zeros = ops.zeros((shape[0], self.width), dtype)
        columns = [zeros, zeros, zeros, zeros]
        columns[CANDIDATE] = PASS_THROUGH_GAIN * ops.eye(shape[0], self.width, dtype=dtype)
        return ops.concatenate(columns, axis=1)

    def _open_gates(self, shape, dtype=None):
        return ops.concatenate([ops.full((self.width,), INITIAL_BIAS[gate], dtype) for gate in range(4)])

    def build(self, features_shape, context_shape, state_shape):
        """Builds for phi [..., D], [z, Theta] [B, D + 85] and h [B, H]."""
        self.from_features.build(features_shape)
        self.from_context.build(context_shape)
        self.from_state.build(state_shape)

    def project_features(self, features):
        """The gates' part that depends on phi alone: [..., D] -> [..., 4H]."""
        return self.from_features(features)

    def call(self, projected, context, hidden, memory):
        """One step.

        Args:
            projected: [B, 4H], project_features(phi_t).
            context: [B, D + 85], [z_t, Theta_{t-1}].
            hidden: [B, H], h_{t-1}.
            memory: [B, H], c_{t-1}.

        Returns:
            (h_t, c_t), each [B, H].
        """
        gates = ops.split(projected + self.from_context(context) + self.from_state(hidden), 4, axis=-1)
        memory = ops.sigmoid(gates[FORGET]) * memory + ops.sigmoid(gates[WRITE]) * ops.tanh(gates[CANDIDATE])
        return ops.sigmoid(gates[READ]) * ops.tanh(memory), memory
