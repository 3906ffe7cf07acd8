"""The generation job: a plan in, records out. One clip is one element; each simulation is made once for its clips.

    plan -> work file -> units (one simulation each) -> Simulate -> clips -> Render -> parts -> shards

Elements hold byte offsets, and everything else goes through the dataset's folder, which all workers reach: a folder of
this machine, a shared mount, or an object store (components/job_store.py).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import job_report, job_watch, jobs, synthesis_work
from components.job_store import ASIDE, JobStore, WorkerError
from components.synthesis_stages import SIMULATIONS, JobSettings, Render, Simulate, read_units
from synthesis.scene.plan import ClipPlan

# Worker processes on this machine: cloth and rendering are single-threaded. The third flag says nothing of this job,
# which has no triggers; without it DirectRunner downloads and starts another runner, which knows no worker processes.
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


def run(
    plan: Iterable[ClipPlan],
    out: str | os.PathLike[str],
    max_failure_rate: float = MAX_FAILURE_RATE,
    runner: Sequence[str] = DEFAULT_RUNNER,
    simulations: str = "",
    clips_per_shard: int = jobs.CLIPS_PER_SHARD,
    fallback: str = "",
    retry_failures: bool = False,
) -> JobSummary:
    """Synthesizes every clip of a plan that is not there yet.

    Args:
        plan: clips; taken one by one, so that a generator need not hold them.
        out: folder or address of the dataset; see components.jobs for what lies in it.
        max_failure_rate: share of clips that may fail; the job ends early when it will surely be broken.
        runner: Beam's own flags.
        simulations: folder or address of simulations to reuse and to keep; "": none are kept.
        clips_per_shard: of the shards.
        fallback: renderer of machines on which the plan's cannot start; "": such a machine ends the job.
        retry_failures: whether failed clips of finished shards are tried again, but for those whose cloth did not pass
            its gates; their shards are away until they ended. Those of unfinished shards always are.

    Raises:
        JobError: too many clips failed.
        RecordError: a shard with failures to try again is damaged.
        BodyMismatchError: the plan is for another body than the one in use.
        WorkerError: no clip can be made or kept: the disk is full, a worker has no OpenGL.
    """
    store = JobStore(out)
    work = _take_plan(store, plan, clips_per_shard)
    store.remove_leftovers()
    if retry_failures:
        for shard in work.shards:
            jobs.reopen(store, shard, synthesis_work.may_pass)
    finished = {shard.name for shard in work.shards if store.exists(shard.file)}
    reused = sum(len(shard.clip_ids) for shard in work.shards if shard.name in finished)
    entry = job_report.begin(store, runner)
    if len(finished) < len(work.shards):
        store.remove(job_watch.STOP)
        synthesis_work.forget_passing_failures(store)
        watch = job_watch.Watch(store, work.shards, max_failure_rate, len(work.clips))
        reused, _ = watch.count()
        synthesis_work.write_units(store, work, finished)
        kept = JobStore(simulations).root if simulations else ""
        settings = JobSettings(store.root, entry["id"], kept, fallback)
        settings.cache().remove_leftovers()
        with watch.running():
            _run_beam(settings, runner)
    missing = [shard for shard in work.shards if not store.exists(shard.file) and not jobs.assemble(store, shard)]
    totals = job_report.sum_up(store, work.shards, entry["id"])
    facts = {"made": totals.clips + len(totals.failures) - reused, "reused": reused}
    job_report.finish(store, entry, work.facts(), totals, "stopped" if missing else "finished", **facts)
    if missing:
        raise _unfinished(store, missing, max_failure_rate)
    for folder in (jobs.PARTS, ASIDE, SIMULATIONS):
        store.remove_folder(folder)
    jobs.check_failure_rate(totals.failures, work.total, max_failure_rate)
    return JobSummary(work.total, reused, totals.failures, totals.run_cpu_seconds, totals)


def plan_shards(plan: Iterable[ClipPlan]) -> list[jobs.Shard]:
    """The shards of a plan, named by its lines."""
    return jobs.plan_shards((clip.split, clip.clip_id, clip.to_json()) for clip in plan)


def _take_plan(store: JobStore, plan: Iterable[ClipPlan], clips_per_shard: int) -> synthesis_work.PlannedWork:
    try:
        return synthesis_work.take_plan(store, plan, clips_per_shard)
    except Exception:
        # A refused plan leaves no trace.
        if not store.remote:
            for folder in (f"{store.root}/{ASIDE}", store.root):
                if os.path.isdir(folder) and not os.listdir(folder):
                    os.rmdir(folder)
        raise


def _run_beam(settings: JobSettings, runner: Sequence[str]) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions([*runner, "--default_sdk_harness_log_level=ERROR"]))
    (
        pipeline
        | "Job" >> beam.Create([settings.out])
        | "Units" >> beam.FlatMap(read_units)
        | "Spread" >> beam.Reshuffle()
        | "Simulate" >> beam.ParDo(Simulate(settings))
        | "Render" >> beam.ParDo(Render(settings))
    )
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
