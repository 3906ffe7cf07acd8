"""Example: mviper train --data=data --out=model --config=demo.

Writes SavedModel, checkpoint and curves of each stage.
"""

from __future__ import annotations

import pathlib

from absl import flags

from pipeline.cli import flag_groups

flags.DEFINE_string("data", "data", "folder with train/ and eval/ shards")
flags.DEFINE_string("out", "model", "folder to write frame/ and video/ to")
flags.DEFINE_enum("stage", "both", ["frame", "video", "both"], "video takes up the frame model in --out")
flag_groups.define_config("paper")


def main(_: list[str]) -> int:
    """Trains one or both stages."""
    from components import records
    from pipeline import trainer_module

    values = flags.FLAGS
    config = flag_groups.config().to_dict()
    data, out = pathlib.Path(values.data), pathlib.Path(values.out)
    train_files, eval_files = ([str(p) for p in records.find_shards(data / split)] for split in ("train", "eval"))
    for stage in trainer_module.STAGES if values.stage == "both" else (values.stage,):
        base = str(out / "frame") if stage == "video" else None
        trainer_module.train(stage, config, train_files, eval_files, str(out / stage), str(out / "logs" / stage), base)
        print(f"{stage} model in {out / stage}")
    return 0
