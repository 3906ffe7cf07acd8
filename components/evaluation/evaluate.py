"""Metrics of any method over record shards, without TFX: the same metrics, the same means."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tqdm

from components import records, tfrecord
from components.evaluation import means
from components.evaluation.gate import SLICES
from components.evaluation.methods import Method
from model.errors import RecordError
from model.evaluation import MEAN_POSE_PREFIX

BATCH = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of one method on one split.

    Attributes:
        overall: metric -> mean over all frames that count, in the unit of its name, NaN where none does; the mean
            pose's begin with MEAN_POSE_PREFIX.
        slices: feature ("source", "action", "camera") -> its value -> metric -> mean.
        clips: number of clips.
    """

    overall: dict[str, float]
    slices: dict[str, dict[str, dict[str, float]]]
    clips: int


def evaluate(method: Method, shards: Sequence[pathlib.Path], length: int) -> Evaluation:
    """Frame-weighted means of every metric, overall and by slice.

    Args:
        method: one of components.evaluation.methods.
        shards: record files.
        length: frames of every clip.

    Raises:
        RecordError: a shard or record cannot be read, a record has another number of frames, or there is none.
    """
    sums: dict[tuple[str, str], dict[str, np.ndarray]] = collections.defaultdict(
        lambda: collections.defaultdict(lambda: np.zeros(2))
    )
    clips = 0
    bar = tqdm.tqdm(desc="evaluate", unit="clip", dynamic_ncols=True)
    for serialised in _batches(shards):
        labels, groups = _read(serialised, length)
        values = {name: np.asarray(value, np.float64) for name, value in method(serialised, labels).items()}
        for i, (name, value) in itertools.product(range(len(serialised)), values.items()):
            summed = means.summed(value[i])
            of_clip = ((feature, value) for feature, found in groups.items() for value in found[i])
            for group in (("", ""), *of_clip):
                sums[group][name] += summed
        clips += len(serialised)
        bar.update(len(serialised))
    bar.close()
    if not clips:
        raise RecordError(f"A split with clips is needed. Received: {len(shards)} shards without any")
    found = {group: {name: means.mean(*totals[name]) for name in sorted(totals)} for group, totals in sums.items()}
    slices: dict[str, dict[str, dict[str, float]]] = {_feature(key): {} for key in SLICES}
    for feature, of_feature in sorted(found.keys() - {("", "")}):
        slices[feature][of_feature] = found[feature, of_feature]
    return Evaluation(found["", ""], slices, clips)


def clip_length(shards: Sequence[pathlib.Path]) -> int:
    """Frames of a split's clips: of the longest among the first of every shard, since stills may stand before clips.

    Raises:
        RecordError: a shard cannot be read.
    """
    firsts = (next(records.read(shard), None) for shard in shards)
    return max((clip.length for clip in firsts if clip is not None), default=1)


def digest(shards: Sequence[pathlib.Path]) -> dict[str, str]:
    """SHA-256 of every shard, under its file's name: which data a figure belongs to."""
    digests = {}
    for shard in shards:
        with shard.open("rb") as file:
            digests[shard.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def format_table(values: dict[str, float], name: str = "model") -> str:
    """Metrics beside the mean pose's, for a terminal."""
    lines = [f"{'metric':<24}{name:>12}{'mean pose':>12}"]
    for metric, value in values.items():
        if not metric.startswith(MEAN_POSE_PREFIX):
            lines.append(f"{metric:<24}{value:>12.3f}{values[MEAN_POSE_PREFIX + metric]:>12.3f}")
    return "\n".join(lines)


def format_slices(evaluation: Evaluation, metrics: Sequence[str] = ("mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm")) -> str:
    """The main metrics by slice, for a terminal."""
    lines = [f"{'slice':<24}" + "".join(f"{metric:>14}" for metric in metrics)]
    for feature, by_value in evaluation.slices.items():
        for value, found in by_value.items():
            lines.append(f"{feature + ' ' + value:<24}" + "".join(f"{found[metric]:>14.1f}" for metric in metrics))
    return "\n".join(lines)


def _batches(shards: Sequence[pathlib.Path]) -> Iterator[list[bytes]]:
    serialised = (record for shard in shards for record in tfrecord.read(shard))
    while batch := list(itertools.islice(serialised, BATCH)):
        yield batch


def _read(serialised: list[bytes], length: int) -> tuple[dict[str, np.ndarray], dict[str, list[list[str]]]]:
    """Labels of a batch as of records.parse_batch, without images, and feature -> each clip's values."""
    import tensorflow as tf

    batch = tf.constant(serialised)
    parsed: dict[str, Any] = records.parse_batch(batch, length)
    labels = {name: parsed[name].numpy() for name in parsed.keys() - {"frames", "masks"}}
    named = tf.io.parse_example(batch, {key: tf.io.RaggedFeature(tf.string) for key in SLICES})
    return labels, {
        _feature(key): [[text.decode() for text in texts] for texts in named[key].to_list()] for key in SLICES
    }


def _feature(key: str) -> str:
    return key.removeprefix("clip/")
