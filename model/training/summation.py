"""Gradients summed in a fixed order, without which no two runs on TensorFlow end with the same bits."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def fixed_order() -> Iterator[None]:
    """What TensorFlow traces and runs inside adds up a tensor's gradients in the order of the graph.

    Where a tensor is used three times and more, TensorFlow sums its gradients by AddN, which begins with whichever
    addend's buffer happens to be free; op determinism leaves that as it is. Additions of two have no such choice,
    provided that Grappler does not turn them into AddN again. Other backends have no AddN.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    # Public functions of TensorFlow give no say in how its tape adds.
    from tensorflow.python.ops import gen_math_ops

    before, rewrites = gen_math_ops.add_n, tf.config.optimizer.get_experimental_options()
    gen_math_ops.add_n = lambda addends, name=None: functools.reduce(tf.add, addends)
    tf.config.optimizer.set_experimental_options({**rewrites, "arithmetic_optimization": False})
    try:
        yield
    finally:
        gen_math_ops.add_n = before
        tf.config.optimizer.set_experimental_options(
            {**rewrites, "arithmetic_optimization": rewrites.get("arithmetic_optimization", True)}
        )
