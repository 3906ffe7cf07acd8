"""The record layout: one tf.Example a clip. The one place that encodes and decodes it (schema.pbtxt beside it).

Poses, translations and 3D keypoints are in the camera frame of each frame (x right, y down, z forward), so that
vertices = body(pose, betas) + trans are what the camera sees. 2D keypoints are pixels of the encoded frames.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from components import tf_example, tfrecord
from model import conventions
from model.errors import RecordError

SCHEMA_PATH = pathlib.Path(__file__).with_name("schema.pbtxt")
SUFFIX = ".tfrecord.gz"


@dataclasses.dataclass(frozen=True)
class Clip:
    """One labelled clip of T frames.

    Attributes:
        clip_id: unique name.
        source: dataset the clip comes from.
        subject: who is seen.
        action: what is done.
        camera: name of the viewpoint.
        body_id: the body that pose and betas belong to.
        fps: frames a second.
        frames: T JPEG files.
        masks: T PNG files of the frames' size, 0 where the backdrop is seen; empty where nobody knows.
        frame_size: (height, width) pixels.
        pose: [T, 72] axis-angle, global rotation (camera frame) first.
        betas: [10].
        trans: [T, 3] metres.
        keypoints3d: [T, 19, 3] metres.
        keypoints3d_valid: [T, 19] 0 or 1.
        keypoints2d: [T, 19, 3] pixels x, y and visible 0 or 1.
        has_3d: whether keypoints3d may be used.
        has_smpl: whether pose and betas may be used.
        intrinsics: [3, 3] K.
        extrinsics: [T, 3, 4] world to camera.
        protocols: evaluation protocols that the clip counts for; none where a dataset has no such thing.

    What nobody knows is zero: the labels behind has_3d and has_smpl, cameras, and the fps of a still.
    """

    clip_id: str
    source: str
    subject: str
    action: str
    camera: str
    body_id: str
    fps: float
    frames: list[bytes]
    masks: list[bytes]
    frame_size: tuple[int, int]
    pose: np.ndarray
    betas: np.ndarray
    trans: np.ndarray
    keypoints3d: np.ndarray
    keypoints3d_valid: np.ndarray
    keypoints2d: np.ndarray
    has_3d: bool
    has_smpl: bool
    intrinsics: np.ndarray
    extrinsics: np.ndarray
    protocols: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """T."""
        return len(self.frames)

    @property
    def labelled(self) -> np.ndarray:
        """Bool [T, 19]: keypoints that have a place in the frames."""
        return labelled(self.keypoints2d)

    @property
    def title(self) -> str:
        """For captions, as "walk from front, clip7"; what nobody knows is left out."""
        seen = " ".join([self.action, f"from {self.camera}" if self.camera else ""]).strip()
        return f"{seen}, {self.clip_id}" if seen else self.clip_id


_BYTES = {
    "clip/id": "clip_id",
    "clip/source": "source",
    "clip/subject": "subject",
    "clip/action": "action",
    "clip/camera": "camera",
    "clip/body_id": "body_id",
}
_K = conventions.NUM_KEYPOINTS
# Feature name -> (field, shape of one clip, with "T" for the clip's length).
_FLOATS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "labels/pose": ("pose", ("T", conventions.POSE_SIZE)),
    "labels/betas": ("betas", (conventions.NUM_BETAS,)),
    "labels/trans": ("trans", ("T", 3)),
    "labels/keypoints3d": ("keypoints3d", ("T", _K, 3)),
    "labels/keypoints3d_valid": ("keypoints3d_valid", ("T", _K)),
    "labels/keypoints2d": ("keypoints2d", ("T", _K, 3)),
    "camera/intrinsics": ("intrinsics", (3, 3)),
    "camera/extrinsics": ("extrinsics", ("T", 3, 4)),
}


def labelled(keypoints2d: np.ndarray) -> np.ndarray:
    """Which keypoints [..., 3] (x, y, visible) somebody has placed: bool [...]. The others are (0, 0, 0)."""
    return np.any(keypoints2d != 0, axis=-1)


def _shape(shape: tuple[Any, ...], length: int) -> tuple[int, ...]:
    return tuple(length if s == "T" else s for s in shape)


def encode(clip: Clip) -> bytes:
    """A clip as a serialised tf.Example.

    Raises:
        RecordError: a label has the wrong shape or is not finite.
    """

    def integers(*values: int):
        return tf_example.Feature(int64_list=tf_example.Int64List(value=values))

    def floats(values):
        return tf_example.Feature(float_list=tf_example.FloatList(value=np.ravel(values)))

    def strings(values):
        return tf_example.Feature(bytes_list=tf_example.BytesList(value=values))

    feature = {name: strings([getattr(clip, field).encode()]) for name, field in _BYTES.items()}
    feature["clip/fps"] = floats([clip.fps])
    feature["clip/length"] = integers(clip.length)
    feature["frames/encoded"] = strings(clip.frames)
    if clip.masks:
        feature["frames/mask"] = strings(clip.masks)
    if clip.protocols:
        feature["clip/protocols"] = strings([name.encode() for name in clip.protocols])
    feature["frames/size"] = integers(*clip.frame_size)
    feature["labels/has_3d"] = integers(int(clip.has_3d))
    feature["labels/has_smpl"] = integers(int(clip.has_smpl))
    for name, (field, shape) in _FLOATS.items():
        value = np.asarray(getattr(clip, field), np.float32)
        wanted = _shape(shape, clip.length)
        if value.shape != wanted or not np.isfinite(value).all():
            state = "finite" if np.isfinite(value).all() else "not finite"
            raise RecordError(
                f"{name} of {clip.clip_id} is finite with shape {wanted}. Received: {value.shape}, {state}"
            )
        feature[name] = floats(value)
    example = tf_example.Example(features=tf_example.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def decode(serialised: bytes) -> Clip:
    """Inverse of encode.

    Raises:
        RecordError: the bytes are no tf.Example of this layout; the message says which feature is wrong.
    """
    try:
        feature = tf_example.Example.FromString(serialised).features.feature
    except DecodeError as error:
        raise _not_our_layout(f"{len(serialised)} bytes of something else") from error

    def values(name: str, kind: str, count: int | None = None) -> Any:
        found = getattr(feature[name], kind).value if name in feature else []
        if count is not None and len(found) != count:
            raise _not_our_layout(f"{name} with {len(found)} values in place of {count}")
        return found

    frames = list(values("frames/encoded", "bytes_list"))
    labels: dict[str, Any] = {}
    for name, (field, shape) in _FLOATS.items():
        wanted = _shape(shape, len(frames))
        labels[field] = np.array(values(name, "float_list", math.prod(wanted)), np.float32).reshape(wanted)
    try:
        texts = {field: values(name, "bytes_list", 1)[0].decode() for name, field in _BYTES.items()}
        protocols = tuple(name.decode() for name in values("clip/protocols", "bytes_list"))
    except UnicodeDecodeError as error:
        raise _not_our_layout("a name that is not UTF-8") from error
    height, width = values("frames/size", "int64_list", 2)
    return Clip(
        **texts,
        **labels,
        fps=values("clip/fps", "float_list", 1)[0],
        frames=frames,
        masks=list(values("frames/mask", "bytes_list")),
        frame_size=(height, width),
        has_3d=bool(values("labels/has_3d", "int64_list", 1)[0]),
        has_smpl=bool(values("labels/has_smpl", "int64_list", 1)[0]),
        protocols=protocols,
    )


def _not_our_layout(received: str) -> RecordError:
    return RecordError(f"A record is a tf.Example of the layout in components/records.py. Received: {received}")


def parse_spec() -> dict[str, Any]:
    """What tf.io.parse_example needs to read a batch of clips inside a graph; what has a value a frame is ragged."""
    import tensorflow as tf

    spec: dict[str, Any] = {name: tf.io.FixedLenFeature([], tf.string) for name in _BYTES}
    spec["clip/fps"] = tf.io.FixedLenFeature([], tf.float32)
    spec["frames/encoded"] = tf.io.RaggedFeature(tf.string)
    spec["frames/mask"] = tf.io.RaggedFeature(tf.string)
    spec["frames/size"] = tf.io.FixedLenFeature([2], tf.int64)
    for name in ("labels/has_3d", "labels/has_smpl"):
        spec[name] = tf.io.FixedLenFeature([], tf.int64)
    for name, (_, shape) in _FLOATS.items():
        spec[name] = tf.io.RaggedFeature(tf.float32) if "T" in shape else tf.io.FixedLenFeature(shape, tf.float32)
    return spec


def read(path: str | pathlib.Path) -> Iterator[Clip]:
    """Clips of one shard, in order.

    Raises:
        RecordError: the file is missing, truncated or holds something else.
    """
    for number, serialised in enumerate(tfrecord.read(path)):
        try:
            yield decode(serialised)
        except RecordError as error:
            raise RecordError(f"{error} (record {number} of {path})") from error


def find_shards(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """Shards of a split folder, sorted.

    Raises:
        RecordError: the folder is missing or holds none.
    """
    shards = _shards(pathlib.Path(folder))
    if not shards:
        raise RecordError(f"A folder with *{SUFFIX} shards is needed. Received: {folder}")
    return shards


def find_splits(datasets: Sequence[str | pathlib.Path]) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """Shards of the train and of the eval splits of several datasets, some of which may have only one of the two.

    Raises:
        RecordError: a dataset has neither, or all of them together have not both.
    """
    found: dict[str, list[pathlib.Path]] = {"train": [], "eval": []}
    for dataset in map(pathlib.Path, datasets):
        there = {split: _shards(dataset / split) for split in found}
        if not any(there.values()):
            raise RecordError(f"A folder with train/*{SUFFIX} or eval/*{SUFFIX} is needed. Received: {dataset}")
        for split, shards in there.items():
            found[split] += shards
    for split, shards in found.items():
        if not shards:
            named = ", ".join(map(str, datasets))
            raise RecordError(f"A folder with {split}/*{SUFFIX} is needed among those named. Received: {named}")
    return found["train"], found["eval"]


def _shards(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def parse_batch(serialised: Any, length: int) -> dict[str, Any]:
    """Decodes serialised clips [B], in a graph or eagerly, under the names that training uses.

    A still, a record of one frame, becomes a clip of that frame repeated (paper section 4.3).

    Args:
        serialised: string tensor [B].
        length: frames T of every clip.

    Returns:
        "frames" [B, T] JPEG strings, "masks" [B, T] PNG strings (empty without masks), "frame_size" [B, 2] height and
        width in pixels, "clip_id", "source" and "body_id" [B], "fps" [B], "pose" [B, T, 72], "betas" [B, 10], "trans"
        [B, T, 3], "keypoints3d" [B, T, 19, 3], "keypoints3d_valid" [B, T, 19], "keypoints2d" [B, T, 19, 3] (pixels,
        visible), "has_3d" and "has_smpl" [B] as float32.

    Raises:
        RecordError: a record has another number of frames, or a label that does not fit its frames; inside a graph
            tf.errors.InvalidArgumentError.
    """
    import tensorflow as tf

    parsed = tf.io.parse_example(serialised, parse_spec())
    lengths = parsed["frames/encoded"].row_lengths()
    # Which frame of the record each frame of the clip is.
    frames = tf.minimum(tf.range(length), lengths[:, None] - 1)

    def per_frame(name: str, shape: tuple[Any, ...] = ("T",)) -> Any:
        size = math.prod(shape[1:])
        rows = parsed[name].row_lengths()
        fits = (rows == size * lengths) | ((rows == 0) & (name == "frames/mask"))
        _check_lengths(fits & ((lengths == length) | (lengths == 1)), name, lengths, length, parsed["clip/id"])
        dense = tf.reshape(parsed[name].to_tensor(shape=(None, length * size)), (-1, length, *shape[1:]))
        return tf.gather(dense, frames, batch_dims=1)

    return {
        "frames": per_frame("frames/encoded"),
        "masks": per_frame("frames/mask"),
        "frame_size": tf.cast(parsed["frames/size"], tf.float32),
        "clip_id": parsed["clip/id"],
        "source": parsed["clip/source"],
        "body_id": parsed["clip/body_id"],
        "fps": parsed["clip/fps"],
        "has_3d": tf.cast(parsed["labels/has_3d"], tf.float32),
        "has_smpl": tf.cast(parsed["labels/has_smpl"], tf.float32),
        **{
            field: per_frame(name, shape) if "T" in shape else parsed[name]
            for name, (field, shape) in _FLOATS.items()
            if name.startswith("labels/")
        },
    }


def _check_lengths(fits: Any, name: str, lengths: Any, length: int, ids: Any) -> None:
    """Refuses records of another length, by a RecordError where one can be raised: not inside a graph."""
    import tensorflow as tf

    wanted = f"Records of {length} frames, or stills of one, with labels for each are needed. Received"
    if not tf.executing_eagerly():
        tf.debugging.Assert(tf.reduce_all(fits), [f"{wanted}: {name} of", ids, "with frames", lengths])
    elif not tf.reduce_all(fits):
        bad = int(tf.argmin(tf.cast(fits, tf.int32)))
        raise RecordError(f"{wanted}: {ids[bad].numpy().decode()} with {int(lengths[bad])} frames ({name})")


def parse_frames(serialised: Any, length: int) -> Any:
    """Only the JPEG strings [B, T] of serialised clips [B], inside a graph: unlabelled clips parse too."""
    import tensorflow as tf

    spec = {"frames/encoded": tf.io.FixedLenFeature([length], tf.string)}
    return tf.io.parse_example(serialised, spec)["frames/encoded"]
