import keras
import numpy as np
import pytest
from keras import ops

from model import loop_product
from model.config import ModelConfig
from model.frame_model import FrameModel
from model.video_model import VideoModel

TINY = ModelConfig(
    encoder="small", image_size=32, clip_length=3, lstm_width=192, attention_width=8, regressor_width=16,
    regressor_dropout=0.0, encoder_weights="",
)  # fmt: skip
SHAPE = (2, 3, 32, 32, 3)


def random_model(kind, shape, seed=0):
    """A model whose every part outside the encoder matters: all weights drawn, none near zero."""
    model = kind(TINY)
    model.build((None, *shape[1:]))
    rng = np.random.default_rng(seed)
    for part in ("attention", "cell", "initial_state", "regressor", "mean_theta"):
        for weight in getattr(model, part, keras.layers.Identity()).weights:
            fan = weight.shape[0] if len(weight.shape) == 2 else 1.0
            weight.assign(rng.normal(0, 0.7 * fan**-0.5, weight.shape))
    if kind is VideoModel:  # an untrained encoder sees much the same everywhere
        model.attention.key.kernel.assign(30 * model.attention.key.kernel)
    return model


def arrays(layer):
    kernel, *bias = layer.get_weights()
    return kernel.astype(np.float64), bias[0].astype(np.float64) if bias else 0.0


def dense(layer, x):
    kernel, bias = arrays(layer)
    return x @ kernel + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def regress(regressor, phi, theta):
    """Theta_{k+1} = Theta_k + R([phi, Theta_k])."""
    first = np.concatenate([arrays(regressor.from_features)[0], arrays(regressor.from_theta)[0]])
    for _ in range(TINY.iterations):
        x = np.maximum(np.concatenate([phi, theta], 1) @ first + arrays(regressor.from_features)[1], 0)
        theta = theta + dense(regressor.increment, np.maximum(dense(regressor.hidden, x), 0))
    return theta


def by_the_equations(model, phi, a):
    """Section 4.2, one step after the other in float64: phi [B, T, D], a [B, T, L, D] -> Theta, alpha."""
    attention, cell = model.attention, model.cell
    kernel = np.concatenate([arrays(cell.from_features)[0], arrays(cell.from_feedback)[0]])
    x = phi[:, 0]
    for layer in model.initial_state.layers[:2]:
        x = np.tanh(dense(layer, x))
    hidden, memory = np.split(dense(model.initial_state.layers[2], x), 2, axis=1)
    theta = np.tile(np.asarray(model.mean_theta.mean, np.float64), (len(phi), 1))
    thetas, alphas = [], []
    for t in range(phi.shape[1]):
        scores = np.empty(a[:, t].shape[:2])
        for i in range(scores.shape[1]):
            mixed = np.tanh(dense(attention.key, a[:, t, i]) + dense(attention.query, hidden))
            scores[:, i] = dense(attention.score, mixed)[:, 0]
        alpha = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        z = np.einsum("bl,bld->bd", alpha, a[:, t])
        # An LSTM of everything at a quarter of its size.
        gates = np.concatenate([phi[:, t], z, theta, hidden], 1) / 4 @ kernel + arrays(cell.from_features)[1]
        write, forget, read, candidate = np.split(gates, 4, axis=1)
        memory = sigmoid(forget) * memory + sigmoid(write) * np.tanh(candidate)
        hidden = 4 * sigmoid(read) * np.tanh(memory)
        theta = regress(model.regressor, hidden, theta)
        thetas.append(theta)
        alphas.append(alpha)
    return np.stack(thetas, 1), np.stack(alphas, 1)


def test_video_model_is_the_papers_equations():
    model = random_model(VideoModel, SHAPE)
    clips = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    phi, a = (ops.convert_to_numpy(x).astype(np.float64) for x in model.encoder(clips.reshape(-1, *SHAPE[2:])))
    theta, alpha = by_the_equations(model, phi.reshape(2, 3, -1), a.reshape(2, 3, *a.shape[1:]))
    found, attended = model(clips, return_attention=True)
    assert np.allclose(found, theta, atol=2e-5) and np.allclose(attended, alpha, atol=1e-5)
    assert np.abs(theta[:, 1] - theta[:, 0]).max() > 0.1 and np.ptp(alpha) > 0.01  # a test of something
    with_features, features = model(clips, return_features=True)
    assert np.allclose(with_features, found, atol=1e-6) and features.shape == (2, 3, *a.shape[1:])


def test_frame_model_is_the_papers_equations():
    model = random_model(FrameModel, SHAPE[1:])
    images = np.random.default_rng(1).random(SHAPE[1:]).astype(np.float32)
    phi = ops.convert_to_numpy(model.encoder(images)[0]).astype(np.float64)
    expected = regress(model.regressor, phi, np.tile(np.asarray(model.mean_theta.mean, np.float64), (len(phi), 1)))
    assert np.allclose(model(images), expected, atol=2e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere it is automatic differentiation itself")
def test_a_new_cell_lets_phi_through():
    """So that the regressor, which was trained on phi, is of use from the second stage's first step on."""
    cell = VideoModel(TINY)
    cell.build(SHAPE)
    cell = cell.cell
    phi = np.random.default_rng(0).uniform(-1, 1, (5, 2, cell.width)).astype(np.float32)
    gates, memory = cell.products(phi), np.full((2, cell.width), 0.2, np.float32)
    fed_back = np.ones((2, cell.from_feedback.kernel.shape[0]), np.float32)
    for step in range(5):
        hidden, memory = cell(gates(fed_back), memory)
        assert np.abs(hidden - phi[step]).max() < 0.15 and np.abs(hidden - phi[step]).mean() < 0.05


def test_gradients_of_the_loops_products_are_those_of_each_step(monkeypatch):
    import tensorflow as tf

    model = random_model(VideoModel, SHAPE)
    clips = np.random.default_rng(1).random(SHAPE).astype(np.float32)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(clips, training=True) ** 2)
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    shared = [g.numpy() for g in gradients()]
    monkeypatch.setattr(loop_product, "_carry_gradient", lambda kernel, offsets, inputs: (kernel, offsets))
    gradients = tf.function(gradients.python_function)
    for variable, one, other in zip(model.trainable_variables, shared, gradients(), strict=True):
        other = other.numpy()
        assert np.abs(one - other).max() <= 1e-4 * max(np.abs(other).max(), 1e-2), variable.path


def test_theta_and_state_are_float32_under_a_mixed_policy():
    before = keras.config.dtype_policy()
    clips = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    full = random_model(VideoModel, SHAPE)
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        mixed = random_model(VideoModel, SHAPE)
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(full.get_weights())
    theta, expected = mixed(clips), ops.convert_to_numpy(full(clips))
    assert keras.backend.standardize_dtype(theta.dtype) == "float32"
    assert mixed.cell.from_feedback.compute_dtype == "bfloat16"
    # Not a multiple of bfloat16's spacing, and as near as its products allow.
    assert np.abs(ops.convert_to_numpy(ops.cast(ops.cast(theta, "bfloat16"), "float32")) - theta).max() > 1e-4
    assert np.abs(theta - expected).max() < 0.1
