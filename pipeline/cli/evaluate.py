"""Example: mviper evaluate --model=model/video --data=data/eval --json."""

from __future__ import annotations

import functools
import json

from absl import flags

flags.DEFINE_string("model", "model/video", "SavedModel, or a folder with numbered versions of it")
flags.DEFINE_string("data", "data/eval", "folder with shards")
flags.DEFINE_bool("json", False, "print JSON")


def main(_positional: list[str]) -> int:
    """Prints the metrics."""
    from components import records
    from components.evaluation import evaluate
    from model import checkpoint
    from model.training.input import Source, check_bodies
    from serving.predictor import newest_version

    values = flags.FLAGS
    model, shards = newest_version(values.model), records.find_shards(values.data)
    _, config, body_id = checkpoint.read_settings(model / checkpoint.EXTRA)
    parse = functools.partial(records.parse_batch, length=config.model.clip_length)
    check_bodies(Source([str(shard) for shard in shards], parse, body_id))
    metrics = evaluate.evaluate(model, shards)
    print(json.dumps(metrics) if values.json else evaluate.format_table(metrics))
    return 0
