"""Example: mviper synthesize --out=data --train_simulations=100 -- --runner=DirectRunner --direct_num_workers=8.

Beam's own flags follow a lone `--`. Run again after a stop: finished shards and clips are taken up.
"""

from __future__ import annotations

import pathlib

from absl import flags

from pipeline.cli import flag_groups
from synthesis.scene.plan import PlanSettings, read_plan

flags.DEFINE_string("out", "data", "folder of the dataset")
flags.DEFINE_string("plan", "", "plan file to render; default: draw one from the flags below")
flags.DEFINE_float("max_failure_rate", 0.1, "share of clips that may fail", lower_bound=0.0, upper_bound=1.0)
flag_groups.define_dataset(PlanSettings())


def main(beam_flags: list[str]) -> int:
    """Renders a dataset."""
    from components import synthesis_job

    values = flags.FLAGS
    clips = read_plan(values.plan) if values.plan else flag_groups.dataset_plan()
    runner = beam_flags or synthesis_job.DEFAULT_RUNNER
    summary = synthesis_job.run(clips, pathlib.Path(values.out), values.max_failure_rate, runner)
    print(describe(summary, values.out))
    return 0


def describe(summary, out) -> str:
    """One or two lines on what a run did."""
    made = summary.clips - summary.reused
    lines = [
        f"{summary.clips} clips in {out}: {made} made now, {summary.reused} reused, {len(summary.failures)} failed"
    ]
    if summary.failures:
        lines.append(f"reasons are in {out}/failures; one is: {next(iter(summary.failures.values()))}")
    return "\n".join(lines)
