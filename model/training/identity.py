"""Whose checkpoint it is: what a stage's final weights depend on, as plain data that can be compared field by field."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from model.config import Config

# Settings that a run may be taken up with another value of: they do not change its weights.
_FREE = ("checkpoint_every", "cache_gb")


def stage_identity(
    stage: str, config: Config, body_id: str, train: Sequence[str], evaluation: Sequence[str], base: keras.Model | None
) -> dict[str, Any]:
    """What decides the weights that a stage ends with, on one machine.

    Args:
        stage: "frame", "video" or "hmr".
        config: settings; only this stage's are read.
        body_id: the body that labels belong to.
        train: shards.
        evaluation: shards.
        base: the network whose weights it starts from.
    """
    model = dataclasses.asdict(config.model)
    model["body"] = body_id  # wherever its files are
    settings = dataclasses.asdict(getattr(config, stage))
    return {
        "stage": stage,
        "model": model,
        "loss": dataclasses.asdict(config.loss),
        stage: {name: value for name, value in settings.items() if name not in _FREE},
        "data": {"train": files_digest(train), "eval": files_digest(evaluation)},
        "base": weights_digest(base) if base is not None else "",
    }


def files_digest(files: Sequence[str]) -> str:
    """Twelve hexadecimal digits for the content of gzip files, in this order, without reading them whole.

    Names do not count: the same shards may have been moved. A gzip file ends with its content's checksum and length.
    """
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8))
            digest.update(size.to_bytes(8, "little") + file.read())
    return digest.hexdigest()[:12]


def weights_digest(network: keras.Model) -> str:
    """Twelve hexadecimal digits for a network's weights."""
    digest = hashlib.sha256()
    for array in network.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]


def different_fields(saved: Any, wanted: Any, path: str = "") -> list[str]:
    """Leaves in which two identities differ, as "path: saved, here wanted"."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        keys = sorted(saved.keys() | wanted.keys())
        parts = (different_fields(saved.get(key), wanted.get(key), f"{path}.{key}".strip(".")) for key in keys)
        return [difference for part in parts for difference in part]
    return [] if saved == wanted else [f"{path}: {saved}, here {wanted}"]
