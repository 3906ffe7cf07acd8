"""The exported video model on clips of JPEG crops, beside the forward pass of its bare encoder on the same pictures.

The model has random weights and is written by the code that exports trained ones. Everything takes turns in one
process; ratios are medians over the rounds. Figures of the paper's config (ResNet-50 v2, 224 px, T = 16) have no
prefix, those of other configs their name. REST and gRPC are not in it.

  encoder_ms_per_frame         bare: the encoder alone, images -> phi
  core_ms_per_frame            images -> Theta and the body's keypoints, as the signature `clip` does after decoding
  video_ratio                  core over bare; ..._cpu_ratio: of CPU seconds
  frames_per_s                 of the core
  {network,body,body_vertices,decode}_ms_per_frame   stages: images -> Theta; Theta -> keypoints; Theta -> the whole
                               mesh; JPEGs of the config's size -> images
  clip_ms_per_frame, clip_vertices_ms_per_frame      the SavedModel's signatures, JPEG strings in, arrays out
  clip_ratio                   the signature `clip` over bare
  load_s, first_call_s         reading the SavedModel; its first clip
  saved_model_mb, peak_memory_mb
"""

from __future__ import annotations

import pathlib
import resource
import tempfile
import time
from typing import Any

import numpy as np
from absl import flags

import benchmarks.train
from benchmarks.harness import Figure, Result, in_turns
from model import conventions
from model.config import ModelConfig

FLAGS = flags.FLAGS


def run() -> Result:
    """Measures the configs of --network_configs."""
    figures: dict[str, Figure] = {}
    configs = benchmarks.train.configs()
    for name, config in configs.items():
        found = _measure(config.model, benchmarks.train.clips_of(name))
        prefix = "" if name == benchmarks.train.PAPER else f"{name}_"
        figures |= {prefix + key: value for key, value in found.items()}
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    settings = {
        "repeats": FLAGS.network_repeats, **{f"{name}_clips": benchmarks.train.clips_of(name) for name in configs},
        "bare": "forward pass of the encoder", "core": "images to Theta and keypoints",
    }  # fmt: skip
    return Result(settings, figures)


def _measure(config: ModelConfig, clips: int) -> dict[str, Figure]:
    import keras
    import tensorflow as tf

    from model.body.files import load_body
    from model.body.layer import BodyLayer
    from model.images import decode_clips
    from model.video_model import VideoModel

    keras.utils.set_random_seed(0)
    size, length = config.image_size, config.clip_length
    data = load_body("neutral")
    body, network = BodyLayer(data), VideoModel(config)
    network.build((None, length, size, size, 3))
    jpegs = _jpegs(clips, config)
    images = decode_clips(jpegs, size)
    theta = tf.random.stateless_normal((clips, length, conventions.THETA_SIZE), (0, 0), 0.0, 0.3)

    def pose(theta, vertices=False):
        posed = body(theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE], vertices=vertices)
        return posed.vertices if vertices else posed.keypoints

    functions = {
        "encoder": (lambda images: network.encoder(tf.reshape(images, (-1, size, size, 3)), training=False)[0], images),
        "core": (lambda images: pose(network(images, training=False)), images),
        "network": (lambda images: network(images, training=False), images),
        "body": (pose, theta),
        "body_vertices": (lambda theta: pose(theta, vertices=True), theta),
        "decode": (lambda jpegs: decode_clips(jpegs, size), jpegs),
    }
    calls = {name: _call(tf.function(function), argument) for name, (function, argument) in functions.items()}
    with tempfile.TemporaryDirectory() as folder:
        calls |= (saved := _saved_calls(pathlib.Path(folder), network, data, jpegs))[0]
        timed = in_turns(calls, FLAGS.network_repeats)
    frames = clips * length
    return {
        **{f"{name}_ms_per_frame": 1000 * rounds.median_s / frames for name, rounds in timed.items()},
        "video_ratio": timed["core"].ratio(timed["encoder"]),
        "video_cpu_ratio": timed["core"].cpu_ratio(timed["encoder"]),
        "frames_per_s": frames / timed["core"].median_s,
        "clip_ratio": timed["clip"].ratio(timed["encoder"]),
        **saved[1],
    }


def _saved_calls(folder: pathlib.Path, network: Any, data: Any, jpegs: Any) -> tuple[dict, dict[str, Figure]]:
    """Calls of the exported model's signatures, and what loading it took."""
    import tensorflow as tf

    from model.config import Config
    from pipeline.export import export_network
    from serving import signatures

    export_network(folder / "1", network, Config(model=network.config), data)
    began = time.perf_counter()
    loaded = tf.saved_model.load(str(folder / "1"))
    loading = time.perf_counter() - began
    calls = {name: _call(loaded.signatures[name], jpegs) for name in (signatures.CLIP, signatures.CLIP_VERTICES)}
    began = time.perf_counter()
    calls[signatures.CLIP]()
    figures: dict[str, Figure] = {"load_s": loading, "first_call_s": time.perf_counter() - began}
    bytes_written = sum(
        path.stat().st_size for part in ("variables", "saved_model.pb") for path in _files(folder / "1" / part)
    )
    return calls, {**figures, "saved_model_mb": bytes_written / 2**20}


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def _call(function: Any, argument: Any):
    """A call that ends when its results are there."""
    import tensorflow as tf

    return lambda: tf.nest.map_structure(lambda x: x.numpy(), function(argument))


def _jpegs(clips: int, config: ModelConfig):
    """Noise that is smooth, as pictures are: JPEG strings [clips, T] of the network's size."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (clips * config.clip_length, 28, 28, 3))
    pictures = tf.cast(tf.clip_by_value(tf.image.resize(coarse, [config.image_size] * 2, "bicubic"), 0, 255), tf.uint8)
    return tf.reshape([tf.io.encode_jpeg(picture, quality=95) for picture in pictures], (clips, -1))
