"""Soft attention over the low-level feature map, conditioned on the LSTM's state (paper section 4.2)."""

from __future__ import annotations

from keras import layers, ops

from model.config import ModelConfig
from model.loop_product import LoopProduct


class SoftAttention(layers.Layer):
    """e_{t,i} = MLP(a_{t,i}, h_{t-1}); alpha_t = softmax(e_t); z_t = sum_i alpha_{t,i} a_{t,i}.

    The MLP is one hidden tanh layer, as in Bahdanau et al. 2015: w . tanh(A a_i + H h + b). A a_i does not depend on
    the step's state, so `keys` computes it for a whole clip at once.
    """

    def __init__(self, config: ModelConfig, **kwargs):
        super().__init__(**kwargs)
        self.key = layers.Dense(config.attention_width, use_bias=False, name="key")
        self.query = layers.Dense(config.attention_width, name="query")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, annotations_shape, state_shape):
        """Builds for annotations [..., L, D] and state [B, H]."""
        self.key.build(annotations_shape)
        self.query.build(state_shape)
        self.score.build((None, self.query.units))

    def keys(self, annotations):
        """The state-independent part of the scores: [..., L, D] -> [..., L, A]."""
        return self.key(annotations)

    def queries(self, length: int, batch, training=None) -> LoopProduct:
        """What makes of h_{t-1} [B, H] the scores' other part [B, A], step by step."""
        return LoopProduct.of_dense(self.query, length, batch, training)

    def call(self, annotations, keys, query):
        """One step.

        Args:
            annotations: [B, L, D], a_t.
            keys: [B, L, A], keys(a_t).
            query: [B, A], from h_{t-1}.

        Returns:
            (z_t [B, D], alpha_t [B, L], float32).
        """
        scores = self.score(ops.tanh(keys + query[:, None, :]))
        alpha = ops.softmax(ops.cast(scores[..., 0], "float32"), axis=-1)
        weights = ops.cast(alpha, annotations.dtype)
        return ops.matmul(weights[:, None, :], annotations)[:, 0], alpha
