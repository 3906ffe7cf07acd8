"""Products of a loop over time with one matrix, and one gradient of that matrix for the whole loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


class LoopProduct:
    """y_k = x_k W + offset_k for the steps k of an unrolled loop, where x_k may depend on y_{k-1}.

    The gradient of W is sum_k x_k^T dy_k. Automatic differentiation forms each term and adds them up: with the video
    model's LSTM that is 16 times 34 M numbers a clip, more than its whole forward pass, and in an unrolled graph all of
    them are held at once. In training on TensorFlow the steps see W as a constant instead; the gradient of the offsets
    is that of the y, so the offsets carry [x_1; ...; x_K]^T [dy_1; ...; dy_K] to W, one product. Elsewhere this is left
    to the compiler (XLA writes no sums of their own).

    An instance belongs to one forward pass; call it once a step, in order.
    """

    def __init__(self, kernel: Any, offsets: Any, training: bool | None):
        """Starts a loop.

        Args:
            kernel: W, [D, N], in the dtype of the products.
            offsets: [K, B, N], of the same dtype.
            training: whether the gradient will be asked for.
        """
        self.inputs: list[Any] = []
        if training and keras.backend.backend() == "tensorflow":
            kernel, offsets = _carry_gradient(kernel, offsets, self.inputs)
        self.kernel = kernel
        self.offsets = ops.unstack(offsets)

    @classmethod
    def of_dense(cls, layer: layers.Dense, calls: int, batch: Any, training: bool | None) -> LoopProduct:
        """Stands in for a built linear Dense layer that is called `calls` times with [batch, D]."""
        shape = (calls, batch, layer.units)
        offsets = ops.zeros(shape, layer.compute_dtype)
        if layer.use_bias:
            offsets = ops.broadcast_to(ops.cast(layer.bias, layer.compute_dtype), shape)
        return cls(ops.cast(layer.kernel, layer.compute_dtype), offsets, training)

    def __call__(self, inputs):
        """The next step's y [B, N] of x [B, D]."""
        inputs = ops.cast(inputs, self.kernel.dtype)
        self.inputs.append(inputs)
        return ops.matmul(inputs, self.kernel) + self.offsets[len(self.inputs) - 1]


def _carry_gradient(kernel: Any, offsets: Any, inputs: Sequence[Any]) -> tuple[Any, Any]:
    """Kernel without gradient, and offsets that bring it its gradient once `inputs` is filled.

    The gradient function runs after the forward pass, so it finds the inputs of all steps.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def attach(offsets, kernel):
        def gradient(upstream):
            rows = tf.reshape(upstream, (-1, upstream.shape[-1]))
            return upstream, tf.matmul(tf.concat(inputs, 0), rows, transpose_a=True)

        return tf.identity(offsets), gradient

    kernel = tf.convert_to_tensor(kernel)
    return tf.stop_gradient(kernel), attach(offsets, kernel)
