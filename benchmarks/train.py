"""A training step of the frame and the video model beside one of their bare encoder, random pictures and labels.

A step is forward, backward and Adam with clipping, warm, through the same code as training (Keras' trainer, the losses,
XLA where training uses it). "Bare" is the encoder alone in its training mode on the same pictures: forward, backward
from the mean square of phi, Adam with clipping over its own weights. The steps take turns in one process; ratios are
medians over the rounds. Figures of the paper's config (ResNet-50 v2, 224 px, T = 16) have no prefix, those of other
configs their name, and bfloat16's `bf16_`:

  encoder_step_s_per_clip, frame_step_s_per_clip, video_step_s_per_clip   by the clock
  frame_step_ratio, video_step_ratio            over the bare encoder's; ..._cpu_ratio: of CPU seconds
  {attention,lstm,initial_state,regressor,body_losses,optimizer}_s_per_clip   what the video model adds, each part by
                                                itself, forward and backward over the clip's T steps; optimizer: Adam
                                                over the weights outside of the encoder
  xla_encoder_step_s_per_clip                   the bare step compiled with XLA (--compare_xla)
  clips_per_s, stills_per_s                     of the video and of the frame model's step
  arithmetic_share                              of --peak_tflops that the video model's step uses: 3 x forward, a
                                                multiplication with its addition being two operations, of all
                                                convolutions and dense layers (backward is two products for each one)
  tflop_per_clip                                that count
  peak_memory_mb                                of the process after the video model's steps, before there is another
                                                model (first config only); device_memory_mb: of the accelerator
"""

from __future__ import annotations

import dataclasses
import math
import resource
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks.harness import Figure, Result, Rounds, in_turns
from model import conventions
from model.config import Config
from model.errors import ConfigError

FLAGS = flags.FLAGS
flags.DEFINE_list("network_configs", ["paper", "demo"], "configs to measure, by name")
flags.DEFINE_integer("network_clips", 0, "clips a batch; 0: 1 for the paper's config, 4 for others", lower_bound=0)
flags.DEFINE_integer("network_repeats", 3, "timed rounds, of which medians are printed", lower_bound=1)
flags.DEFINE_list("precisions", ["float32"], "of products and activations: float32, bfloat16")
flags.DEFINE_list("peak_tflops", [], "the accelerator's dense peak for each of --precisions; default: shares are null")
flags.DEFINE_bool("compare_xla", False, "measure the bare encoder's step compiled with XLA too")

PAPER = "paper"
PREFIXES = {"float32": "", "bfloat16": "bf16_"}
PARTS = ("attention", "lstm", "initial_state", "regressor", "body_losses", "optimizer")
FIGURES = (
    "encoder_step_s_per_clip", "frame_step_s_per_clip", "video_step_s_per_clip", "frame_step_ratio", "video_step_ratio",
    "frame_step_cpu_ratio", "video_step_cpu_ratio", *(f"{part}_s_per_clip" for part in PARTS),
    "xla_encoder_step_s_per_clip", "clips_per_s", "stills_per_s", "tflop_per_clip", "arithmetic_share",
    "peak_memory_mb", "device_memory_mb",
)  # fmt: skip


def configs() -> dict[str, Config]:
    """The configs of --network_configs, encoders with random weights.

    Raises:
        ConfigError: there is none of that name.
    """
    from pipeline.configs import CONFIGS

    for name in FLAGS.network_configs:
        if name not in CONFIGS:
            raise ConfigError(f"Configs are {', '.join(CONFIGS)}. Received: {name}")
    chosen = {name: CONFIGS[name] for name in FLAGS.network_configs}
    return {
        name: dataclasses.replace(config, model=dataclasses.replace(config.model, encoder_weights=""))
        for name, config in chosen.items()
    }


def clips_of(name: str) -> int:
    """Clips in a batch of a config."""
    return FLAGS.network_clips or (1 if name == PAPER else 4)


def run() -> Result:
    """Measures every config in every precision."""
    import keras

    unknown = set(FLAGS.precisions) - set(PREFIXES)
    if unknown or len(FLAGS.peak_tflops) not in (0, len(FLAGS.precisions)):
        raise ConfigError(
            f"Precisions are {', '.join(PREFIXES)}, with a peak each or none. Received: --precisions="
            f"{','.join(FLAGS.precisions)} --peak_tflops={','.join(FLAGS.peak_tflops)}"
        )
    figures: dict[str, Figure] = {}
    for name, config in configs().items():
        for index, precision in enumerate(FLAGS.precisions):
            peak = float(FLAGS.peak_tflops[index]) if FLAGS.peak_tflops else None
            found = _measure(config, clips_of(name), precision, peak)
            prefix = PREFIXES[precision] + ("" if name == PAPER else f"{name}_")
            if figures:  # the peak of the process is that of an earlier config
                found["peak_memory_mb"] = None
            figures |= {prefix + key: found.get(key) for key in FIGURES}
    settings = {
        "backend": keras.backend.backend(), "precisions": FLAGS.precisions, "repeats": FLAGS.network_repeats,
        **{f"{name}_clips": clips_of(name) for name in configs()}, "bare": "forward, backward and Adam of the encoder",
    }  # fmt: skip
    return Result(settings, figures)


def _measure(config: Config, clips: int, precision: str, peak_tflops: float | None) -> dict[str, Figure]:
    import keras

    from model.body.files import load_body
    from model.body.layer import BodyLayer
    from model.encoder import build_encoder
    from model.frame_model import FrameModel
    from model.training import devices
    from model.training.mesh_trainer import MeshTrainer
    from model.training.summation import fixed_order
    from model.video_model import VideoModel

    keras.utils.set_random_seed(0)
    settings, repeats = config.model, FLAGS.network_repeats
    size, length = settings.image_size, settings.clip_length
    images = np.random.default_rng(0).random((clips, length, size, size, 3), np.float32)
    labels, stills = _labels((clips, length)), _labels((clips * length,))
    body = BodyLayer(load_body("neutral"))
    with devices.placed() as placement, devices.precision(precision), fixed_order():
        jit = placement.jit_compile

        def step(trainer: keras.Model, images, labels=(), optimizer=None, jit_compile=jit) -> Callable[[], object]:
            trainer.compile(optimizer=optimizer or _adam(config), jit_compile=jit_compile)
            trainer.optimizer.build(trainer.trainable_variables)
            images, labels = keras.tree.map_structure(keras.ops.convert_to_tensor, (images, labels))
            return lambda: trainer.train_on_batch(images, labels or None, return_dict=True)

        video = VideoModel(settings)
        video.build((None, *images.shape[1:]))
        steps = {"video": step(MeshTrainer(video, body, config.loss), images, labels)}
        in_turns(steps, 1)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        device_memory = _device_memory_mb()

        frame = FrameModel(settings)
        frame.build((None, size, size, 3))
        frames = images.reshape(-1, size, size, 3)
        steps["frame"] = step(MeshTrainer(frame, body, config.loss), frames, stills)
        steps["encoder"] = step(_bare(build_encoder(settings)), frames)
        if FLAGS.compare_xla:
            steps["xla_encoder"] = step(_bare(build_encoder(settings)), frames, jit_compile=True)
        timed = in_turns(steps, repeats)

        nothing = np.zeros((clips, 1), np.float32)
        parts = {name: step(part, nothing, optimizer=_reader()) for name, part in _parts(video, clips, length).items()}
        parts["body_losses"] = step(
            MeshTrainer(_theta_only(clips, length), body, dataclasses.replace(config.loss, heatmaps=0.0)),
            nothing, labels, _reader(),
        )  # fmt: skip
        parts["optimizer"] = step(_weights_only(video), nothing)
        timed_parts = in_turns(parts, repeats, warm_up=2)
    tflop = 3 * forward_flop(video, length) / 1e12
    return {
        **_step_figures(timed, clips, length),
        **{f"{name}_s_per_clip": rounds.median_s / clips for name, rounds in timed_parts.items()},
        "tflop_per_clip": tflop,
        "arithmetic_share": peak_tflops and tflop * clips / timed["video"].median_s / peak_tflops,
        "peak_memory_mb": memory,
        "device_memory_mb": device_memory,
    }


def _step_figures(timed: dict[str, Rounds], clips: int, length: int) -> dict[str, Figure]:
    figures: dict[str, Figure] = {f"{name}_step_s_per_clip": rounds.median_s / clips for name, rounds in timed.items()}
    for name in ("frame", "video"):
        figures[f"{name}_step_ratio"] = timed[name].ratio(timed["encoder"])
        figures[f"{name}_step_cpu_ratio"] = timed[name].cpu_ratio(timed["encoder"])
    figures["clips_per_s"] = clips / timed["video"].median_s
    figures["stills_per_s"] = clips * length / timed["frame"].median_s
    return figures


def forward_flop(video: Any, length: int) -> int:
    """Operations of a clip's forward pass: two for each multiplication of a convolution or dense layer.

    Of a convolution: 2 x output height x width x kernel size; of a dense layer: 2 x kernel size x rows. The encoder
    runs T times; so do the LSTM, the query, and the L rows of the attention's keys and scores, and the attention's sum
    over L x D; the regressor's product with phi T times, its others T x iterations times; the initial state once.
    """
    encoder = 0
    for layer in video.encoder.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            encoder += 2 * math.prod(layer.output.shape[1:-1]) * math.prod(kernel.shape)
    annotations = video.encoder.output[1].shape[1:]
    attention, cell, regressor = video.attention, video.cell, video.regressor
    rows = {
        attention.key: annotations[0], attention.score: annotations[0], attention.query: 1,
        cell.from_features: 1, cell.from_feedback: 1, regressor.from_features: 1,
        **{layer: regressor.iterations for layer in (regressor.from_theta, regressor.hidden, regressor.increment)},
    }  # fmt: skip
    a_step = sum(2 * count * math.prod(layer.kernel.shape) for layer, count in rows.items())
    a_step += 2 * math.prod(annotations)
    start = sum(2 * math.prod(layer.kernel.shape) for layer in video.initial_state.layers)
    return length * (encoder + a_step) + start


def _adam(config: Config):
    from model.training.schedules import StageRate, build_optimizer

    return build_optimizer(config.video, StageRate(config.video, 1000))


def _labels(lead: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Random labels with all terms of the loss on."""
    rng = np.random.default_rng(1)
    shapes = {
        "pose": (conventions.POSE_SIZE,), "betas": (conventions.NUM_BETAS,),
        "keypoints3d": (conventions.NUM_KEYPOINTS, 3), "keypoints2d": (conventions.NUM_KEYPOINTS, 3),
    }  # fmt: skip
    labels = {name: rng.uniform(0.1, 0.9, (*lead, *shape)) for name, shape in shapes.items()}
    labels |= {"has_3d": np.ones(lead), "has_smpl": np.ones(lead)}
    labels["keypoints3d_valid"] = np.ones((*lead, conventions.NUM_KEYPOINTS))
    return {name: value.astype(np.float32) for name, value in labels.items()}


def _model(parts: Sequence[Any], inputs: dict[str, tuple[int, ...]], function: Callable):
    """A Keras model whose training step is forward and backward of a function of layers and of random inputs.

    The inputs are weights, so that the backward pass goes to them too.
    """
    import keras

    class Part(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = list(parts)
            draw = keras.initializers.RandomNormal(stddev=0.3, seed=0)
            self.given = {k: self.add_weight(shape=shape, initializer=draw, name=k) for k, shape in inputs.items()}
            self.built = True

        def call(self, x, training=None):
            given = {name: keras.ops.cast(value, self.compute_dtype) for name, value in self.given.items()}
            return function(x, training=training, **given)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.ops.mean(keras.ops.square(keras.ops.cast(y_pred, "float32")))

    return Part()


def _bare(encoder):
    return _model([encoder], {}, lambda images, training: encoder(images, training=training)[0])


def _parts(video, clips: int, length: int) -> dict[str, Any]:
    """The video model's parts, each in a loop of its own with inputs of the sizes that it meets."""
    from keras import ops

    phi_shape, map_shape = (output.shape[1:] for output in video.encoder.output)
    width, steps = video.config.lstm_width, range(length)

    def attention(_, annotations, states, training):
        keys = ops.unstack(video.attention.keys(annotations), length, axis=1)
        frames, query = ops.unstack(annotations, length, axis=1), video.attention.queries(length, clips, training)
        return ops.stack([video.attention(frames[t], keys[t], query(states[t]))[0] for t in steps])

    def lstm(_, features, feedback, states, training):
        gates, hidden = video.cell.products(features, training), states[0]
        memory, outputs = ops.cast(states[1], "float32"), []
        for t in steps:
            hidden = ops.cast(hidden, features.dtype)
            hidden, memory = video.cell(gates(ops.concatenate([feedback[t], hidden], -1)), memory)
            outputs.append(hidden)
        return ops.stack(outputs)

    def regressor(_, states, training):
        products, theta = video.regressor.products(length, clips, training), video.mean_theta(states[0])
        thetas = []
        for t in steps:
            theta = video.regressor(states[t], theta, training=training, products=products)
            thetas.append(theta)
        return ops.stack(thetas)

    states = (length, clips, width)
    fed_back = (length, clips, map_shape[-1] + conventions.THETA_SIZE)
    return {
        "attention": _model(
            [video.attention], {"annotations": (clips, length, *map_shape), "states": states}, attention
        ),
        "lstm": _model(
            [video.cell], {"features": (length, clips, *phi_shape), "feedback": fed_back, "states": states}, lstm
        ),
        "regressor": _model([video.regressor, video.mean_theta], {"states": states}, regressor),
        "initial_state": _model(
            [video.initial_state], {"phi": (clips, *phi_shape)}, lambda _, phi, training: video.initial_state(phi)
        ),
    }


def _theta_only(clips: int, length: int):
    """A network for MeshTrainer that has nothing but its output."""
    import keras

    class ThetaOnly(keras.Model):
        def __init__(self):
            super().__init__()
            draw = keras.initializers.RandomNormal(stddev=0.3, seed=0)
            self.theta = self.add_weight(shape=(clips, length, conventions.THETA_SIZE), initializer=draw, name="theta")
            self.built = True

        def call(self, x, training=None, return_features=False):
            theta = keras.ops.cast(self.theta, "float32")
            return theta, theta[..., None]

    return ThetaOnly()


def _weights_only(video):
    """A model of the weights that the video model adds, whose gradients cost one pass over them."""
    import keras

    added = [video.attention, video.cell, video.regressor, video.initial_state]

    def function(_, training):
        return sum(keras.ops.mean(weight) for part in added for weight in part.trainable_variables)

    return _model(added, {}, function)


def _reader():
    """An optimiser that reads every gradient, so that the compiler drops none, and changes nothing."""
    import keras

    class Reader(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.seen = keras.Variable(0.0, trainable=False, name="seen")
            self._track_variable(self.seen)

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.seen, keras.ops.sum(keras.ops.cast(gradient, "float32")))

    return Reader(0.0)


def _device_memory_mb() -> Figure:
    """Peak memory of the first GPU in this process; None without one."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        statistics = jax.local_devices()[0].memory_stats()
        return statistics["peak_bytes_in_use"] / 2**20 if statistics else None
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
