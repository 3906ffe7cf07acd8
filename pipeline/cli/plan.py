"""Example: mviper plan --out=plan.jsonl --train_simulations=100 --eval_simulations=20 --seed=1."""

from __future__ import annotations

from absl import flags

from pipeline.cli import flag_groups
from synthesis.scene.plan import PlanSettings, write_plan

flags.DEFINE_string("out", "plan.jsonl", "file to write")
flag_groups.define_dataset(PlanSettings())


def main(_: list[str]) -> int:
    """Draws and writes a plan."""
    clips = flag_groups.dataset_plan()
    write_plan(flags.FLAGS.out, clips)
    print(f"{len(clips)} clips planned in {flags.FLAGS.out}")
    return 0
