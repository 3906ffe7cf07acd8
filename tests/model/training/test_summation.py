import numpy as np
import tensorflow as tf
from tensorflow.python.ops import gen_math_ops

from model.training.summation import fixed_order


def gradient_operations():
    """Kinds of operations in the gradient of something that uses its input four times, and its value."""

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x + tf.sin(x) + tf.exp(x)
        return tape.gradient(y, x)

    traced = gradient.get_concrete_function(tf.TensorSpec([3]))
    return {operation.type for operation in traced.graph.get_operations()}, gradient


def test_gradients_are_added_two_by_two_and_only_inside():
    x = tf.constant([0.1, 0.2, 0.3])
    wanted = 2 * x + tf.cos(x) + tf.exp(x)
    before = gen_math_ops.add_n
    with fixed_order():
        operations, gradient = gradient_operations()
        np.testing.assert_allclose(gradient(x), wanted, rtol=1e-6)
        assert "AddN" not in operations
        assert tf.config.optimizer.get_experimental_options()["arithmetic_optimization"] is False
    assert gen_math_ops.add_n is before
    assert tf.config.optimizer.get_experimental_options().get("arithmetic_optimization", True)
    # Without it TensorFlow does use AddN: the test would notice that it is no longer needed.
    assert "AddN" in gradient_operations()[0]
