"""The generation job: what a frame costs, whether workers add up, whether they stay small.

Figures:
  cpu_s_per_frame       processor seconds a frame, all of it: cloth (a simulation shared by its windows and four
                        views), rendering, labels, encoding, writing; not the start of workers, which a long job forgets
  simulate_cpu_s_per_frame, render_cpu_s_per_frame
                        its two large parts
  scaling_1_to_2        frames a second of two workers over one's, each worker from the start of its first simulation to
                        the end of its last clip; null where no two cores are free to be used
  worker_memory_mb      most resident memory that any worker ever had
  memory_growth_mb      resident memory of one worker over --memory_clips clips of one simulation: mean of the last
                        tenth less mean of the third tenth
  kilobytes_per_frame   size of the shards
  failed_share          clips in dead letters
The load of the machine is in `machine`: with other programs on its cores, scaling_1_to_2 is not this program's figure.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile

import numpy as np
from absl import flags

from benchmarks import job_outcomes
from benchmarks.harness import Figure, Result

FLAGS = flags.FLAGS
flags.DEFINE_integer("job_simulations", 4, "simulations of the measured job; two workers get half of them each")
flags.DEFINE_float("job_edge_length", 0.02, "of its cloth's triangles, metres")
flags.DEFINE_integer("job_seed", 0, "of its plan")
flags.DEFINE_integer("memory_clips", 500, "clips that one worker renders for memory_growth_mb")


def run() -> Result:
    """Makes one small dataset with two workers and again with one, then many clips of one simulation."""
    from synthesis.scene.plan import PlanSettings, draw_plan

    settings = PlanSettings(
        seed=FLAGS.job_seed, train_simulations=max(FLAGS.job_simulations - 1, 1), eval_simulations=1,
        edge_length=FLAGS.job_edge_length,
    )  # fmt: skip
    plan = draw_plan(settings)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        two, totals = _job(plan, work / "two", 2, str(work / "simulations"))
        # The first job's simulations are of no use to the second, which has to make its own.
        one, _ = _job(plan, work / "one", 1, str(work / "again"))
        long, long_totals = _job(_many_looks(plan, two), work / "long", 1, str(work / "simulations"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    frames = max(totals.frames, 1)
    rates = [job_outcomes.frames_per_second(outcomes) for outcomes in (one, two)]
    figures: dict[str, Figure] = {
        "cpu_s_per_frame": sum(totals.cpu_seconds.values()) / frames,
        "simulate_cpu_s_per_frame": totals.cpu_seconds["simulate"] / frames,
        "render_cpu_s_per_frame": totals.cpu_seconds["render"] / frames,
        "scaling_1_to_2": rates[1] / rates[0] if cores > 1 else None,
        "worker_memory_mb": max(totals.peak_memory_mb, long_totals.peak_memory_mb),
        "memory_growth_mb": _growth([outcome.memory_mb for outcome in long]),
        "kilobytes_per_frame": totals.bytes / frames / 1000,
        "failed_share": len(totals.failures) / len(plan),
    }
    described = {**dataclasses.asdict(settings), "clips": len(plan), "frames": totals.frames, "long_clips": len(long)}
    return Result(described, figures)


def _job(plan, out: pathlib.Path, workers: int, simulations: str):
    """Runs a job; returns its clips' outcomes, by time, and its totals."""
    from components import job_run, synthesis_job

    runner = [*job_run.DEFAULT_RUNNER, f"--direct_num_workers={workers}"]
    summary = synthesis_job.run(plan, out, 1.0, runner, simulations)
    return job_outcomes.read(out), summary.totals


def _many_looks(plan, outcomes):
    """Clips of the first simulation that was made, each with a look of its own."""
    made = {outcome.clip_id for outcome in outcomes if not outcome.failed}
    first = next(clip for clip in plan if clip.clip_id in made)
    clips = [clip for clip in plan if clip.simulation == first.simulation]
    for number in range(FLAGS.memory_clips):
        clip, other = clips[number % len(clips)], plan[number % len(plan)]
        # Windows of four frames: what may leak is held by clips, not by frames.
        yield dataclasses.replace(
            clip, clip_id=f"{clip.clip_id}-{number}", length=4, appearance=other.appearance, lights=other.lights,
            backdrop=other.backdrop, backdrop_seed=number,
            textures=tuple((kind, number) for kind, _ in clip.textures),
        )  # fmt: skip


def _growth(memory: list[float]) -> float | None:
    tenth = len(memory) // 10
    if not tenth:
        return None
    return float(np.mean(memory[-tenth:]) - np.mean(memory[2 * tenth : 3 * tenth]))
