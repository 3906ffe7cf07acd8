"""What the records of a split hold: one pass over them before training, which finds what cannot be trained on."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from model.body.data import check_body_id
from model.config import ModelConfig
from model.errors import RecordError

_BATCH = 64
# Clips that a message names.
_NAMED = 5
_CHECKED_LABELS = ("pose", "betas", "trans", "keypoints3d", "keypoints3d_valid", "keypoints2d")
_JPEG_START = b"\xff\xd8"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where clips come from.

    Attributes:
        files: shards.
        parse: serialised clips [B] -> dict of tensors, components.records.parse_batch with its length bound.
        body_id: the body that labels must belong to.
    """

    files: Sequence[str]
    parse: Callable[[Any], dict[str, Any]]
    body_id: str


@dataclasses.dataclass(frozen=True, eq=False)
class Inventory:
    """The clips of a split, numbered through all files in order.

    Attributes:
        files: shards.
        starts: [files + 1] number of each file's first clip, then the number of clips.
        sizes: [files] bytes on disk.
        names: the clips' sources (`clip/source`), sorted.
        sources: [clips] index into `names`.
        labelled: number of clips with SMPL labels.
    """

    files: tuple[str, ...]
    starts: np.ndarray
    sizes: np.ndarray
    names: tuple[str, ...]
    sources: np.ndarray
    labelled: int

    @property
    def clips(self) -> int:
        """Number of clips."""
        return len(self.sources)

    @property
    def clips_by_source(self) -> dict[str, int]:
        """Source -> number of its clips."""
        counts = np.bincount(self.sources, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def file_of(self, clips: np.ndarray) -> np.ndarray:
        """Index of the file that holds each of these clips."""
        return np.searchsorted(self.starts, clips, side="right") - 1


def inspect(source: Source, model: ModelConfig) -> Inventory:
    """Reads all records once, without decoding images.

    Raises:
        BodyMismatchError: a clip belongs to another body.
        RecordError: the split is empty; a shard is missing, corrupt or truncated; a record has another number of frames
            than `model.clip_length` (and is no still), a label that is not finite, or a frame that is no JPEG.
    """
    workers = min(8, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda path: _read(path, source), source.files))
    counts = [len(file.sources) for file in found]
    if not sum(counts):
        raise RecordError(f"A split with clips is needed. Received: {len(found)} shards without any")
    _refuse("Finite labels are needed", "NaN or infinity", [name for file in found for name in file.not_finite])
    _refuse("JPEG frames are needed", "something else", [name for file in found for name in file.not_jpeg])
    names = tuple(sorted({name for file in found for name in file.sources}))
    index = {name: i for i, name in enumerate(names)}
    return Inventory(
        files=tuple(source.files),
        starts=np.cumsum([0, *counts]),
        sizes=np.array([os.path.getsize(path) for path in source.files]),
        names=names,
        sources=np.array([index[name] for file in found for name in file.sources], np.int32),
        labelled=sum(file.labelled for file in found),
    )


def check_smpl_labels(inventory: Inventory) -> None:
    """Makes sure that there is something to take a mean Theta of.

    Raises:
        RecordError: no clip has SMPL labels.
    """
    if not inventory.labelled:
        held = ", ".join(f"{count} of {name}" for name, count in inventory.clips_by_source.items())
        raise RecordError(f"Clips with SMPL labels are needed for the mean Theta. Received: none; {held}")


@dataclasses.dataclass(frozen=True)
class _File:
    """What one shard holds: its clips' sources, the ids of those that cannot be used, the number with SMPL labels."""

    sources: list[str]
    not_finite: list[str]
    not_jpeg: list[str]
    labelled: int


def _read(path: str, source: Source) -> _File:
    import tensorflow as tf

    file = _File([], [], [], 0)
    try:
        for serialised in tf.data.TFRecordDataset([path], compression_type="GZIP").batch(_BATCH):
            clips = source.parse(serialised)
            # Records without SMPL labels are of no body.
            bodies = clips["body_id"].numpy()[clips["has_smpl"].numpy() > 0]
            for other in sorted(set(bodies) - {source.body_id.encode()}):
                check_body_id(other.decode(), source.body_id, f"A record of {path}")
            ids = np.array([name.decode() for name in clips["clip_id"].numpy()])
            finite = np.ones(len(ids), bool)
            for name in _CHECKED_LABELS:
                values = clips[name].numpy()
                finite &= np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            jpeg = (tf.strings.substr(clips["frames"], 0, 2) == _JPEG_START).numpy().all(1)
            file.sources.extend(name.decode() for name in clips["source"].numpy())
            file.not_finite.extend(ids[~finite])
            file.not_jpeg.extend(ids[~jpeg])
            file = dataclasses.replace(file, labelled=file.labelled + int(clips["has_smpl"].numpy().sum()))
    except RecordError as error:
        raise RecordError(f"{error}, in {path}") from error
    except tf.errors.OpError as error:
        raise RecordError(f"A readable shard of records is needed. Received: {path} ({error.message})") from error
    return file


def _refuse(wanted: str, received: str, ids: list[str]) -> None:
    if ids:
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        raise RecordError(f"{wanted}. Received: {received} in {', '.join(ids[:_NAMED])}{more}")
