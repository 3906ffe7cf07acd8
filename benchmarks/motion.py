"""Motion: retargeting, MoSh and pose interpolation.

Figures (null where --mocap holds no file of the kind):
  retarget_frames_per_s      skeletons to SMPL's joints on one core, all BVH and AMC files, reading not counted
  read_frames_per_s          reading them
  limb_angle_error_deg       mean angle between source and result of upper arms, forearms, thighs and shanks, all files
  limb_angle_error_worst_deg the worst file's mean
  floor_error_cm             how far standing feet float or sink on the walks among the files (see --walks), worst frame
                             on five bodies from short to tall and light to heavy
  mosh_frames_per_s          both stages, the slowest C3D file; mosh_residual_mm is the worst file's mean
  mosh_shape_error_mm, mosh_pose_error_mm
                             mean vertex errors on synthetic people with known answer, 2 mm noise, 10 % missing markers
  mosh_memory_mb             growth of the process while the longest C3D file was solved
  distance_matrix_s          distance matrix of two sequences of 3,000 frames; distance_matrix_mb is its peak memory
"""

from __future__ import annotations

import pathlib
import resource
import time
import tracemalloc

import numpy as np
import threadpoolctl
from absl import flags

from benchmarks.harness import Figure, Result
from model import conventions
from model.body.data import BodyData
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import MotionError
from synthesis.motion import asf_amc, bvh, interpolation, library, placement, quality, retarget, skeletons
from synthesis.motion.mosh import quality as mosh_quality
from synthesis.motion.motion import Motion
from synthesis.motion.skeleton import SkeletonMotion

FLAGS = flags.FLAGS
flags.DEFINE_string("mocap", "../shared/mocap", "folder with motion capture files; the docs' figures are of CMU trials")
flags.DEFINE_list("walks", "02_01,07_01_reexported,12_01,131_01", "stems of files with nothing but walking")
MATRIX_FRAMES = 3000
# First two betas of the neutral body: the mean, short and tall, heavy and light people.
_SHAPES = np.array([[0.0, 0.0], [-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])


def run() -> Result:
    """Measures on the files below `--mocap` and on synthetic people."""
    try:
        paths = library.find_motion_files(FLAGS.mocap)
    except MotionError:
        paths = []
    skeletal = [path for path in paths if path.suffix.lower() in (".bvh", ".amc")]
    markers = [path for path in paths if path.suffix.lower() == ".c3d"]
    body = load_body("neutral")
    figures = _retarget_figures(skeletal, NumpyBody(body))
    figures |= _capture_figures(markers, body)
    shape, pose = mosh_quality.synthetic_errors(body)
    figures |= {"mosh_shape_error_mm": 1000 * shape, "mosh_pose_error_mm": 1000 * pose}
    figures |= _matrix_figures()
    settings = {"body": body.body_id, "files": len(paths), "walks": FLAGS.walks, "matrix_frames": MATRIX_FRAMES}
    return Result(settings, figures)


def _retarget_figures(paths: list[pathlib.Path], body: NumpyBody) -> dict[str, Figure]:
    names = ("retarget_frames_per_s", "read_frames_per_s", "limb_angle_error_deg", "limb_angle_error_worst_deg",
             "floor_error_cm")  # fmt: skip
    if not paths:
        return dict.fromkeys(names)
    errors, floor, seconds, frames = [], [], {"read": 0.0, "retarget": 0.0}, 0
    with threadpoolctl.threadpool_limits(1):
        for path in paths:
            began = time.perf_counter()
            skeleton = bvh.read_bvh(path) if path.suffix.lower() == ".bvh" else asf_amc.read_amc(path)
            read = time.perf_counter()
            motion = retarget.to_smpl(skeleton, path.stem)
            seconds["retarget"] += time.perf_counter() - read
            seconds["read"] += read - began
            frames += len(motion)
            mapped = skeletons.map_joints(skeleton.names, str(path))
            errors.append(float(quality.limb_angle_errors(skeleton, motion, mapped).mean()))
            if path.stem in FLAGS.walks:
                floor.append(_floor_error(skeleton, motion, mapped, body))
    values = (frames / seconds["retarget"], frames / seconds["read"], float(np.mean(errors)), max(errors),
              100 * max(floor) if floor else None)  # fmt: skip
    return dict(zip(names, values, strict=True))


def _floor_error(skeleton: SkeletonMotion, motion: Motion, mapped: dict[str, int], body: NumpyBody) -> float:
    """Largest distance of a standing foot from the floor over three bodies, metres."""
    worst = 0.0
    for shape in _SHAPES:
        betas = np.zeros(conventions.NUM_BETAS, np.float32)
        betas[: len(shape)] = shape
        placed = placement.place(motion, body, betas)
        report = quality.foot_report(skeleton, motion, mapped, body, betas, *placed)
        worst = max(worst, float(np.nanmax(np.abs(report.floor))))
    return worst


def _capture_figures(paths: list[pathlib.Path], body: BodyData) -> dict[str, Figure]:
    if not paths:
        return dict.fromkeys(("mosh_frames_per_s", "mosh_residual_mm", "mosh_memory_mb"))
    found, grown = [], []
    for path in paths:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found.append(mosh_quality.measure_capture(path, body))
        grown.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    return {
        "mosh_frames_per_s": min(f.frames_per_second for f in found),
        "mosh_residual_mm": 1000 * max(f.residual for f in found),
        "mosh_memory_mb": max(grown),
    }


def _matrix_figures() -> dict[str, Figure]:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 0.4, (2, MATRIX_FRAMES, conventions.POSE_SIZE)).astype(np.float32)
    began = time.perf_counter()
    interpolation.distance_matrix(first, second)
    seconds = time.perf_counter() - began
    tracemalloc.start()
    interpolation.distance_matrix(first, second)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"distance_matrix_s": seconds, "distance_matrix_mb": peak / 2**20}
