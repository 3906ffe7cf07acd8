"""tf.data pipelines from record shards to training batches: parse, decode, crop, augment, batch.

Every batch is a pure function of seed, epoch and step. Clips are decoded once and kept where all of them fit in memory,
else decoded as they come; both follow the same kind of plan (model.training.order).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import logging

from model import conventions
from model.config import ModelConfig, TrainConfig
from model.crop import enlarged, normalised, person_squares
from model.images import decode_frames, decode_masks, to_float
from model.training import order
from model.training.augment import augment_clip, field
from model.training.inventory import Inventory, Source, check_smpl_labels, inspect

__all__ = [
    "LABELS", "Inventory", "Source", "TrainingData", "check_smpl_labels", "evaluation_batches", "inspect",
    "labelled_frames",
]  # fmt: skip

# What a batch's labels hold, with the shape of one frame's; see model.losses.mesh_losses.
_K = conventions.NUM_KEYPOINTS
_SHAPES: dict[str, tuple[int, ...]] = {
    "pose": (conventions.POSE_SIZE,),
    "betas": (conventions.NUM_BETAS,),
    "keypoints3d": (_K, 3),
    "keypoints3d_valid": (_K,),
    "keypoints2d": (_K, 3),
    "has_3d": (),
    "has_smpl": (),
}
LABELS = tuple(_SHAPES)
# Shards that are held at a time when clips do not fit in memory.
WINDOW_BYTES = 256e6


class TrainingData:
    """The training split, epoch by epoch.

    Attributes:
        steps_per_epoch: batches in an epoch: as many as the clips that are drawn from fill, one at least.
    """

    def __init__(self, source: Source, inventory: Inventory, model: ModelConfig, train: TrainConfig, stills: bool):
        """Plans; nothing is read yet.

        Args:
            source: records.
            inventory: inspect(source, model).
            model: clip length and image size.
            train: batch size, frames drawn from a clip, sampling, augmentation, seed, size of the cache.
            stills: whether batches are single frames for the frame model, [B * frames_per_clip, ...], each augmented
                for itself; else clips [B, T, ...].

        Raises:
            ConfigError: sampling names a source of which there are no clips.
        """
        import tensorflow as tf

        order.check_sampling(inventory, train)
        self.source, self.inventory, self.model, self.train = source, inventory, model, train
        self.stills = stills
        self.steps_per_epoch = max(1, order.sampled_clips(inventory, train) // train.batch_clips)
        self._frames = min(train.frames_per_clip, model.clip_length) if stills else model.clip_length
        # Even, so that the network's crop lies on whole pixels of it.
        self._size = 2 * round(model.image_size * field(train.augmentation) / 2)
        cache_bytes = inventory.clips * model.clip_length * 4 * self._size**2
        self._cached = cache_bytes <= train.cache_gb * 2**30
        self._window_bytes = np.inf if self._cached else WINDOW_BYTES
        self._store: dict[str, np.ndarray] = {}
        # Traced once, not once an epoch.
        self._prepare = tf.function(self._load_and_augment)

    def epoch(self, index: int, skip_steps: int = 0) -> Any:
        """The batches of an epoch, after the first `skip_steps`, which cost no decoding.

        Returns:
            Dataset of (images float32 [..., S, S, 3] in 0..1, labels: dict of float32 tensors, LABELS).
        """
        import tensorflow as tf

        place = skip_steps * self.train.batch_clips
        planned = self._order(index)
        count = len(planned.choice)
        # What each clip's random numbers are drawn from.
        seeds = np.array([order.seed(self.train, index, order.AUGMENTATION, i) for i in range(place, count)])
        frames = self._drawn_frames(index, count)[place:]
        if self._cached:
            self._store = self._store or self._decode_all()
            clips = tf.data.Dataset.from_tensor_slices(planned.clips[place:])
        else:
            clips = _serialised(self.inventory, planned.after(place))
        data = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices((seeds, frames)), clips))
        data = data.map(self._prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        data = _batched(data, self.train.batch_clips, self.stills)
        return _finite(data, self.steps_per_epoch - skip_steps)

    def clip_ids(self, index: int, step: int) -> list[str]:
        """The ids of the clips in a batch, read again from their records without decoding images."""
        size = self.train.batch_clips
        clips = self._order(index).clips[step * size : (step + 1) * size]
        ids = {}
        for file in np.unique(self.inventory.file_of(clips)):
            wanted = set(clips[self.inventory.file_of(clips) == file])
            records = _records([self.inventory.files[file]])
            for number, record in enumerate(records, start=int(self.inventory.starts[file])):
                if number in wanted:
                    ids[number] = self.source.parse(record[None])["clip_id"][0].numpy().decode()
        return [ids[clip] for clip in clips]

    def _order(self, index: int) -> order.Order:
        count = self.steps_per_epoch * self.train.batch_clips
        return order.plan(self.inventory, self.train, index, count, self._window_bytes)

    def _drawn_frames(self, index: int, count: int) -> np.ndarray:
        """Which frames of each clip are used, [n, F]: all in their order, or some at random for stills."""
        frames = np.tile(np.arange(self.model.clip_length, dtype=np.int32), (count, 1))
        if self.stills:
            frames = np.random.default_rng(order.seed(self.train, index, order.FRAMES)).permuted(frames, axis=1)
        return frames[:, : self._frames]

    def _from_record(self, serialised: Any, frames: Any = None) -> dict[str, Any]:
        """Decodes some frames of a clip, or all of them: "pixels" uint8 [F, W, W, 4] and labels [F, ...]."""
        import tensorflow as tf

        clip = _parsed(self.source, serialised)
        squares = enlarged(clip.pop("squares"), self._size / self.model.image_size)
        # In units of the network's crop, which is the middle of these.
        points = normalised(clip["keypoints2d"][..., :2], squares) * (self._size / self.model.image_size)
        clip["keypoints2d"] = tf.concat([points, clip["keypoints2d"][..., 2:]], -1)
        if frames is not None:
            clip = {name: tf.gather(value, frames) for name, value in clip.items()}
            squares = tf.gather(squares, frames)
        colours = decode_frames(clip.pop("frames"), self._size, squares)
        coverage = decode_masks(clip.pop("masks"), self._size, squares)
        return {**clip, "pixels": tf.concat([colours, coverage], -1)}

    def _decode_all(self) -> dict[str, np.ndarray]:
        """All clips decoded, in the inventory's order: arrays [clips, T, ...]."""
        import tensorflow as tf

        shapes = {**_SHAPES, "pixels": (self._size, self._size, 4)}
        store = {
            name: np.empty(
                (self.inventory.clips, self.model.clip_length, *shape), np.uint8 if name == "pixels" else np.float32
            )
            for name, shape in shapes.items()
        }
        logging.info("decoding %d clips into %.1f GB of memory", self.inventory.clips, store["pixels"].nbytes / 2**30)
        decoded = _records(self.inventory.files).map(
            self._from_record, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        for number, clip in enumerate(decoded.as_numpy_iterator()):
            for name, value in clip.items():
                store[name][number] = value
        return store

    def _from_store(self, clip: Any, frames: Any) -> dict[str, Any]:
        """What _from_record gives, of a clip's number."""
        import tensorflow as tf

        def take(clip, frames):
            return [self._store[name][clip][frames] for name in names]

        names = (*LABELS, "pixels")
        values = tf.numpy_function(take, (clip, frames), [tf.float32] * len(LABELS) + [tf.uint8])
        return dict(zip(names, values, strict=True))

    def _load_and_augment(self, drawn: tuple[Any, Any], clip: Any) -> dict[str, Any]:
        """Augments a clip as one, or each of its frames for itself: "images" uint8 [F, S, S, 3] and labels [F, ...].

        Args:
            drawn: seeds of the random numbers, and frames [F].
            clip: its number in the store, or its record.
        """
        import tensorflow as tf

        seed, frames = drawn
        loaded = self._from_store(clip, frames) if self._cached else self._from_record(clip, frames)
        size, strength = self.model.image_size, self.train.augmentation
        names = (*LABELS, "pixels")

        def augment(seed, *values):
            clip = dict(zip(names, values, strict=True))
            if not self.stills:
                rng = np.random.default_rng(seed)
                parts = [augment_clip(clip, rng, size, strength)]
            else:
                rngs = np.random.default_rng(seed).spawn(self._frames)
                stills = ({name: value[i : i + 1] for name, value in clip.items()} for i in range(self._frames))
                parts = [augment_clip(still, rng, size, strength) for still, rng in zip(stills, rngs, strict=True)]
            return [np.concatenate([part[name] for part in parts]) for name in (*LABELS, "images")]

        types = [tf.float32] * len(LABELS) + [tf.uint8]
        values = tf.numpy_function(augment, (seed, *(loaded[name] for name in names)), types)
        shapes = (*_SHAPES.values(), (size, size, 3))
        for value, shape in zip(values, shapes, strict=True):
            value.set_shape((self._frames, *shape))
        return dict(zip((*LABELS, "images"), values, strict=True))


def evaluation_batches(source: Source, inventory: Inventory, model: ModelConfig, batch_clips: int, stills: bool) -> Any:
    """One pass in the records' order, without augmentation; the last batch may be smaller.

    Returns:
        Dataset of (images, labels), as TrainingData.epoch gives; it can be iterated again.
    """
    import tensorflow as tf

    def decode(serialised):
        clip = _parsed(source, serialised)
        images = decode_frames(clip["frames"], model.image_size, clip["squares"])
        return {**_normalised(clip), "images": images}

    data = _records(inventory.files).map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = -(-inventory.clips // batch_clips)
    return _finite(_batched(data, batch_clips, stills), batches)


def labelled_frames(source: Source, model: ModelConfig) -> Iterator[dict[str, np.ndarray]]:
    """The labels of each clip that has SMPL labels, as they stand after the crop: LABELS, float32 [T, ...].

    No images are decoded.
    """
    labels = _records(source.files).map(lambda s: _normalised(_parsed(source, s)))
    yield from labels.filter(lambda clip: clip["has_smpl"][0] > 0).as_numpy_iterator()


def _parsed(source: Source, serialised: Any) -> dict[str, Any]:
    """One clip: labels [T, ...] with 2D keypoints in pixels of the frames, "frames", "masks", "squares" [T, ...]."""
    import tensorflow as tf

    clip = {name: value[0] for name, value in source.parse(serialised[None]).items()}
    length = tf.shape(clip["pose"])[0]
    for name in ("betas", "has_3d", "has_smpl"):
        clip[name] = tf.repeat(clip[name][None], length, axis=0)
    squares = person_squares(clip["keypoints2d"], clip["frame_size"])
    return {name: clip[name] for name in (*LABELS, "frames", "masks")} | {"squares": squares}


def _normalised(clip: dict[str, Any]) -> dict[str, Any]:
    """The labels of _parsed, 2D keypoints in -1..1 across the crop."""
    import tensorflow as tf

    points = normalised(clip["keypoints2d"][..., :2], clip["squares"])
    return {name: clip[name] for name in LABELS} | {
        "keypoints2d": tf.concat([points, clip["keypoints2d"][..., 2:]], -1)
    }


def _finite(batches: Any, count: int) -> Any:
    """Batches of a known number, made ahead by threads of their own: training may leave TensorFlow but one."""
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = os.cpu_count() or 1
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2).with_options(options)


def _records(files: Any) -> Any:
    import tensorflow as tf

    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def _serialised(inventory: Inventory, planned: order.Order) -> Any:
    """The records of an order, window by window, as a dataset of strings; the next window is read ahead."""
    import tensorflow as tf

    files = np.array(inventory.files)
    counts = np.diff(inventory.starts)

    def windows(stream):
        for clips in planned.windows[stream]:
            held, place = np.unique(inventory.file_of(clips), return_inverse=True)
            # Numbers within the window's files, read one after the other.
            before = np.cumsum(counts[held]) - counts[held]
            yield files[held], before[place] + clips - inventory.starts[held][place], counts[held].sum()

    def read(files, picks, count):
        return tf.gather(_records(files).batch(count).get_single_element(), picks)

    signature = (tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.int64))
    streams = []
    for stream in range(len(planned.windows)):
        data = tf.data.Dataset.from_generator(lambda stream=stream: windows(stream), output_signature=signature)
        streams.append(data.map(read).prefetch(1).unbatch())
    if len(streams) == 1:
        return streams[0]
    choice = tf.data.Dataset.from_tensor_slices(planned.choice.astype(np.int64))
    return tf.data.Dataset.choose_from_datasets(streams, choice, stop_on_empty_dataset=False)


def _batched(data, batch_clips, stills):
    """(images as floats, labels) of clips; stills lose the dimension of time."""
    import tensorflow as tf

    def split(clip):
        if stills:
            clip = {name: tf.reshape(value, (-1, *value.shape[2:])) for name, value in clip.items()}
        return to_float(clip["images"]), {name: clip[name] for name in LABELS}

    return data.batch(batch_clips).map(split, num_parallel_calls=1, deterministic=True)
