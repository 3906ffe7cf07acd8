"""Example: mviper evaluate --model=model/video --data=data/eval --json.

The baselines on the same records: mviper evaluate --method=smplify --train_data=data/train --data=data/eval
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from typing import Any

from absl import flags

flags.DEFINE_enum("method", "network", ["network", "smplify", "mean_pose"], "what is evaluated; see docs/baselines.md")
flags.DEFINE_string("model", "model/video", "network: SavedModel, or a folder with numbered versions of it")
flags.DEFINE_string("data", "data/eval", "folder with shards")
flags.DEFINE_string("train_data", "data/train", "smplify, mean_pose: shards whose mean Theta and poses they may know")
flags.DEFINE_string(
    "prior",
    "train",
    "smplify: what its pose prior is fitted to: train (--train_data), builtin (motions), a folder of motion files or a "
    "motion library; or an .npz file that --save_prior wrote",
)
flags.DEFINE_string("save_prior", "", "smplify: file to write the pose prior to, .npz")
flags.DEFINE_float("noise_px", 0.0, "smplify: noise on the labelled keypoints, pixels of the frames", lower_bound=0.0)
flags.DEFINE_integer("seed", 0, "smplify: seed of prior and noise", lower_bound=0)
flags.DEFINE_bool("slices", False, "print the main metrics by source, action and camera too")
flags.DEFINE_bool("json", False, "print JSON")
flags.DEFINE_string("out", "", "JSON file to write method, settings, digests of the data, metrics and slices to")

FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """A method and what it was made of."""

    method: Any
    body_id: str
    length: int
    settings: dict[str, Any]
    seed: int | None


def main(_positional: list[str]) -> int:
    """Prints the metrics."""
    from components import records
    from components.evaluation import evaluate
    from model.storage import write_json

    shards = records.find_shards(FLAGS.data)
    prepared = _network() if FLAGS.method == "network" else _baseline(evaluate.clip_length(shards))
    _check(shards, prepared)
    result = evaluate.evaluate(prepared.method, shards, prepared.length)
    if FLAGS.out:
        report = {
            "method": FLAGS.method,
            "settings": prepared.settings,
            "seed": prepared.seed,
            "body_id": prepared.body_id,
            "data": {"folder": FLAGS.data, "clips": result.clips, "sha256": evaluate.digest(shards)},
            "metrics": result.overall,
            "slices": result.slices,
        }
        write_json(FLAGS.out, _plain(report))
    if FLAGS.json:
        print(json.dumps(_plain(result.overall)))
        return 0
    print(evaluate.format_table(result.overall, FLAGS.method))
    if FLAGS.slices:
        print(evaluate.format_slices(result))
    return 0


def _network() -> _Prepared:
    """The SavedModel of --model."""
    from components.evaluation import methods
    from model import checkpoint
    from serving.predictor import newest_version

    folder = newest_version(FLAGS.model)
    stage, config, body_id = checkpoint.read_settings(folder / checkpoint.EXTRA)
    settings = {"model": str(folder), "stage": stage, "config": config.to_dict()}
    seed = getattr(config, stage).seed
    return _Prepared(methods.network(folder), body_id, config.model.clip_length, settings, seed)


def _baseline(length: int) -> _Prepared:
    """SMPLify or the mean pose, with what they may know of --train_data."""
    from components import records
    from components.evaluation import methods, training_set
    from model.body.files import load_body
    from model.body.layer import BodyLayer

    body = BodyLayer(load_body("neutral"))
    train = training_set.read(records.find_shards(FLAGS.train_data), body.body_id)
    mean_theta = train.mean_theta()
    settings: dict[str, Any] = {"train_data": FLAGS.train_data, "train_frames": len(train.pose)}
    if FLAGS.method == "mean_pose":
        return _Prepared(methods.mean_pose(mean_theta, body), body.body_id, length, settings, None)

    from model.baselines.smplify import Smplify, SmplifySettings

    fitter = Smplify(body, _prior(train.pose), mean_theta, SmplifySettings())
    settings |= {"prior": FLAGS.prior, "noise_px": FLAGS.noise_px, **dataclasses.asdict(fitter.settings)}
    method = methods.smplify(fitter, mean_theta, body, FLAGS.noise_px, FLAGS.seed)
    return _Prepared(method, body.body_id, length, settings, FLAGS.seed)


def _prior(train_poses):
    """The pose prior that --prior names, written to --save_prior where that is given."""
    from model.baselines.pose_prior import PosePrior
    from pipeline import prior_poses

    if pathlib.Path(FLAGS.prior).suffix == ".npz":
        prior = PosePrior.load(FLAGS.prior)
    elif FLAGS.prior == "train":
        prior = PosePrior.fit(train_poses, seed=FLAGS.seed)
    elif FLAGS.prior == "builtin":
        prior = PosePrior.fit(prior_poses.builtin_poses(), seed=FLAGS.seed)
    else:
        prior = PosePrior.fit(prior_poses.motion_poses(FLAGS.prior), seed=FLAGS.seed)
    if FLAGS.save_prior:
        prior.save(FLAGS.save_prior)
    return prior


def _check(shards, prepared: _Prepared) -> None:
    """Refuses records that cannot be evaluated on, before anything is computed."""
    import functools

    from components import records
    from model.config import ModelConfig
    from model.training.inventory import Source, inspect

    parse = functools.partial(records.parse_batch, length=prepared.length)
    source = Source([str(shard) for shard in shards], parse, prepared.body_id)
    inspect(source, ModelConfig(clip_length=max(prepared.length, 2)))


def _plain(value: Any) -> Any:
    """The same with None for NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
