"""The generation job: a plan in, records out. One clip is one element; each simulation is made once for its clips.

plan -> work file -> units (one simulation each) -> Simulate -> clips -> Render -> parts -> shards
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam

from components import job_plan, job_run, jobs
from components.job_store import JobStore
from components.simulation_cache import PERMANENT
from components.synthesis_stages import SIMULATIONS, JobSettings, Render, Simulate
from synthesis.avatar import planned_body
from synthesis.scene.plan import ClipPlan


def run(
    plan: Iterable[ClipPlan],
    out: str | os.PathLike[str],
    max_failure_rate: float = job_run.MAX_FAILURE_RATE,
    runner: Sequence[str] = job_run.DEFAULT_RUNNER,
    simulations: str = "",
    clips_per_shard: int = jobs.CLIPS_PER_SHARD,
    fallback: str = "",
    retry_failures: bool = False,
) -> job_run.JobSummary:
    """Synthesizes every clip of a plan that is not there yet.

    Args:
        plan: clips; taken one by one, so that a generator need not hold them.
        out: see components.job_run.run, also of the arguments not named here.
        max_failure_rate: see there.
        runner: see there.
        simulations: folder or address of simulations to reuse and to keep; "": none are kept.
        clips_per_shard: see there.
        fallback: renderer of machines on which the plan's cannot start; "": such a machine ends the job.
        retry_failures: see there; clips whose cloth did not pass its gates will not pass them another time.

    Raises:
        JobError: too many clips failed.
        RecordError: a shard with failures to try again is damaged.
        BodyMismatchError: the plan is for another body than the one in use.
        WorkerError: no clip can be made or kept: the disk is full, a worker has no OpenGL.
    """
    kept = JobStore(simulations).root if simulations else ""
    planned = _Planned(plan)

    def stages(units: beam.PCollection, root: str, run_id: str) -> beam.PCollection:
        settings = JobSettings(root, run_id, kept, fallback)
        settings.cache().remove_leftovers()
        return units | "Simulate" >> beam.ParDo(Simulate(settings)) | "Render" >> beam.ParDo(Render(settings))

    job = job_run.Job(stages, planned.facts, may_pass, scratch=(SIMULATIONS,))
    return job_run.run(job, planned, out, max_failure_rate, runner, clips_per_shard, retry_failures)


def plan_shards(plan: Iterable[ClipPlan]) -> list[jobs.Shard]:
    """The shards of a plan, named by its lines."""
    return jobs.plan_shards((item.split, item.clip_id, item.content) for item in _Planned(plan))


def may_pass(outcome: jobs.Outcome) -> bool:
    """Whether a failed clip may succeed when it is tried again."""
    return outcome.error not in PERMANENT


class _Planned:
    """A plan's clips as items of the job; remembers what the report says of them."""

    def __init__(self, plan: Iterable[ClipPlan]):
        self._plan = plan
        self._seeds: set[int] = set()
        self._body_ids: set[str] = set()

    def __iter__(self) -> Iterator[job_plan.Item]:
        for clip in self._plan:
            if clip.simulation.body_id not in self._body_ids:
                planned_body(clip.simulation.body_id)
                self._body_ids.add(clip.simulation.body_id)
            self._seeds.add(clip.dataset_seed)
            yield job_plan.Item(clip.split, clip.clip_id, clip.simulation.key, clip.to_json(), clip.length)

    def facts(self, work: job_plan.PlannedWork) -> dict[str, Any]:
        found = job_plan.facts(work, simulations=len(work.groups))
        return {**found, "seeds": sorted(self._seeds), "body_ids": sorted(self._body_ids)}
