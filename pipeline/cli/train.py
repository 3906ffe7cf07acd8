"""Example: mviper train --data=data --out=model --config=demo.

Writes SavedModel, checkpoint and curves of each stage to a folder of its own in --out. The same command goes on where
an interrupted one stopped, and leaves finished stages alone. TensorBoard: tensorboard --logdir=model/logs.
"""

from __future__ import annotations

import pathlib
import sys

from absl import flags

from pipeline.cli import flag_groups

flags.DEFINE_multi_string(
    "data", ["data"], "folder with train/ and eval/ shards; several: a comma list, or the flag several times"
)
flags.DEFINE_string("out", "model", "folder to write frame/, video/ and hmr/ to")
flags.DEFINE_enum(
    "stage", "both", ["frame", "video", "hmr", "both"], "both: frame, then video; hmr: the baseline with its prior"
)
flags.DEFINE_string(
    "base", "", "folder of the frame model to start from; default: --out's for video, none for hmr (from scratch)"
)
flags.DEFINE_bool("restart", False, "start over in spite of a checkpoint or a finished stage")
flag_groups.define_config("paper")


def main(_: list[str]) -> int:
    """Trains the stages."""
    from components import records
    from model.errors import ConfigError
    from pipeline import trainer_module

    values = flags.FLAGS
    if values.base and values.stage not in ("video", "hmr"):
        raise ConfigError(f"--base goes with --stage=video or --stage=hmr. Received: --stage={values.stage}")
    config, out = flag_groups.config().to_dict(), pathlib.Path(values.out)
    folders = [folder for given in values.data for folder in given.split(",")]
    train_files, eval_files = ([str(path) for path in shards] for shards in records.find_splits(folders))
    for stage in ("frame", "video") if values.stage == "both" else (values.stage,):
        base = {"frame": None, "video": values.base or str(out / "frame"), "hmr": values.base or None}[stage]
        run_dir = out / "logs" / stage
        try:
            trained = trainer_module.train(
                stage, config, train_files, eval_files, str(out / stage), str(run_dir), base, values.restart
            )
        except KeyboardInterrupt:
            print(
                f"\nmviper train: stopped; the same command goes on from the checkpoint in {run_dir}", file=sys.stderr
            )
            return 130
        print(f"{stage} model in {out / stage}" + ("" if trained else ", finished before"))
        if not (out / stage / "saved_model.pb").is_file():
            print("a checkpoint alone: the same command with KERAS_BACKEND=tensorflow adds the SavedModel")
    return 0
