"""The paper's comparison (tables 2 and 3) on generated data: video model, HMR*, frame model, SMPLify, mean pose.

Trained for every seed, by the code of `mviper train`: the frame model; HMR*, which is the frame model trained further
on stills with HMR's adversarial prior, for as many CPU seconds as the video model; the video model, from the same frame
model. All see the same clips, and none sees the people and motions of the eval split, on which every method is judged.
SMPLify is given the labelled 2D keypoints. Figures, METHOD being video, hmr_star, frame, smplify or mean_pose:

  METHOD_{mpjpe_mm,pa_mpjpe_mm,mpvpe_mm,mrvpv_l1_m,mrvpv_l2_m,mrsv_l1,mrsv_l2,accel_mm_s2}   mean over the seeds
  METHOD_..._spread              largest less smallest of the seeds, of what is trained
  ratio_METRIC, ratio_METRIC_spread   video over HMR*; the paper's: 0.74, 0.78, 0.75, 0.94 (L1), 0.67 (L1), 0.91 (L2)
  {frame,hmr,video}_stage_minutes     of training by the clock, mean over the seeds; _cpu_s: CPU seconds
  train_clips, eval_clips

Everything is kept in --accuracy_out: the same command goes on where an interrupted one stopped, and does nothing twice.
Seeds may be trained by several commands side by side (--accuracy_seeds=0, --accuracy_seeds=1); one of all gathers them.
Tables are printed too, to standard error, and go to tables.txt there.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
import time
from typing import Any

import numpy as np
from absl import flags

from benchmarks.harness import Figure, Result
from model.config import Config
from model.errors import ConfigError
from model.storage import write_json, written_aside
from pipeline.cli import flag_groups
from synthesis.scene.plan import PlanSettings

FLAGS = flags.FLAGS
flags.DEFINE_list("accuracy_seeds", ["0", "1", "2"], "seeds to train from, on the same data")
flags.DEFINE_string("accuracy_data", "", "folder with train/ and eval/ shards; default: generated in --accuracy_out")
flags.DEFINE_string("accuracy_out", "accuracy", "folder of data, models and results")
flags.DEFINE_bool("accuracy_smplify", True, "judge SMPLify too")
flag_groups.define_config("small")

# 96 + 16 people, each in 2 windows seen by 4 cameras: 768 training and 128 test clips, less what fails its gates.
DATA = PlanSettings(
    train_simulations=96, eval_simulations=16, windows=2, length=16, stride=2, edge_length=0.035,
    camera_modes=("translating", "rotating"),
)  # fmt: skip
MAX_FAILURE_RATE = 0.35

# Stage of training -> name of what it makes.
TRAINED = {"frame": "frame", "hmr": "hmr_star", "video": "video"}
METHODS = ("mean_pose", "smplify", "frame", "hmr_star", "video")
METRICS = (
    "mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm", "mrvpv_l1_m", "mrvpv_l2_m", "mrsv_l1", "mrsv_l2", "accel_mm_s2",
)  # fmt: skip
TABLES = {
    "Table 2: joints": ("mpjpe_mm", "pa_mpjpe_mm"),
    "Table 3: meshes": ("mpvpe_mm", "mrvpv_l1_m", "mrvpv_l2_m", "mrsv_l1", "mrsv_l2"),
}
RESULT = "metrics.json"


def run() -> Result:
    """Makes what is missing and prints what all of it reached."""
    from components import records, tfrecord
    from components.evaluation import evaluate

    config, out = flag_groups.config(), pathlib.Path(FLAGS.accuracy_out)
    data = pathlib.Path(FLAGS.accuracy_data) if FLAGS.accuracy_data else _generated(out / "data")
    train, test = (records.find_shards(data / split) for split in ("train", "eval"))
    # method -> metrics of every seed
    found: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    seeds = _seeds()
    for seed in seeds:
        folder = out / f"seed{seed}"
        for stage, name in TRAINED.items():
            found[name].append(_trained(stage, _seeded(config, seed), folder, train, test))
    # The mean pose's metrics come with every method's.
    found["mean_pose"] = [{name: found["frame"][0][f"mean_pose_{name}"] for name in METRICS}]
    if FLAGS.accuracy_smplify:
        found["smplify"] = [_smplify(out / "smplify", config.model.clip_length, train, test)]
    figures = summary(found)
    printed = tables(figures)
    with written_aside(out / "tables.txt") as aside:
        aside.write_text(printed)
    print(printed, file=sys.stderr)
    clips = {"train_clips": tfrecord.count(train), "eval_clips": tfrecord.count(test)}
    settings = {
        "config": FLAGS.config, "digest": config.digest(), "seeds": seeds, "data": str(data),
        "data_sha256": _short(evaluate.digest([*train, *test])),
    }  # fmt: skip
    return Result(settings, {**figures, **clips})


def _seeds() -> list[int]:
    try:
        return [int(seed) for seed in FLAGS.accuracy_seeds]
    except ValueError:
        raise ConfigError(f"Seeds are whole numbers. Received: {','.join(FLAGS.accuracy_seeds)}") from None


def _generated(folder: pathlib.Path) -> pathlib.Path:
    """The dataset of DATA, generated as far as it is not there yet."""
    from components import synthesis_job
    from synthesis.scene.plan import draw_plan

    synthesis_job.run(draw_plan(DATA), folder, MAX_FAILURE_RATE)
    return folder


def _seeded(config: Config, seed: int) -> Config:
    stages = {name: dataclasses.replace(getattr(config, name), seed=seed) for name in TRAINED}
    return dataclasses.replace(config, **stages)


def _trained(stage: str, config: Config, folder: pathlib.Path, train, test) -> dict[str, float]:
    """Trains one stage, or takes it as it is, and judges it.

    Returns:
        Metrics, and "minutes" and "cpu_s" of the training as far as this command's last run did it.
    """
    from components.evaluation import evaluate, methods
    from pipeline import trainer_module

    base = None if stage == "frame" else str(folder / "frame")
    result = folder / stage / RESULT
    began, began_cpu = time.perf_counter(), time.process_time()
    trained = trainer_module.train(
        stage, config.to_dict(), [str(path) for path in train], [str(path) for path in test],
        str(folder / stage), str(folder / "logs" / stage), base,
    )  # fmt: skip
    spent = {"minutes": (time.perf_counter() - began) / 60, "cpu_s": time.process_time() - began_cpu}
    if trained or not result.is_file():
        judged = evaluate.evaluate(methods.network(folder / stage), test, config.model.clip_length)
        write_json(result, judged.overall | spent)
    return json.loads(result.read_text())


def _smplify(folder: pathlib.Path, length: int, train, test) -> dict[str, float]:
    """SMPLify with the training set's mean pose and a prior fitted to its poses."""
    from components.evaluation import evaluate, methods, training_set
    from model.baselines.pose_prior import PosePrior
    from model.baselines.smplify import Smplify, SmplifySettings
    from model.body.files import load_body
    from model.body.layer import BodyLayer

    digest = _short(evaluate.digest([*train, *test]))
    if (folder / RESULT).is_file():
        earlier = json.loads((folder / RESULT).read_text())
        if earlier["data"] == digest:
            return earlier["metrics"]
    body = BodyLayer(load_body("neutral"))
    known = training_set.read(train, body.body_id)
    mean_theta = known.mean_theta()
    fitter = Smplify(body, PosePrior.fit(known.pose, seed=0), mean_theta, SmplifySettings())
    judged = evaluate.evaluate(methods.smplify(fitter, mean_theta, body), test, length).overall
    write_json(folder / RESULT, {"data": digest, "metrics": judged})
    return judged


def summary(found: dict[str, list[dict[str, float]]]) -> dict[str, Figure]:
    """Figures of method -> metrics of every seed; methods without any give None."""
    figures: dict[str, Figure] = {}
    for method, seeds in found.items():
        for metric in METRICS:
            values = [seed[metric] for seed in seeds]
            figures[f"{method}_{metric}"] = float(np.mean(values)) if values else None
            if method in TRAINED.values():
                figures[f"{method}_{metric}_spread"] = float(np.ptp(values))
    for metric in METRICS:
        ratios = [a[metric] / b[metric] for a, b in zip(found["video"], found["hmr_star"], strict=True)]
        figures[f"ratio_{metric}"] = float(np.mean(ratios))
        figures[f"ratio_{metric}_spread"] = float(np.ptp(ratios))
    for stage, method in TRAINED.items():
        figures[f"{stage}_stage_minutes"] = float(np.mean([seed["minutes"] for seed in found[method]]))
        figures[f"{stage}_stage_cpu_s"] = float(np.mean([seed["cpu_s"] for seed in found[method]]))
    return figures


def tables(figures: dict[str, Figure]) -> str:
    """The paper's tables 2 and 3 of the figures of `summary`, for a terminal; spread after +-, half of it each way."""
    lines = []
    for title, metrics in TABLES.items():
        lines += [title, f"{'':<12}" + "".join(f"{metric:>18}" for metric in metrics)]
        lines += [f"{name:<12}" + "".join(_cell(figures, f"{name}_{m}") for m in metrics) for name in METHODS]
        lines += [f"{'video/HMR*':<12}" + "".join(_cell(figures, f"ratio_{m}") for m in metrics), ""]
    return "\n".join(lines)


def _cell(figures: dict[str, Figure], key: str) -> str:
    value, spread = figures[key], figures.get(f"{key}_spread")
    text = "-" if value is None else f"{value:.3g}" if value < 10 else f"{value:.1f}"
    return f"{text + (f' +-{spread / 2:.2g}' if spread else ''):>18}"


def _short(digests: dict[str, Any]) -> str:
    """Twelve digits of evaluate.digest's answer."""
    import hashlib

    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:12]
