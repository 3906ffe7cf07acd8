"""The body: layer and twin, their memory, loading, the joint regressor, and the smplx package where it is installed.

Figures (times are medians, wall clock; a pose is one body posed):
  layer_forward_ms_per_pose, layer_train_ms_per_pose   BodyLayer in a tf.function, whole mesh, forward and forward with
                                                       gradients to pose and betas: the slower of the batch sizes
  layer_{forward,train}_batch{N}_ms_per_pose           each batch size; ..._xla_... compiled with XLA
  skinning_{product,gather}_{forward,train}_ms_per_pose  the skinning step alone, batch 16: as the layer does it, and by
                                                       gathering each vertex's few transforms (--compare_skinning)
  layer_memory_kb_per_pose, twin_memory_kb_per_pose    growth of the process in a training step; NumPy's peak
  twin_ms_per_pose                                     NumpyBody on one core
  load_s                                               load_body, files in the page cache
  joint_error_max_mm                                   worst joint's mean distance between regressor and rig over people
                                                       that it was not fitted to, from the build (free bodies only)
  smplx_forward_ratio, smplx_train_ratio               our time over smplx's on PyTorch, same arrays, same batch, same
                                                       run: below 1 is faster (null without smplx)
  smplx_difference_m                                   largest difference of any vertex coordinate from smplx's
"""

from __future__ import annotations

import importlib.util
import json
import resource
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl
from absl import flags

from benchmarks.harness import Figure, Result, median_ms
from model import conventions
from model.body import files
from model.body.data import BodyData

FLAGS = flags.FLAGS
BATCHES = (16, 256)
TWIN_POSES = 64  # a clip's simulation has about as many frames
flags.DEFINE_integer("repeats", 15, "timed calls a figure, of which the median is printed", lower_bound=1)
flags.DEFINE_bool("compare_skinning", False, "measure skinning by gathered transforms too")


def run() -> Result:
    """Measures the neutral body that `--body` or MVIPER_BODY name."""
    began = time.perf_counter()
    data = files.load_body("neutral")
    load_s = time.perf_counter() - began
    inputs = {batch: _random_people(batch) for batch in BATCHES}
    figures = _layer_figures(data, inputs)
    for way in ("forward", "train"):
        times = (figures[f"layer_{way}_batch{batch}_ms_per_pose"] for batch in BATCHES)
        figures[f"layer_{way}_ms_per_pose"] = max(time for time in times if time is not None)
    figures |= _twin_figures(data)
    figures["load_s"] = load_s
    figures["joint_error_max_mm"] = _joint_error(data)
    if FLAGS.compare_skinning:
        figures |= _skinning_figures(data)
    figures |= _smplx_figures(data, inputs[BATCHES[0]], figures)
    settings = {"body": data.body_id, "vertices": data.num_vertices, "batches": BATCHES, "twin_poses": TWIN_POSES,
                "repeats": FLAGS.repeats}  # fmt: skip
    return Result(settings, figures)


def _random_people(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses [count, 72] and betas [count, 10], float32."""
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.3, (count, conventions.POSE_SIZE)).astype(np.float32)
    return pose, rng.normal(size=(count, conventions.NUM_BETAS)).astype(np.float32)


def _layer_figures(data: BodyData, inputs: dict[int, tuple[np.ndarray, np.ndarray]]) -> dict[str, Figure]:
    import tensorflow as tf

    from model.body.layer import BodyLayer

    layer = BodyLayer(data)
    figures: dict[str, Figure] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for batch, people in inputs.items():
        arguments = [tf.constant(x) for x in people]
        for name, compiled in (("", False), ("xla_", True)):
            forward, train = _both_ways(lambda p, b: layer(p, b, vertices=True).vertices, arguments, compiled)
            figures[f"layer_forward_{name}batch{batch}_ms_per_pose"] = median_ms(forward, FLAGS.repeats) / batch
            figures[f"layer_train_{name}batch{batch}_ms_per_pose"] = median_ms(train, FLAGS.repeats) / batch
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return figures | {"layer_memory_kb_per_pose": grown / max(inputs)}


def _both_ways(function: Callable, arguments: list[Any], compiled: bool) -> tuple[Callable, Callable]:
    """Calls of a TensorFlow function of tensors: forward, and forward with the gradients to all of them."""
    import tensorflow as tf

    @tf.function(jit_compile=compiled)
    def forward():
        return function(*arguments)

    weight = tf.random.stateless_normal(forward().shape, (0, 0))

    @tf.function(jit_compile=compiled)
    def train():
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            result = function(*arguments)
        return tape.gradient(result, arguments, output_gradients=weight)

    return lambda: forward().numpy(), lambda: [x.numpy() for x in train()]


def _skinning_figures(data: BodyData) -> dict[str, Figure]:
    """The skinning step of BATCHES[0] poses, as the layer does it and by gathering."""
    import tensorflow as tf

    from model.body.layer import BodyLayer, skin

    layer, batch = BodyLayer(data), BATCHES[0]
    coefficients = tf.random.stateless_normal((batch, conventions.NUM_BETAS + conventions.POSE_FEATURES), (1, 0))
    affine = tf.random.stateless_normal((batch, conventions.NUM_JOINTS, 3, 4), (2, 0))
    order = np.argsort(-data.weights, axis=1, kind="stable")[:, : int((data.weights > 0).sum(1).max())]
    weights = np.take_along_axis(data.weights, order, 1)

    def gather(coefficients, affine):
        rest = layer.full_mesh["template"] + tf.reshape(coefficients @ layer.full_mesh["directions"], (batch, 3, -1))
        transforms = tf.reshape(tf.transpose(affine, (0, 3, 2, 1)), (batch, 12, -1))
        blended = sum(tf.gather(transforms, order[:, k], axis=2) * weights[:, k] for k in range(order.shape[1]))
        linear, offset = tf.split(tf.reshape(blended, (batch, 4, 3, -1)), [3, 1], axis=1)
        return tf.transpose(tf.reduce_sum(linear * rest[:, :, None], 1) + offset[:, 0], (0, 2, 1))

    figures: dict[str, Figure] = {}
    for name, function in (("product", lambda c, a: skin(layer.full_mesh, c, a)), ("gather", gather)):
        for way, call in zip(("forward", "train"), _both_ways(function, [coefficients, affine], False), strict=True):
            figures[f"skinning_{name}_{way}_ms_per_pose"] = median_ms(call, FLAGS.repeats) / batch
    return figures


def _twin_figures(data: BodyData) -> dict[str, Figure]:
    from model.body.numpy_body import NumpyBody

    body, (pose, betas) = NumpyBody(data), _random_people(TWIN_POSES)
    with threadpoolctl.threadpool_limits(1):
        time_ms = median_ms(lambda: body(pose, betas[0]), FLAGS.repeats)
    tracemalloc.start()
    body(pose, betas[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"twin_ms_per_pose": time_ms / TWIN_POSES, "twin_memory_kb_per_pose": peak / 1024 / TWIN_POSES}


def _joint_error(data: BodyData) -> Figure:
    """Worst joint of the free bodies' build report; None for other bodies, whose rig is not known."""
    if not data.body_id.startswith(files.FREE):
        return None
    report = json.loads((files.ASSETS / "build_report.json").read_text())
    return max(joint["mean"] for joint in report["joint_error_mm"].values())


def _smplx_figures(data: BodyData, people: tuple[np.ndarray, np.ndarray], ours: dict[str, Figure]) -> dict[str, Figure]:
    """Ratios to smplx.lbs on PyTorch's CPU backend, and the largest difference of a coordinate."""
    if not all(importlib.util.find_spec(name) for name in ("smplx", "torch")):
        return {"smplx_forward_ratio": None, "smplx_train_ratio": None, "smplx_difference_m": None}
    import torch
    from smplx.lbs import lbs

    from model.body.numpy_body import NumpyBody

    pose, betas = (torch.from_numpy(x).requires_grad_() for x in people)
    constants = [torch.from_numpy(x) for x in (
        data.v_template, data.shapedirs, data.posedirs.reshape(-1, conventions.POSE_FEATURES).T.copy(),
        data.joint_regressor, np.array(conventions.PARENTS), data.weights,
    )]  # fmt: skip
    count = len(people[0])
    weight = torch.randn(count, data.num_vertices, 3)

    def forward():
        with torch.no_grad():
            return lbs(betas, pose, *constants)[0]

    def train():
        return torch.autograd.grad(lbs(betas, pose, *constants)[0], (pose, betas), weight)

    twin = np.concatenate([NumpyBody(data)(p[None], b)[0] for p, b in zip(*people, strict=True)])
    theirs = {way: median_ms(call, FLAGS.repeats) / count for way, call in (("forward", forward), ("train", train))}
    figures: dict[str, Figure] = {}
    for way, time_ms in theirs.items():
        figures[f"smplx_{way}_ms_per_pose"] = time_ms
        figures[f"smplx_{way}_ratio"] = (ours[f"layer_{way}_batch{count}_ms_per_pose"] or 0.0) / time_ms
    return figures | {"smplx_difference_m": float(np.abs(forward().numpy() - twin).max())}
