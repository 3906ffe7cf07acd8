"""Example: mviper evaluate --model=model/video --data=data/eval --json."""

from __future__ import annotations

import json

from absl import flags

flags.DEFINE_string("model", "model/video", "SavedModel, or a folder with numbered versions of it")
flags.DEFINE_string("data", "data/eval", "folder with shards")
flags.DEFINE_bool("json", False, "print JSON")


def main(_: list[str]) -> int:
    """Prints the metrics."""
    from components import records
    from components.evaluation import evaluate
    from serving.predictor import newest_version

    values = flags.FLAGS
    metrics = evaluate.evaluate(newest_version(values.model), records.find_shards(values.data))
    print(json.dumps(metrics) if values.json else evaluate.format_table(metrics))
    return 0
