import dataclasses
import json

import h5py
import keras
import numpy as np
import pytest

from model import resnet_weights
from model.config import ModelConfig
from model.encoder import CaffeColours, SpatialMoments, build_encoder
from model.errors import ConfigError

RESNET = ModelConfig(encoder="resnet50", image_size=32)
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def weights():
    """What the package has, by its names; every array holds one number of its own."""
    shapes = {weight.path: weight.shape for weight in keras.applications.ResNet50(False, weights=None).weights}
    kinds = [(f"{name}/{kind}", f"{source}/{kind}") for name, source, of in resnet_weights.layers() for kind in of]
    assert {name for name, _ in kinds} == set(shapes)
    return {source: np.full(shapes[name], i, np.float32) for i, (name, source) in enumerate(kinds)}


@pytest.fixture(scope="module")
def fetched(weights, tmp_path_factory):
    """The fetched file, 95 MB, in an asset folder of its own; not left behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MVIPER_ASSETS", str(tmp_path_factory.mktemp("assets")))
        path = resnet_weights.fetched_file()
        path.parent.mkdir()
        path.write_bytes(resnet_weights.keras_file(weights))
        yield path
    path.unlink()


@pytest.mark.parametrize("by_path", [False, True])
def test_resnet_starts_from_the_fetched_weights(fetched, weights, by_path):
    config = dataclasses.replace(RESNET, encoder_weights=str(fetched)) if by_path else RESNET
    found = {weight.path: weight for weight in build_encoder(config).weights}
    for name, source in (
        ("conv1_conv/kernel", "conv1/kernel"),
        ("conv2_block1_0_bn/gamma", "bn2a_branch1/gamma"),
        ("conv2_block1_3_bn/moving_variance", "bn2a_branch2c/moving_variance"),
        ("conv3_block1_0_conv/bias", "res3a_branch1/bias"),
        ("conv4_block6_2_conv/kernel", "res4f_branch2b/kernel"),
        ("conv5_block3_3_bn/beta", "bn5c_branch2c/beta"),
    ):
        assert np.array_equal(found[name], weights[source])


def test_weights_that_do_not_fit_are_refused(fetched, tmp_path):
    (tmp_path / "broken.h5").write_bytes(fetched.read_bytes()[:5000])
    (tmp_path / "notes.txt").write_text("none")
    wrong = (
        dataclasses.replace(RESNET, encoder="resnet50v2", encoder_weights=str(fetched)),
        *(dataclasses.replace(RESNET, encoder_weights=str(tmp_path / x)) for x in ("broken.h5", "notes.txt", "no.h5")),
    )
    for config in wrong:
        with pytest.raises(ConfigError, match=r"weights file.*Received"):
            build_encoder(config)
    small = dataclasses.replace(RESNET, encoder="small", encoder_weights=str(fetched))
    with pytest.raises(ConfigError, match=r"small.*Received"):
        build_encoder(small)


def test_download_that_fails_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MVIPER_ASSETS", str(tmp_path))

    def unreachable(*_, weights=None, **__):
        raise Exception(f"URL fetch failure on {weights}")

    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    with pytest.raises(ConfigError, match=r"mviper assets fetch resnet50.*Received.*URL fetch failure"):
        build_encoder(RESNET)


def test_digest_is_of_the_weights(fetched, tmp_path):
    before = resnet_weights.digest(fetched)
    for change, same in ((1, False), (-1, True)):
        with h5py.File(fetched, "r+") as file:
            file["conv3_block1_0_conv/conv3_block1_0_conv/bias:0"][5] += change
        assert (resnet_weights.digest(fetched) == before) is same
    (tmp_path / "other.h5").write_bytes(b"none")
    assert resnet_weights.digest(tmp_path / "other.h5") is None
    assert resnet_weights.digest(tmp_path / "nothing") is None


def test_tfjs_weights_are_read_across_shards():
    arrays = {"a/kernel": rng.random((2, 3)).astype("<f4"), "b/bias": rng.random(4).astype("<f4")}
    content = b"".join(array.tobytes() for array in arrays.values())
    entries = [{"name": name, "shape": array.shape, "dtype": "float32"} for name, array in arrays.items()]
    manifest = json.dumps({"weightsManifest": [{"paths": ["1", "2"], "weights": entries}]}).encode()
    files = {"model.json": manifest, "1": content[:10], "2": content[10:]}
    found = resnet_weights.read_tfjs(files)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items()) and len(found) == 2
    with pytest.raises(ValueError, match="file 2 is wanted"):
        resnet_weights.read_tfjs({name: files[name] for name in ("model.json", "1")})
    with pytest.raises(ValueError, match="Received"):
        resnet_weights.read_tfjs(files | {"2": files["2"] + b"more"})
    with pytest.raises(ValueError, match="Received"):
        resnet_weights.keras_file(found)


def test_colours_are_those_of_keras():
    images = rng.random((2, 5, 5, 3)).astype(np.float32)
    expected = keras.applications.resnet.preprocess_input(255.0 * images)
    assert np.allclose(CaffeColours()(images), expected, atol=1e-4)


def test_place_of_a_heatmap_is_where_it_is_hot():
    heatmaps = np.zeros((1, 4, 8, 2), np.float32)
    heatmaps[0, 3, 1, 0] = 50
    _, _, x, flat_x, y, flat_y = np.asarray(SpatialMoments()(np.zeros((1, 4, 8, 2), np.float32), heatmaps))[0]
    # Cell 1 of 8 and cell 3 of 4, in normalised coordinates of their centres; an even map lies in the middle.
    assert (x, y) == pytest.approx((-0.625, 0.75), abs=1e-5)
    assert (flat_x, flat_y) == pytest.approx((0, 0), abs=1e-6)


@pytest.mark.parametrize("encoder, stride", [("small", 8), ("resnet50", 32), ("resnet50v2", 32)])
def test_map_has_the_cells_that_the_config_promises(encoder, stride):
    with pytest.raises(ConfigError, match=f"multiple of {stride}.*Received: 100"):
        ModelConfig(encoder=encoder, image_size=100)
    phi, annotations = build_encoder(ModelConfig(encoder=encoder, image_size=64, encoder_weights="")).output_shape
    depth = 128 if encoder == "small" else 2048
    assert annotations == (None, (64 // stride) ** 2, depth)
    assert phi == (None, 192 if encoder == "small" else 2048)
