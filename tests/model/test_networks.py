import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from model import checkpoint, conventions
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.body.numpy_body import NumpyBody
from model.camera import to_normalised, to_pixels
from model.config import Config, ModelConfig, TrainConfig
from model.errors import ConfigError
from model.frame_model import ROUNDS, FrameModel
from model.video_model import VideoModel

TINY = ModelConfig(
    encoder="small", image_size=32, clip_length=4, lstm_width=192, attention_width=8, regressor_width=16,
    encoder_weights="",
)  # fmt: skip
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def body():
    return BodyLayer(load_body("neutral"))


@pytest.fixture(scope="module")
def frame_model():
    keras.utils.set_random_seed(0)
    model = FrameModel(TINY)
    model.build((None, 32, 32, 3))
    model.mean_theta.assign(rng.normal(size=conventions.THETA_SIZE))
    return model


@pytest.fixture(scope="module")
def video_model(frame_model):
    model = VideoModel(TINY)
    model.build((None, 4, 32, 32, 3))
    model.warm_start(frame_model)
    return model


def test_layer_and_numpy_body_give_the_same_numbers(body):
    data = load_body("neutral")
    pose, betas = rng.normal(size=(2, 3, 72)).astype(np.float32) * 0.5, rng.normal(size=(2, 3, 10)).astype(np.float32)
    posed = body(pose, betas, vertices=True)
    twin = NumpyBody(data)
    for b in range(2):
        for t in range(3):
            vertices, _ = twin(pose[b, t : t + 1], betas[b, t])
            assert np.abs(np.asarray(posed.vertices[b, t]) - vertices[0]).max() < 1e-5
    # Keypoints alone pose only the vertices that they need.
    assert np.allclose(body(pose, betas).keypoints, posed.keypoints, atol=1e-6)


def test_levels_are_the_tree():
    assert sum(conventions.LEVELS, ()) == tuple(range(conventions.NUM_JOINTS))
    for above, level in zip(conventions.LEVELS, conventions.LEVELS[1:], strict=False):
        assert all(conventions.PARENTS[j] in above for j in level)


def test_shapes_and_the_regressors_first_guess(frame_model, video_model):
    clips = rng.random((2, 4, 32, 32, 3)).astype(np.float32)
    assert frame_model(clips[:, 0]).shape == (2, 85)
    theta, attention = video_model(clips, return_attention=True)
    assert theta.shape == (2, 4, 85)
    assert np.allclose(ops.sum(attention, -1), 1.0, atol=1e-5)
    # The increment layer starts near zero: the first prediction is close to the mean.
    assert np.abs(frame_model(clips[:, 0]) - frame_model.mean_theta.mean).max() < 0.5


def test_warm_start_copies_what_the_stages_share(frame_model, video_model):
    for part in ("encoder", "regressor", "mean_theta"):
        pairs = zip(getattr(frame_model, part).get_weights(), getattr(video_model, part).get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    # With the LSTM passed by, the video model's first step is the frame model.
    image = rng.random((1, 32, 32, 3)).astype(np.float32)
    phi, _ = video_model.encoder(image)
    assert np.allclose(video_model.regressor(phi, video_model.mean_theta(phi)), frame_model(image), atol=1e-6)


def test_training_starts_at_the_mean_at_own_rounds_and_at_another_images_theta(frame_model):
    images = 400
    phi = rng.normal(size=(images, 192)).astype(np.float32)
    mean = frame_model.mean_theta(phi)
    rounds = [mean]
    for _ in range(ROUNDS):
        rounds.append(frame_model.regressor(phi, rounds[-1], training=False))
    own = np.stack(rounds)
    starts = np.asarray(frame_model._drawn_starts(phi, mean))
    found = np.isclose(own, starts, atol=1e-5).all(-1)
    number, known = found.argmax(0), found.any(0)
    assert abs((known & (number == 0)).mean() - 0.5) < 0.1
    assert abs((known & (number > 0)).mean() - 0.25) < 0.1
    assert len(set(number[known])) > ROUNDS / 2
    assert np.allclose(starts[~known], np.roll(own[1], 1, axis=0)[~known], atol=1e-5)


def test_narrow_lstm_is_refused():
    model = VideoModel(dataclasses.replace(TINY, lstm_width=64))
    with pytest.raises(ConfigError, match="Received: lstm_width=64"):
        model.build((None, 4, 32, 32, 3))


def test_checkpoint_round_trip(tmp_path, video_model):
    config = Config(model=TINY, frame=TrainConfig(seed=3))
    checkpoint.save(tmp_path, video_model, config, "a-body")
    loaded, read, body_id = checkpoint.load(tmp_path)
    clips = rng.random((1, 4, 32, 32, 3)).astype(np.float32)
    assert np.allclose(loaded(clips), video_model(clips), atol=1e-6)
    assert read == config and body_id == "a-body"
    with pytest.raises(ConfigError, match="Received"):
        checkpoint.load(tmp_path / "elsewhere")


def test_pixels_and_normalised_coordinates_are_inverse():
    pixels = rng.uniform(0, 250, (5, 2))
    assert np.allclose(to_pixels(to_normalised(pixels, 250), 250), pixels)
    # The frame's edges are half a pixel outside of the outermost centres.
    assert to_normalised(np.array([-0.5, 249.5]), 250).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("values", [{"encoder": "vgg"}, {"clip_length": 1}, {"regressor_dropout": 1.0}])
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="Received"):
        ModelConfig(**values)
