"""Metrics of a SavedModel over record shards, without TFX: the same signature, the same means."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Sequence

import numpy as np
import tqdm

from model.errors import ConfigError
from model.evaluation import MEAN_POSE_PREFIX

BATCH = 8


def evaluate(saved_model: str | pathlib.Path, shards: Sequence[pathlib.Path]) -> dict[str, float]:
    """Frame-weighted means of every metric.

    Args:
        saved_model: folder of a SavedModel with an `evaluation` signature.
        shards: record files.

    Returns:
        Metric -> mean, in the unit of its name; the mean pose's begin with MEAN_POSE_PREFIX.

    Raises:
        ConfigError: the folder holds no such SavedModel.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(saved_model))
        function = model.signatures["evaluation"]
    except (OSError, KeyError) as error:
        raise ConfigError(
            f"A SavedModel with an evaluation signature is needed. Received: {saved_model} ({error})"
        ) from error
    sums: dict[str, float] = collections.defaultdict(float)
    counts: dict[str, int] = collections.defaultdict(int)
    records = tf.data.TFRecordDataset([str(s) for s in shards], compression_type="GZIP").batch(BATCH)
    for batch in tqdm.tqdm(records, desc="evaluate", unit="batch", dynamic_ncols=True):
        for name, value in function(examples=batch).items():
            values = np.asarray(value, np.float64)
            sums[name] += values.sum()
            counts[name] += values.size
    return {name: sums[name] / counts[name] for name in sorted(sums)}


def format_table(values: dict[str, float]) -> str:
    """Metrics beside the mean pose's, for a terminal."""
    lines = [f"{'metric':<16}{'model':>12}{'mean pose':>12}"]
    for name, value in values.items():
        if not name.startswith(MEAN_POSE_PREFIX):
            lines.append(f"{name:<16}{value:>12.3f}{values[MEAN_POSE_PREFIX + name]:>12.3f}")
    return "\n".join(lines)
