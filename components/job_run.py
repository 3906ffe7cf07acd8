"""One run of a Beam job that writes records: a plan in, shards out, whatever the stages between them do.

    plan -> work file -> units -> the job's stages, which keep each clip (components.jobs.keep) -> shards

Elements hold byte offsets, and everything else goes through the dataset's folder, which all workers reach: a folder of
this machine, a shared mount, or an object store (components/job_store.py).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import job_plan, job_report, job_watch, jobs
from components.job_store import ASIDE, JobStore, WorkerError

# Worker processes on this machine, since a clip is made by one thread. The third flag says nothing of these jobs,
# which have no triggers; without it DirectRunner downloads and starts another runner, which knows no worker processes.
DEFAULT_RUNNER = (
    "--runner=DirectRunner",
    "--direct_running_mode=multi_processing",
    "--allow_unsafe_triggers",
    "--direct_num_workers=2",
)
MAX_FAILURE_RATE = 0.1


@dataclasses.dataclass(frozen=True)
class JobSummary:
    """What a run did.

    Attributes:
        clips: planned.
        reused: clips that earlier runs had finished.
        failures: clip id -> reason, earlier runs included.
        cpu_seconds: stage -> processor seconds spent in this run.
        totals: of the whole dataset.
    """

    clips: int
    reused: int
    failures: dict[str, str]
    cpu_seconds: dict[str, float]
    totals: job_report.Totals


@dataclasses.dataclass(frozen=True)
class Job:
    """What one kind of job brings.

    Attributes:
        stages: (units' lines, out, run id) -> anything: Beam stages that keep an outcome for every clip of the units.
        facts: what the report says of the plan, asked for once the plan is taken.
        may_pass: which failed clips may succeed when they are tried again.
        scratch: folders in the dataset that are removed when all is finished.
    """

    stages: Callable[[beam.PCollection, str, str], Any]
    facts: Callable[[job_plan.PlannedWork], dict[str, Any]]
    may_pass: Callable[[jobs.Outcome], bool]
    scratch: tuple[str, ...] = ()


def run(
    job: Job,
    items: Iterable[job_plan.Item],
    out: str | os.PathLike[str],
    max_failure_rate: float = MAX_FAILURE_RATE,
    runner: Sequence[str] = DEFAULT_RUNNER,
    clips_per_shard: int = jobs.CLIPS_PER_SHARD,
    retry_failures: bool = False,
) -> JobSummary:
    """Makes every clip of a plan that is not there yet.

    Args:
        job: what is done.
        items: clips; taken one by one, so that a generator need not hold them.
        out: folder or address of the dataset; see components.jobs for what lies in it.
        max_failure_rate: share of clips that may fail; the job ends early when it will surely be broken.
        runner: Beam's own flags.
        clips_per_shard: of the shards.
        retry_failures: whether failed clips of finished shards that may pass are tried again; their shards are away
            until they ended. Those of unfinished shards always are.

    Raises:
        JobError: too many clips failed.
        RecordError: a shard with failures to try again is damaged.
        WorkerError: no clip can be made or kept: the disk is full, a worker lacks what all clips need.
        UserError: from whatever yields the items; nothing is left behind.
    """
    store = JobStore(out)
    work = _take_plan(store, items, clips_per_shard)
    store.remove_leftovers()
    if retry_failures:
        for shard in work.shards:
            jobs.reopen(store, shard, job.may_pass)
    finished = {shard.name for shard in work.shards if store.exists(shard.file)}
    reused = sum(len(shard.clip_ids) for shard in work.shards if shard.name in finished)
    entry = job_report.begin(store, runner)
    if len(finished) < len(work.shards):
        store.remove(job_watch.STOP)
        job_plan.forget_failures(store, job.may_pass)
        watch = job_watch.Watch(store, work.shards, max_failure_rate, len(work.groups))
        reused, _ = watch.count()
        job_plan.write_units(store, work, finished)
        with watch.running():
            _run_beam(job, store.root, entry["id"], runner)
    missing = [shard for shard in work.shards if not store.exists(shard.file) and not jobs.assemble(store, shard)]
    totals = job_report.sum_up(store, work.shards, entry["id"])
    made = {"made": totals.clips + len(totals.failures) - reused, "reused": reused}
    job_report.finish(store, entry, job.facts(work), totals, "stopped" if missing else "finished", **made)
    if missing:
        raise _unfinished(store, missing, max_failure_rate)
    for folder in (jobs.PARTS, ASIDE, *job.scratch):
        store.remove_folder(folder)
    jobs.check_failure_rate(totals.failures, work.total, max_failure_rate)
    return JobSummary(work.total, reused, totals.failures, totals.run_cpu_seconds, totals)


def _take_plan(store: JobStore, items: Iterable[job_plan.Item], clips_per_shard: int) -> job_plan.PlannedWork:
    try:
        return job_plan.take_plan(store, items, clips_per_shard)
    except Exception:
        # A refused plan leaves no trace.
        if not store.remote:
            for folder in (f"{store.root}/{ASIDE}", store.root):
                if os.path.isdir(folder) and not os.listdir(folder):
                    os.rmdir(folder)
        raise


def _run_beam(job: Job, out: str, run_id: str, runner: Sequence[str]) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions([*runner, "--default_sdk_harness_log_level=ERROR"]))
    units = (
        pipeline
        | "Job" >> beam.Create([out])
        | "Units" >> beam.FlatMap(job_plan.read_units)
        | "Spread" >> beam.Reshuffle()
    )
    job.stages(units, out, run_id)
    try:
        with job_watch.dead_workers_noticed():
            pipeline.run().wait_until_finish()
    except Exception as error:
        said = _worker_error(error)
        if said:
            raise WorkerError(said) from error
        raise


def _worker_error(error: Exception) -> str:
    """What a worker said when it ended the job; "" where something else did.

    Runners pass on what a worker raised as text with its stack, and Beam adds the stage.
    """
    text = str(error).replace("\\n", "\n")
    found = re.search(r"WorkerError: ([^\n]+)", text)
    if not found and not isinstance(error, WorkerError):
        return ""
    return re.sub(r" \[while running .*", "", found[1] if found else text).strip("'\" ")


def _unfinished(store: JobStore, missing: Sequence[jobs.Shard], limit: float) -> jobs.JobError:
    clips = sum(len(shard.clip_ids) for shard in missing)
    kept = f"shards with {clips} clips are not finished; what was finished is kept"
    if not store.exists(job_watch.STOP):
        return jobs.JobError(f"All clips of the plan end when a job does; run it again. Received: {kept}")
    why = store.read(job_watch.STOP).decode()
    letters = [name for name in store.names(jobs.PARTS) if name.endswith(jobs.FAILED)]
    if letters:
        letter = json.loads(store.read(f"{jobs.PARTS}/{letters[0]}"))
        why += f", one by: {letter['error']}: {letter['reason']}"
    return jobs.JobError(
        f"At most {limit:.0%} of the clips may fail (--max_failure_rate), so the job was stopped early. "
        f"Received: {why} ({kept})"
    )
