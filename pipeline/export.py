"""Checkpoints to SavedModels: the one place that ties network, body and record layout to serving's signatures."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import shutil
import sys

import keras

from model.body.data import BodyData, check_body_id
from model.cache_folders import models_folder
from model.config import Config
from model.errors import ConfigError
from model.storage import aside_path

# The network that comes with the program; its README.md is its card.
PRETRAINED = pathlib.Path(__file__).parents[1] / "model" / "pretrained"


def export_network(folder: str | pathlib.Path, network: keras.Model, config: Config, body: BodyData) -> None:
    """Writes a SavedModel that carries its checkpoint (model/checkpoint.py) in `assets.extra`.

    Raises:
        ConfigError: Keras does not run on TensorFlow, which alone writes SavedModels.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            "A SavedModel is written with KERAS_BACKEND=tensorflow; `mviper export` turns a checkpoint of any backend "
            f"into one. Received: KERAS_BACKEND={keras.backend.backend()}"
        )
    from components import records
    from model import checkpoint
    from model.body.layer import BodyLayer
    from serving import signatures

    length = config.model.clip_length
    parsers = (functools.partial(parse, length=length) for parse in (records.parse_frames, records.parse_batch))
    signatures.export(folder, network, BodyLayer(body), *parsers)
    checkpoint.save(pathlib.Path(folder) / checkpoint.EXTRA, network, config, body.body_id)


def export_checkpoint(source: str | pathlib.Path, folder: str | pathlib.Path) -> None:
    """Writes the SavedModel of a checkpoint folder; `folder` is there when all of it is.

    Raises:
        ConfigError: `source` holds no checkpoint, or `folder` is there already.
        BodyMismatchError: the checkpoint is of a body that is not here.
    """
    from model import checkpoint
    from model.body.files import body_source, load_body

    folder = pathlib.Path(folder)
    if folder.exists():
        raise ConfigError(f"A folder that is not there yet is needed. Received: {folder}")
    network, config, body_id = checkpoint.load(source)
    body = load_body("neutral", body_source(config.model.body))
    check_body_id(body_id, body.body_id, f"The checkpoint at {source}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_path(folder)
    try:
        export_network(aside, network, config, body)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def pretrained_base() -> pathlib.Path:
    """Folder with one numbered SavedModel of the network that comes with the program, made on first use.

    It lies in model.cache_folders.models_folder() under a name that changes with the weights and with the code that
    exports them.
    """
    from pipeline.pipeline import code_digest

    digest = hashlib.sha256(code_digest().encode())
    for file in sorted(PRETRAINED.glob("network.*")):
        digest.update(file.read_bytes())
    base = models_folder() / f"pretrained-{digest.hexdigest()[:12]}"
    if not (base / "1").is_dir():
        print(f"Making a SavedModel of the network that comes along, once, in {base}", file=sys.stderr)
        base.mkdir(parents=True, exist_ok=True)
        try:
            export_checkpoint(PRETRAINED, base / "1")
        except (ConfigError, OSError):
            if not (base / "1").is_dir():  # else another process was faster
                raise
    return base
