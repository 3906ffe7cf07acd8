import cv2
import keras
import numpy as np
import pytest

from model import checkpoint
from model.body.files import load_body
from model.config import Config, ModelConfig
from model.errors import BodyMismatchError, ConfigError

SIZE, T = 32, 2
CONFIG = Config(
    model=ModelConfig(
        encoder="small", image_size=SIZE, clip_length=T, lstm_width=192, attention_width=8, regressor_width=16,
        encoder_weights="",
    )
)  # fmt: skip


def test_a_checkpoint_becomes_a_saved_model_that_says_the_same(tmp_path):
    tf = pytest.importorskip("tensorflow")
    from model.images import decode_clips
    from pipeline.export import export_checkpoint

    keras.utils.set_random_seed(0)
    network = checkpoint.build_network("video", CONFIG.model)
    checkpoint.save(tmp_path / "kept", network, CONFIG, load_body("neutral").body_id)
    export_checkpoint(tmp_path / "kept", tmp_path / "served" / "1")

    noise = np.random.default_rng(0).integers(0, 256, (T, SIZE, SIZE, 3), dtype=np.uint8)
    jpegs = tf.constant([[cv2.imencode(".jpg", picture)[1].tobytes() for picture in noise]])
    served = tf.saved_model.load(str(tmp_path / "served" / "1"))
    found = served.signatures["clip"](jpegs=jpegs)["theta"]
    assert np.allclose(found, network(decode_clips(jpegs, SIZE)), atol=1e-5)

    with pytest.raises(ConfigError, match="not there yet"):
        export_checkpoint(tmp_path / "kept", tmp_path / "served" / "1")
    checkpoint.save(tmp_path / "kept", network, CONFIG, "another-body")
    with pytest.raises(BodyMismatchError, match="another-body"):
        export_checkpoint(tmp_path / "kept", tmp_path / "served" / "2")
    assert sorted(path.name for path in (tmp_path / "served").iterdir()) == ["1"]
