"""Example: mviper plan --out=plan.jsonl --train_simulations=100 --eval_simulations=20 --seed=1."""

from __future__ import annotations

from absl import flags

from pipeline.cli import flag_groups
from synthesis.scene.plan import PlanSettings, write_plan
from synthesis.scene.plan_summary import PlanSummary

flags.DEFINE_string("out", "plan.jsonl", "file to write")
flag_groups.define_dataset(PlanSettings())


def main(_: list[str]) -> int:
    """Draws and writes a plan, clip by clip, and says what is in it."""
    summary = PlanSummary()
    write_plan(flags.FLAGS.out, summary.counted(flag_groups.dataset_clips()))
    print(f"{flags.FLAGS.out}: " + "\n  ".join(summary.lines()))
    return 0
