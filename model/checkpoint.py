"""Trained networks on disk: Keras weights and the settings that rebuild the network around them."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import keras

from model.config import Config, ModelConfig
from model.errors import ConfigError
from model.frame_model import FrameModel
from model.storage import write_json, written_aside
from model.video_model import VideoModel

WEIGHTS = "network.weights.h5"
SETTINGS = "network.json"
# Where a SavedModel carries its checkpoint: the folder that TF Serving leaves alone.
EXTRA = "assets.extra"


def save(folder: str | pathlib.Path, network: FrameModel | VideoModel, config: Config, body_id: str) -> None:
    """Writes weights, then the settings that make them readable."""
    folder = pathlib.Path(folder)
    with written_aside(folder / WEIGHTS) as aside:
        network.save_weights(aside)
    stage = "video" if isinstance(network, VideoModel) else "frame"
    write_json(folder / SETTINGS, {"stage": stage, "body_id": body_id, "config": config.to_dict()})


def read_settings(folder: str | pathlib.Path) -> tuple[str, Config, str]:
    """Stage ("frame" or "video"), config and body id of a checkpoint.

    Raises:
        ConfigError: the folder holds no checkpoint.
    """
    path = pathlib.Path(folder) / SETTINGS
    try:
        settings = json.loads(path.read_text())
        return settings["stage"], Config.from_dict(settings["config"]), settings["body_id"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"A folder with {SETTINGS} and {WEIGHTS} is needed. Received: {folder} ({error})") from error


def load(folder: str | pathlib.Path) -> tuple[keras.Model, Config, str]:
    """Rebuilds a network.

    Returns:
        The network with its weights, its config, and the id of the body it was trained for.

    Raises:
        ConfigError: the folder holds no checkpoint, or a damaged one.
    """
    stage, config, body_id = read_settings(folder)
    # All weights come from the checkpoint: a trained network needs no download.
    network = build_network(stage, dataclasses.replace(config.model, encoder_weights=""))
    path = pathlib.Path(folder) / WEIGHTS
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"Weights of the network in {SETTINGS} are needed. Received: {path} ({error})") from error
    return network, config, body_id


def build_network(stage: str, model: ModelConfig) -> FrameModel | VideoModel:
    """An untrained network with all its weights made: VideoModel for "video", else FrameModel."""
    size = model.image_size
    if stage == "video":
        network = VideoModel(model)
        network.build((None, model.clip_length, size, size, 3))
    else:
        network = FrameModel(model)
        network.build((None, size, size, 3))
    return network
