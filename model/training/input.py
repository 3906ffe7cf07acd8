"""tf.data pipelines from record shards to training batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from model.body.data import check_body_id
from model.camera import to_normalised
from model.config import ModelConfig, TrainConfig
from model.images import decode_frames, decode_masks, to_float
from model.training.augment import augment_clip

# What a batch's labels hold; see model.losses.mesh_losses.
LABELS = ("pose", "betas", "keypoints3d", "keypoints3d_valid", "keypoints2d", "has_3d", "has_smpl")


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


def decoded_clips(source: Source, config: ModelConfig) -> Any:
    """Clips decoded once and kept in memory: a dataset of dicts of single clips, labels repeated per frame.

    A clip of 16 frames at 96 px takes 0.4 MB, at 224 px 2.4 MB.

    Raises (while iterating):
        BodyMismatchError's TensorFlow twin, InvalidArgumentError, when a clip belongs to another body;
        `check_bodies` gives the clear error before training.
    """
    import tensorflow as tf

    def decode(serialised):
        clip = {name: value[0] for name, value in source.parse(serialised[None]).items()}
        length = config.clip_length
        points = to_normalised(clip["keypoints2d"][..., :2], clip["frame_size"])
        return {
            "images": decode_frames(clip["frames"], config.image_size),
            "coverage": decode_masks(clip["masks"], config.image_size),
            "pose": clip["pose"],
            "betas": tf.tile(clip["betas"][None], (length, 1)),
            "keypoints3d": clip["keypoints3d"],
            "keypoints3d_valid": clip["keypoints3d_valid"],
            "keypoints2d": tf.concat([points, clip["keypoints2d"][..., 2:]], -1),
            "has_3d": tf.repeat(clip["has_3d"], length),
            "has_smpl": tf.repeat(clip["has_smpl"], length),
        }

    records = tf.data.TFRecordDataset(list(source.files), compression_type="GZIP")
    return records.map(decode, num_parallel_calls=2, deterministic=True).cache()


def check_bodies(source: Source) -> int:
    """Counts the clips and makes sure that they belong to the body.

    Raises:
        BodyMismatchError: a clip belongs to another body.
    """
    import tensorflow as tf

    ids = tf.data.TFRecordDataset(list(source.files), compression_type="GZIP").batch(64)
    count = 0
    for batch in ids.map(lambda s: source.parse(s)["body_id"]).as_numpy_iterator():
        count += len(batch)
        for other in set(batch) - {source.body_id.encode()}:
            check_body_id(other.decode(), source.body_id, "A record")
    return count


def training_batches(clips: Any, count: int, train: TrainConfig, stills: bool) -> Any:
    """Endless shuffled, augmented batches, the same for the same seed.

    Args:
        clips: decoded_clips(...).
        count: number of clips, the shuffle buffer's size.
        train: batch size, frames drawn from a clip, seed.
        stills: whether to flatten to single frames for the frame model.

    Returns:
        Dataset of (images float32, labels): [B, T, ...] clips, or [B * frames_per_clip, ...] stills.
    """
    import tensorflow as tf

    def prepare(index, clip):
        seed = tf.stack([tf.constant(train.seed, tf.int64), index])
        if stills:
            length = tf.shape(clip["pose"])[0]
            order = tf.argsort(tf.random.stateless_uniform([length], seed + 1))[: train.frames_per_clip]
            clip = {name: tf.gather(value, order) for name, value in clip.items()}
        return augment_clip(clip, seed, train.augmentation)

    data = clips.shuffle(count, seed=train.seed, reshuffle_each_iteration=True).repeat().enumerate()
    data = data.map(prepare, num_parallel_calls=2, deterministic=True)
    return _batch(data, train.batch_clips, stills).prefetch(2)


def evaluation_batches(clips: Any, batch_clips: int, stills: bool) -> Any:
    """One pass without shuffling or augmentation; the last batch may be smaller."""
    return _batch(clips, batch_clips, stills)


def _batch(data, batch_clips, stills):
    import tensorflow as tf

    def split(clip):
        if stills:
            clip = {name: tf.reshape(value, (-1, *value.shape[2:])) for name, value in clip.items()}
        return to_float(clip["images"]), {name: clip[name] for name in LABELS}

    return data.batch(batch_clips).map(split, num_parallel_calls=1, deterministic=True)
