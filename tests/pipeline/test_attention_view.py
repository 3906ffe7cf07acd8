import cv2
import keras
import numpy as np
import pytest

from components.records import Clip
from model import checkpoint
from model.config import Config, ModelConfig
from model.errors import ConfigError
from pipeline.attention_view import AttentionView

T = 4
CONFIG = Config(
    ModelConfig(
        encoder="small", image_size=32, clip_length=T, lstm_width=192, attention_width=8, regressor_width=16,
        encoder_weights="",
    )
)  # fmt: skip


def make_clip(length):
    rng = np.random.default_rng(0)
    frame = cv2.imencode(".jpg", rng.integers(0, 255, (60, 90, 3), np.uint8))[1].tobytes()
    points = np.concatenate([rng.uniform(20, 50, (length, 19, 2)), np.ones((length, 19, 1))], -1)
    return Clip(
        clip_id="a", source="", subject="", action="", camera="", body_id="", fps=10, frames=[frame] * length, masks=[],
        frame_size=(60, 90), pose=np.zeros((length, 72)), betas=np.zeros(10), trans=np.zeros((length, 3)),
        keypoints3d=np.zeros((length, 19, 3)), keypoints3d_valid=np.zeros((length, 19)), keypoints2d=points,
        has_3d=False, has_smpl=False, intrinsics=np.eye(3), extrinsics=np.zeros((length, 3, 4)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    for stage in ("frame", "video"):
        checkpoint.save(folder / stage, checkpoint.build_network(stage, CONFIG.model), CONFIG, "a-body")
    return folder


def test_maps_of_the_first_frames_are_drawn(folders):
    view = AttentionView(make_clip(T + 2), folders / "video", height=64)
    assert view.alpha.shape == (T, 4, 4)
    assert np.allclose(view.alpha.sum((1, 2)), 1, atol=1e-5)
    assert [frame.shape for frame in view.film()] == [(64, 128, 3)] * T
    assert view.sheet(count=3, columns=2).shape[1] == 2 * (128 + 4)


def test_what_has_no_attention_is_refused(folders):
    with pytest.raises(ConfigError, match=r"video model's.*Received"):
        AttentionView(make_clip(T), folders / "frame")
    with pytest.raises(ConfigError, match=rf"{T} frames.*Received: clip a with 3"):
        AttentionView(make_clip(T - 1), folders / "video")
    with pytest.raises(ConfigError, match="Received"):
        AttentionView(make_clip(T), folders / "nothing")
