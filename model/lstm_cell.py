"""LSTM cell whose input is [phi_t, z_t, Theta_{t-1}] (paper section 4.2, after Zaremba et al. 2014)."""

from __future__ import annotations

from keras import layers, ops

from model.config import ModelConfig
from model.loop_product import LoopProduct

# Gates in the order (write, forget, read, candidate), and the biases they start with.
WRITE, FORGET, READ, CANDIDATE = range(4)
INITIAL_BIAS = {WRITE: 3.0, FORGET: -3.0, READ: 3.0, CANDIDATE: 0.0}
# What all that enters is divided by, and h multiplied by: tanh alone would keep h within -1..1, where phi is not, and
# bend what is near 1. A power of two costs no bits.
RANGE = 4.0
# Makes up for what two tanh and two nearly open gates take away: h is within 0.05 of phi for |phi| < 1.
PASS_THROUGH_GAIN = 1.1


class FeedbackLSTMCell(layers.Layer):
    """h_t, c_t = LSTM([phi_t, z_t, Theta_{t-1}], h_{t-1}, c_{t-1}).

    The gates' product with phi does not depend on the step, so `products` computes it for a whole clip at once; a step
    multiplies only what is fed back, [z_t, Theta_{t-1}, h_{t-1}].

    The cell starts as a pass-through: phi enters the candidate by the identity, the write and read gates are open, the
    memory fades within a frame, and what is fed back has no weight yet, so that h_t is close to phi_t. The regressor,
    which the frame model trained on phi, is therefore useful from the first step of the second stage.

    Under a mixed policy the products alone are in half precision; gates and memory stay float32.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.width = config.lstm_width
        gates = 4 * self.width
        self.from_features = layers.Dense(
            gates, kernel_initializer=self._pass_through, bias_initializer=self._open_gates, name="from_features"
        )
        self.from_feedback = layers.Dense(gates, use_bias=False, kernel_initializer="zeros", name="from_feedback")

    def _pass_through(self, shape, dtype=None):
        zeros = ops.zeros((shape[0], self.width), dtype)
        columns = [zeros, zeros, zeros, zeros]
        columns[CANDIDATE] = PASS_THROUGH_GAIN * ops.eye(shape[0], self.width, dtype=dtype)
        return ops.concatenate(columns, axis=1)

    def _open_gates(self, shape, dtype=None):
        return ops.concatenate([ops.full((self.width,), INITIAL_BIAS[gate], dtype) for gate in range(4)])

    def build(self, features_shape, feedback_shape):
        """Builds for phi [..., D] and [z, Theta, h] [B, D + 85 + H]."""
        self.from_features.build(features_shape)
        self.from_feedback.build(feedback_shape)

    def products(self, features, training=None) -> LoopProduct:
        """Of phi, [T, B, D]: what makes of [z_t, Theta_{t-1}, h_{t-1}] / RANGE the gates' inputs [B, 4H] at a step."""
        kernel = ops.cast(self.from_feedback.kernel, self.compute_dtype)
        return LoopProduct(kernel, self.from_features(features / RANGE), training)

    def call(self, gates, memory):
        """One step.

        Args:
            gates: [B, 4H], the products of this step.
            memory: [B, H], c_{t-1}, float32.

        Returns:
            (h_t, c_t), each [B, H], float32.
        """
        gates = ops.split(ops.cast(gates, "float32"), 4, axis=-1)
        memory = ops.sigmoid(gates[FORGET]) * memory + ops.sigmoid(gates[WRITE]) * ops.tanh(gates[CANDIDATE])
        return RANGE * ops.sigmoid(gates[READ]) * ops.tanh(memory), memory
