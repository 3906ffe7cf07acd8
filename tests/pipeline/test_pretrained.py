"""The network that comes with the program fits the code, and predict and serve find it."""

import numpy as np
import pytest

from model import checkpoint
from pipeline import export
from pipeline.configs import SMALL


def test_it_is_small_and_of_the_config_that_its_card_names():
    files = list(export.PRETRAINED.iterdir())
    assert {file.name for file in files} == {checkpoint.WEIGHTS, checkpoint.SETTINGS, "README.md"}
    assert sum(file.stat().st_size for file in files) < 25e6
    kind, config, body_id = checkpoint.read_settings(export.PRETRAINED)
    assert kind == "video" and config == SMALL
    card = (export.PRETRAINED / "README.md").read_text()
    assert body_id in card and "make pretrained" in card and "MPJPE" in card


def test_it_predicts_after_an_export_that_happens_once(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    from serving.predictor import Predictor

    monkeypatch.setenv("MVIPER_MODELS", str(tmp_path))
    base = export.pretrained_base()
    made = (base / "1" / "saved_model.pb").stat().st_mtime_ns
    assert export.pretrained_base() == base and (base / "1" / "saved_model.pb").stat().st_mtime_ns == made
    predictor = Predictor(base)
    size = predictor.config.model.image_size
    crops = [np.full((2 * size, 2 * size, 3), 40 * i, np.uint8) for i in range(3)]
    outputs = predictor(crops)
    assert outputs["theta"].shape == (3, 85) and all(np.isfinite(value).all() for value in outputs.values())
    # Whatever it sees, a camera's picture of a body that stands about where the training's did.
    assert (outputs["camera"][:, 0] > 0).all()
