import dataclasses

import numpy as np
import pytest
from absl import flags

from benchmarks import harness, infer, train
from model.config import Config, ModelConfig
from model.errors import ConfigError
from pipeline import configs

TINY = Config(
    model=ModelConfig(
        encoder="small", image_size=32, clip_length=2, lstm_width=192, attention_width=8, regressor_width=16,
        encoder_weights="",
    )
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(configs.CONFIGS, train.PAPER, TINY)
    flags.FLAGS(["test", "--network_configs=paper", "--network_repeats=1", "--peak_tflops=1"])


def test_train_prints_every_promised_figure(tiny):
    figures = harness.report("train", train.run())["figures"]
    missing = {name for name, value in figures.items() if value is None}
    assert missing == {"xla_encoder_step_s_per_clip", "device_memory_mb"}
    assert {"frame_step_ratio", "video_step_ratio", "peak_memory_mb"} <= set(figures)
    assert all(value > 0 for name, value in figures.items() if name not in missing)


def test_infer_prints_every_promised_figure(tiny):
    figures = harness.report("infer", infer.run())["figures"]
    assert {"video_ratio", "frames_per_s", "decode_ms_per_frame", "clip_vertices_ms_per_frame"} <= set(figures)
    assert all(value > 0 for value in figures.values())


def test_an_unknown_config_is_refused():
    flags.FLAGS(["test", "--network_configs=huge"])
    with pytest.raises(ConfigError, match="Received: huge"):
        train.configs()


def test_operations_of_resnet50_are_the_literatures():
    """He et al. 2016 give ResNet-50 3.8e9 multiply-adds at 224 pixels; v2 of Keras strides later in each stage."""
    from model.video_model import VideoModel

    model = VideoModel(dataclasses.replace(configs.PAPER.model, encoder="resnet50", encoder_weights="", clip_length=2))
    model.build((None, 2, 224, 224, 3))
    one, two = train.forward_flop(model, 1), train.forward_flop(model, 2)
    head = 2 * 49 * 2048 * 512 + 2 * 51e6  # keys and LSTM; the rest is small
    assert (two - one - head) / 2 == pytest.approx(3.86e9, rel=0.01)


def test_calls_take_turns():
    order = []
    rounds = harness.in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, warm_up=1)
    assert order == ["a", "b"] * 3 and len(rounds["a"].wall) == len(rounds["a"].cpu) == 2
    slow = harness.Rounds([2.0, 9.0, 4.0], [1.0, 1.0, 1.0])
    assert slow.ratio(harness.Rounds([1.0, 1.0, 2.0], [2.0, 2.0, 2.0])) == 2.0
    assert np.isclose(slow.cpu_ratio(harness.Rounds([1.0] * 3, [2.0] * 3)), 0.5) and slow.median_s == 4.0
