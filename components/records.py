"""The record layout: one tf.Example a clip. The one place that encodes and decodes it (schema.pbtxt beside it).

Poses, translations and 3D keypoints are in the camera frame of each frame (x right, y down, z forward), so that
vertices = body(pose, betas) + trans are what the camera sees. 2D keypoints are pixels of the encoded frames.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

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

    @property
    def length(self) -> int:
        """T."""
        return len(self.frames)


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


def _shape(shape: tuple[Any, ...], length: int) -> tuple[int, ...]:
    return tuple(length if s == "T" else s for s in shape)


def encode(clip: Clip) -> bytes:
    """A clip as a serialised tf.Example.

    Raises:
        RecordError: a label has the wrong shape or is not finite.
    """
    import tensorflow as tf

    def integers(*values: int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def floats(values):
        return tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(values)))

    def strings(values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    feature = {name: strings([getattr(clip, field).encode()]) for name, field in _BYTES.items()}
    feature["clip/fps"] = floats([clip.fps])
    feature["clip/length"] = integers(clip.length)
    feature["frames/encoded"] = strings(clip.frames)
    if clip.masks:
        feature["frames/mask"] = strings(clip.masks)
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
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def decode(serialised: bytes) -> Clip:
    """Inverse of encode.

    Raises:
        RecordError: the bytes are no tf.Example of this layout.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        feature = tf.train.Example.FromString(serialised).features.feature
        frames = list(feature["frames/encoded"].bytes_list.value)
        values: dict[str, Any] = {f: feature[n].bytes_list.value[0].decode() for n, f in _BYTES.items()}
        for name, (field, shape) in _FLOATS.items():
            flat = np.array(feature[name].float_list.value, np.float32)
            values[field] = flat.reshape(_shape(shape, len(frames)))
        height, width = feature["frames/size"].int64_list.value
        return Clip(
            **values,
            fps=feature["clip/fps"].float_list.value[0],
            frames=frames,
            masks=list(feature["frames/mask"].bytes_list.value),
            frame_size=(height, width),
            has_3d=bool(feature["labels/has_3d"].int64_list.value[0]),
            has_smpl=bool(feature["labels/has_smpl"].int64_list.value[0]),
        )
    except (DecodeError, ValueError, IndexError) as error:
        raise RecordError(
            f"A record is a tf.Example of the layout in components/records.py. Received: {error}"
        ) from error


def parse_spec(length: int) -> dict[str, Any]:
    """What tf.io.parse_example needs to read a batch of clips of `length` frames inside a graph."""
    import tensorflow as tf

    spec: dict[str, Any] = {name: tf.io.FixedLenFeature([], tf.string) for name in _BYTES}
    spec["clip/fps"] = tf.io.FixedLenFeature([], tf.float32)
    spec["frames/encoded"] = tf.io.FixedLenFeature([length], tf.string)
    spec["frames/mask"] = tf.io.FixedLenFeature([length], tf.string, [b""] * length)
    spec["frames/size"] = tf.io.FixedLenFeature([2], tf.int64)
    for name in ("labels/has_3d", "labels/has_smpl"):
        spec[name] = tf.io.FixedLenFeature([], tf.int64)
    for name, (_, shape) in _FLOATS.items():
        spec[name] = tf.io.FixedLenFeature(_shape(shape, length), tf.float32)
    return spec


def read(path: str | pathlib.Path) -> Iterator[Clip]:
    """Clips of one shard, in order.

    Raises:
        RecordError: the file is missing, truncated or holds something else.
    """
    import tensorflow as tf

    try:
        for serialised in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator():
            yield decode(serialised)
    except tf.errors.OpError as error:
        raise RecordError(f"A readable {SUFFIX} shard is needed. Received: {path} ({error.message})") from error


def find_shards(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """Shards of a split folder, sorted.

    Raises:
        RecordError: the folder is missing or holds none.
    """
    shards = sorted(pathlib.Path(folder).glob(f"*{SUFFIX}"))
    if not shards:
        raise RecordError(f"A folder with *{SUFFIX} shards is needed. Received: {folder}")
    return shards


def parse_batch(serialised: Any, length: int) -> dict[str, Any]:
    """Decodes serialised clips [B] inside a graph, under the names that training uses.

    Args:
        serialised: string tensor [B].
        length: frames T of every clip.

    Returns:
        "frames" [B, T] JPEG strings, "masks" [B, T] PNG strings (empty without masks), "frame_size" [B] pixels (frames
        are square), "body_id" [B], "fps" [B], "pose" [B, T, 72], "betas" [B, 10], "trans" [B, T, 3], "keypoints3d"
        [B, T, 19, 3], "keypoints3d_valid" [B, T, 19], "keypoints2d" [B, T, 19, 3] (pixels, visible), "has_3d" and
        "has_smpl" [B] as float32.
    """
    import tensorflow as tf

    parsed = tf.io.parse_example(serialised, parse_spec(length))
    return {
        "frames": parsed["frames/encoded"],
        "masks": parsed["frames/mask"],
        "frame_size": tf.cast(parsed["frames/size"][:, 1], tf.float32),
        "body_id": parsed["clip/body_id"],
        "fps": parsed["clip/fps"],
        "has_3d": tf.cast(parsed["labels/has_3d"], tf.float32),
        "has_smpl": tf.cast(parsed["labels/has_smpl"], tf.float32),
        **{field: parsed[name] for name, (field, _) in _FLOATS.items() if name.startswith("labels/")},
    }


def parse_frames(serialised: Any, length: int) -> Any:
    """Only the JPEG strings [B, T] of serialised clips [B], inside a graph: unlabelled clips parse too."""
    import tensorflow as tf

    spec = {"frames/encoded": tf.io.FixedLenFeature([length], tf.string)}
    return tf.io.parse_example(serialised, spec)["frames/encoded"]
