"""The input pipeline beside the training step that it feeds: records to augmented batches of clips.

Figures of the paper's config (224 px, T = 16) have no prefix, those of others their name. CPU time counts all threads.

  clips_per_s               by the clock, all cores: clips decoded once and kept in memory, augmented anew
  uncached_clips_per_s      the same where they do not fit: read, parsed, decoded, cropped and augmented
  cpu_ms_per_clip, uncached_cpu_ms_per_clip     of both
  parse_ms, square_ms       tf.Example to tensors; where to crop
  decode_ms, mask_ms        JPEGs and masks to crops, of a whole clip
  move_ms, recolour_ms, occlude_ms, floats_ms   augmentation (occlusion: of a clip that has it), and uint8 to float32
  jpeg_ms                   the JPEGs alone, decoded and thrown away: what no pipeline is faster than
  step_cpu_ms_per_clip      the video model's training step
  step_share, uncached_step_share               cpu_ms_per_clip over that
  inspect_ms_per_clip       the pass over the records before training
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags

from benchmarks.harness import Figure, Result, in_turns
from benchmarks.train import PAPER, clips_of, configs
from model.config import Config

FLAGS = flags.FLAGS
flags.DEFINE_string("input_data", "", "folder with shards to read; default: pictures made at random, of 250 pixels")
flags.DEFINE_integer("input_clips", 48, "clips that are made and drawn an epoch", lower_bound=4)
flags.DEFINE_integer("input_repeats", 3, "timed rounds, of which medians are printed", lower_bound=1)
flags.DEFINE_bool("input_step", True, "measure the training step too")

_SHARDS = 4
_FRAME = 250
# Share of a made frame that the figure is tall, and wide: as in generated data.
_FIGURE = (0.66, 0.25)
STAGES = ("parse", "square", "jpeg", "decode", "mask", "move", "recolour", "occlude", "floats")


def run() -> Result:
    """Measures every config on the same records."""
    from components import records

    chosen = configs()
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(FLAGS.input_data or made)
        if not FLAGS.input_data:
            write_records(folder, FLAGS.input_clips, next(iter(chosen.values())).model.clip_length)
        files = [str(path) for path in records.find_shards(folder)]
        for name, config in chosen.items():
            prefix = "" if name == PAPER else f"{name}_"
            figures |= {prefix + key: value for key, value in _measure(config, clips_of(name), files).items()}
    settings = {
        "data": FLAGS.input_data or "random", "configs": list(chosen), "clips": FLAGS.input_clips,
        "repeats": FLAGS.input_repeats, "cores": os.cpu_count(),
    }  # fmt: skip
    return Result(settings, figures)


def _measure(config: Config, step_clips: int, files: list[str]) -> dict[str, Figure]:
    from components import records
    from model.training.input import Source, TrainingData, inspect

    model = config.model
    parse = functools.partial(records.parse_batch, length=model.clip_length)
    source = Source(files, parse, _body_id(files))
    inventory = inspect(source, model)
    began = time.process_time()
    inspect(source, model)
    figures: dict[str, Figure] = {"inspect_ms_per_clip": 1000 * (time.process_time() - began) / inventory.clips}
    train = dataclasses.replace(config.video, batch_clips=4)
    # Both have all of their clips before the clock starts, and the same share of it goes into starting an epoch.
    cached, uncached = (
        TrainingData(source, inventory, model, dataclasses.replace(train, cache_gb=gigabytes), stills=False)
        for gigabytes in (1e6, 0.0)
    )
    clips = cached.steps_per_epoch * train.batch_clips
    rounds = in_turns({"": lambda: _drain(cached), "uncached_": lambda: _drain(uncached)}, FLAGS.input_repeats)
    for name, timed in rounds.items():
        figures[f"{name}clips_per_s"] = clips / timed.median_s
        figures[f"{name}cpu_ms_per_clip"] = 1000 * float(np.median(timed.cpu)) / clips
    figures |= _stage_figures(config, source)
    step = _step_cpu_ms(config, step_clips, uncached) if FLAGS.input_step else None
    figures["step_cpu_ms_per_clip"] = step
    for name in rounds:
        spent = figures[f"{name}cpu_ms_per_clip"]
        figures[f"{name}step_share"] = spent / step if step and spent else None
    return figures


def _drain(data: Any) -> None:
    for _ in data.epoch(0):
        pass


def _stage_figures(config: Config, source: Any) -> dict[str, Figure]:
    """CPU milliseconds a clip of each stage by itself."""
    import tensorflow as tf

    from model.crop import enlarged, person_squares
    from model.images import decode_frames, decode_masks, to_float
    from model.training import repaint
    from model.training.augment import field
    from model.training.movement import Movement

    size, strength = config.model.image_size, config.video.augmentation
    wide = 2 * round(size * field(strength) / 2)
    record = next(iter(tf.data.TFRecordDataset(source.files[:1], compression_type="GZIP")))[None]
    clip = source.parse(record)
    squares = enlarged(person_squares(clip["keypoints2d"], clip["frame_size"]), wide / size)[0]
    colours = decode_frames(clip["frames"][0], wide, squares)
    pixels = tf.concat([colours, decode_masks(clip["masks"][0], wide, squares)], -1).numpy()
    moved = Movement().images(pixels, size)
    images = np.ascontiguousarray(moved[..., :3])
    keypoints = np.zeros((len(images), 19, 3), np.float32)

    def jpeg(frame):
        return tf.reduce_max(tf.io.decode_jpeg(frame, channels=3))

    stages: dict[str, Callable] = {
        "parse": tf.function(lambda: source.parse(record)),
        "square": tf.function(lambda: person_squares(clip["keypoints2d"], clip["frame_size"])),
        "jpeg": tf.function(lambda: tf.map_fn(jpeg, clip["frames"][0], fn_output_signature=tf.uint8)),
        "decode": tf.function(lambda: decode_frames(clip["frames"][0], wide, squares)),
        "mask": tf.function(lambda: decode_masks(clip["masks"][0], wide, squares)),
        "move": lambda: Movement.draw(np.random.default_rng(0), strength).images(pixels, size),
        "recolour": lambda: repaint.recolour(images, moved[..., 3], np.random.default_rng(0), strength),
        "occlude": lambda: repaint.occlude(images, keypoints, np.random.default_rng(0)),
        "floats": lambda: to_float(tf.constant(images)),
    }
    repeats = 4 * FLAGS.input_repeats
    rounds = in_turns({name: stages[name] for name in STAGES}, repeats, warm_up=2)
    return {f"{name}_ms": 1000 * sum(timed.cpu) / repeats for name, timed in rounds.items()}


def _step_cpu_ms(config: Config, clips: int, data: Any) -> float:
    """CPU milliseconds a clip of the video model's training step on real batches."""
    import keras

    from model.body.files import load_body
    from model.body.layer import BodyLayer
    from model.training import devices
    from model.training.mesh_trainer import MeshTrainer
    from model.training.schedules import StageRate, build_optimizer
    from model.video_model import VideoModel

    images, labels = next(iter(data.epoch(0)))
    with devices.placed() as placement:
        video = VideoModel(config.model)
        video.build((None, *images.shape[1:]))
        trainer = MeshTrainer(video, BodyLayer(load_body("neutral")), config.loss)
        optimizer = build_optimizer(config.video, StageRate(config.video, 1000))
        trainer.compile(optimizer=optimizer, jit_compile=placement.jit_compile)
        optimizer.build(trainer.trainable_variables)
        images, labels = keras.tree.map_structure(lambda value: value[:clips], (images, labels))
        rounds = in_turns({"step": lambda: trainer.train_on_batch(images, labels)}, FLAGS.input_repeats)
    return 1000 * float(np.median(rounds["step"].cpu)) / len(images)


def _body_id(files: list[str]) -> str:
    from components import records

    return next(records.read(files[0])).body_id


def write_records(folder: pathlib.Path, count: int, length: int) -> None:
    """Clips of a blotch before other blotches, with masks: JPEGs and PNGs of about the size of generated ones."""
    import cv2

    from components import records, tfrecord
    from model.body.files import load_body
    from model.training import repaint

    body_id = load_body("neutral").body_id
    height, width = (round(share * _FRAME) for share in _FIGURE)
    top = (_FRAME - height) // 2

    def clip(number: int) -> records.Clip:
        rng = np.random.default_rng(number)
        backdrop, figure = (repaint.blotches(rng, _FRAME) for _ in range(2))
        lefts = (_FRAME - width) // 2 + np.rint(10 * np.sin(np.arange(length) / 3 + number)).astype(int)
        corners = np.stack([lefts, np.full(length, top)], -1)[:, None]
        points = corners + rng.uniform(0, 1, (length, 19, 2)) * [width, height]
        frames, masks = [], []
        for left in lefts:
            mask = cv2.ellipse(
                np.zeros((_FRAME, _FRAME), np.uint8), (int(left) + width // 2, _FRAME // 2), (width // 2, height // 2),
                0, 0, 360, 1, -1,
            )  # fmt: skip
            picture = np.where(mask[..., None], figure, backdrop).astype(float) + rng.normal(0, 4, (_FRAME, _FRAME, 3))
            picture = np.clip(picture, 0, 255).astype(np.uint8)
            frames.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
            masks.append(cv2.imencode(".png", mask)[1].tobytes())
        return records.Clip(
            clip_id=f"random-{number}", source="random", subject="", action="", camera="", body_id=body_id, fps=15.0,
            frames=frames, masks=masks, frame_size=(_FRAME, _FRAME), pose=rng.normal(0, 0.2, (length, 72)),
            betas=rng.normal(size=10), trans=np.zeros((length, 3)), keypoints3d=rng.normal(size=(length, 19, 3)),
            keypoints3d_valid=np.ones((length, 19)), keypoints2d=np.dstack([points, np.ones((length, 19))]),
            has_3d=True, has_smpl=True, intrinsics=np.eye(3), extrinsics=np.zeros((length, 3, 4)),
        )  # fmt: skip

    for shard in range(_SHARDS):
        content = tfrecord.pack([records.encode(clip(number)) for number in range(shard, count, _SHARDS)])
        (folder / f"{shard}{records.SUFFIX}").write_bytes(content)
