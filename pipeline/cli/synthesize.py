"""Example: mviper synthesize --out=data --train_simulations=100 -- --direct_num_workers=8.

Beam's own flags follow a lone `--`; docs/scaling.md has those of Flink, Spark and Dataflow. Run again after a stop:
finished shards and clips are taken up. `--plan` renders a plan file, `--only` single clips of it, into <out>/only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from absl import flags

from model.errors import ConfigError
from pipeline.cli import flag_groups
from synthesis.render import backends
from synthesis.scene.plan import ClipPlan, PlanSettings, read_clips

flags.DEFINE_string("out", "data", "folder of the dataset, or its address in an object store")
flags.DEFINE_string("plan", "", "plan file to render; default: draw one from the flags below")
flags.DEFINE_list("only", [], "ids of the clips to render alone, to <out>/only; default: all")
flags.DEFINE_float("max_failure_rate", 0.1, "share of clips that may fail", lower_bound=0.0, upper_bound=1.0)
flags.DEFINE_string(
    "simulations", "", "folder of simulations to take up and to keep for renderings with other looks; default: none"
)
flags.DEFINE_bool("retry_failures", False, "try failed clips of finished shards again, but for cloth that was rejected")
flags.DEFINE_enum("fallback_renderer", "", ["", *backends.NAMES], "renderer of machines that lack the plan's")
flag_groups.define_dataset(PlanSettings())


def main(beam_flags: list[str]) -> int:
    """Renders a dataset."""
    from components import job_run, synthesis_job

    values = flags.FLAGS
    clips: Iterable[ClipPlan] = read_clips(values.plan) if values.plan else flag_groups.dataset_clips()
    out = values.out
    if values.only:
        clips, out = _only(clips, values.only), f"{values.out.rstrip('/')}/only"
    # Beam takes the last of repeated flags, so that any of the default runner's can be changed by itself.
    runner = [*job_run.DEFAULT_RUNNER, *beam_flags]
    summary = synthesis_job.run(
        clips, out, values.max_failure_rate, runner, values.simulations,
        fallback=values.fallback_renderer, retry_failures=values.retry_failures,
    )  # fmt: skip
    print(describe(summary, out))
    return 0


def _only(clips: Iterable[ClipPlan], wanted: list[str]) -> Iterator[ClipPlan]:
    missing = set(wanted)
    for clip in clips:
        if clip.clip_id in missing:
            missing.remove(clip.clip_id)
            yield clip
    if missing:
        raise ConfigError(f"--only names clips of the plan. Received: {', '.join(sorted(missing))}")


def describe(summary, out) -> str:
    """A few lines on what a run did and what the dataset took."""
    from components.simulation_cache import PERMANENT

    made, totals = summary.clips - summary.reused, summary.totals
    lines = [
        f"{summary.clips} clips in {out}: {made} made now, {summary.reused} reused, {len(summary.failures)} failed",
        f"{totals.frames} frames, {totals.shards} shards, {totals.bytes / 1e6:.1f} MB, {totals.simulations['made']} "
        f"simulations ({totals.simulations['failed']} rejected), workers up to {totals.peak_memory_mb:.0f} MB",
    ]
    if totals.frames:
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in totals.cpu_seconds.items())
        per_frame = sum(totals.cpu_seconds.values()) / totals.frames
        lines.append(f"CPU s of the whole dataset: {stages}; {per_frame:.3f} a frame")
    if summary.failures:
        lines.append(f"reasons are in {out}/failures; one is: {next(iter(summary.failures.values()))}")
        passing = sum(reason.partition(":")[0] not in PERMANENT for reason in summary.failures.values())
        if passing:
            lines.append(f"{passing} of them may succeed another time: --retry_failures")
    return "\n".join(lines)
