"""What Keras leaves to its backends: gradients of plain functions, and compiling them. TensorFlow and JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from model.errors import ConfigError


def gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Values of a function of independent rows, and their gradients.

    Args:
        function: [N, D] -> [N], each value of its own row only.
        x: [N, D].

    Returns:
        Values [N] and gradients [N, D].

    Raises:
        ConfigError: Keras runs on another backend than TensorFlow and JAX.
    """
    if _backend() == "jax":
        import jax

        values, pull_back = jax.vjp(function, x)
        return values, pull_back(ops.ones_like(values))[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        values = function(x)
    return values, tape.gradient(values, x)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one compiled graph, made again for arguments of another shape.

    Args:
        function: of tensors, or of arrays, which become tensors.

    Raises:
        ConfigError: Keras runs on another backend than TensorFlow and JAX.
    """
    if _backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    graph = tf.function(function)
    # Only tensors are told apart by shape alone: NumPy arguments would make a graph for every value.
    return lambda *arguments: graph(*tf.nest.map_structure(tf.convert_to_tensor, arguments))


def _backend() -> str:
    name = keras.backend.backend()
    if name not in ("tensorflow", "jax"):
        raise ConfigError(f"Keras' backend is tensorflow or jax here. Received: KERAS_BACKEND={name}")
    return name
