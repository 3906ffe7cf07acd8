"""The generation job's stages, as Beam runs them on its workers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from components import job_watch, jobs
from components.job_plan import parse_unit, pending_lines
from components.job_store import JobStore, WorkerError
from components.simulation_cache import SimulationCache, SimulationOutcome
from components.workbench import workbench
from components.worker_facts import describe, memory_mb, worker_name
from synthesis.scene.plan import ClipPlan, parse_clip

NAMESPACE = "mviper"
SIMULATIONS = ".simulations"


@dataclasses.dataclass(frozen=True)
class JobSettings:
    """What each worker is told.

    Attributes:
        out: folder or address of the dataset.
        run: id of this run.
        simulations: folder or address of simulations to reuse and to keep; "": the job's own, removed when used up.
        fallback: renderer of machines on which the plan's cannot start; "": such a machine ends the job.
    """

    out: str
    run: str
    simulations: str = ""
    fallback: str = ""

    def store(self) -> JobStore:
        """The dataset's files."""
        return JobStore(self.out)

    def cache(self) -> SimulationCache:
        """The simulations' files."""
        return SimulationCache(self.simulations or f"{self.out.rstrip('/')}/{SIMULATIONS}")


@dataclasses.dataclass(frozen=True)
class ClipWork:
    """One clip that can be rendered.

    Attributes:
        plan: its line of the plan file.
        shard: that it goes to.
        simulation: key in the cache.
        outcome: of the simulation.
    """

    plan: str
    shard: jobs.Shard
    simulation: str
    outcome: SimulationOutcome


class Simulate(beam.DoFn):
    """Line of the work file -> ClipWork for each clip that is not there yet; the simulation lies in the cache."""

    def __init__(self, settings: JobSettings):
        self._settings = settings
        counter = beam.metrics.Metrics.counter
        self._cpu = counter(NAMESPACE, "simulate_cpu_ms")
        self._made = counter(NAMESPACE, "simulations_made")
        self._rejected = counter(NAMESPACE, "simulations_failed")
        self._failed = counter(NAMESPACE, "clips_failed")

    def setup(self) -> None:
        """Imports what takes seconds, so that no clip is charged for it."""
        from synthesis import clip  # noqa: F401

        self._store, self._cache = self._settings.store(), self._settings.cache()

    def process(self, line: str) -> Iterator[ClipWork]:
        """Simulates unless that was done before.

        Raises:
            WorkerError: nothing can be made or kept here.
        """
        unit = parse_unit(line)
        pending = pending_lines(self._store, unit)
        if not pending or self._store.exists(job_watch.STOP):
            return
        plan = parse_clip(pending[0][1])
        key = self._cache.key(plan.simulation)
        began = time.time()
        outcome = self._cache.outcome(key) or workbench().call(self._simulate, plan, key)
        if outcome.error:
            for clip, _ in pending:
                failed = _outcome(clip.clip_id, self._settings.run, key, outcome, began)
                failed = dataclasses.replace(failed, stage="simulate", error=outcome.error, reason=outcome.reason)
                jobs.keep(self._store, unit.shards[clip.shard], failed)
                self._failed.inc()
            return
        for clip, text in pending:
            yield ClipWork(text, unit.shards[clip.shard], key, outcome)
        # Runners fuse the two stages, so that the clips are rendered by now, and a job's disk need stays at one
        # simulation a worker. On a runner that did not, the next stage would simulate again.
        if not self._settings.simulations and not self._store.exists(job_watch.STOP):
            self._cache.forget(key)

    def _simulate(self, plan: ClipPlan, key: str) -> SimulationOutcome:
        from synthesis import clip

        # A machine that cannot render should say so before it simulates.
        workbench().renderer(plan, self._settings.fallback)
        when, began = time.time(), time.process_time()
        result, error, reason = None, "", ""
        try:
            result = workbench().simulation(key, lambda: clip.simulate(plan.simulation))
        except Exception as failure:  # one bad simulation must not end the job, whatever is wrong with it
            error, reason = describe(failure)
        seconds = time.process_time() - began
        self._cpu.inc(round(1000 * seconds))
        (self._rejected if error else self._made).inc()
        outcome = SimulationOutcome(round(seconds, 3), self._settings.run, round(when, 3), error, reason)
        self._cache.keep(key, outcome, result)
        return outcome


class Render(beam.DoFn):
    """ClipWork -> id of each clip that ended; its record lies among the shard's parts or in the finished shard."""

    def __init__(self, settings: JobSettings):
        self._settings = settings
        counter = beam.metrics.Metrics.counter
        self._cpu = {stage: counter(NAMESPACE, f"{stage}_cpu_ms") for stage in ("render", "encode")}
        self._made = counter(NAMESPACE, "clips_made")
        self._frames = counter(NAMESPACE, "frames_made")
        self._failed = counter(NAMESPACE, "clips_failed")
        self._shards = counter(NAMESPACE, "shards_written")

    def setup(self) -> None:
        """Opens the job's files."""
        self._store, self._cache = self._settings.store(), self._settings.cache()

    def process(self, work: ClipWork) -> Iterator[str]:
        """Renders, labels and encodes one clip.

        Raises:
            WorkerError: nothing can be made or kept here.
        """
        if self._store.exists(job_watch.STOP):
            return
        plan = parse_clip(work.plan)
        outcome, record = workbench().call(self._make, plan, work)
        if jobs.keep(self._store, work.shard, outcome, record):
            self._shards.inc()
        (self._failed if outcome.failed else self._made).inc()
        self._frames.inc(outcome.frames)
        yield plan.clip_id

    def _make(self, plan: ClipPlan, work: ClipWork) -> tuple[jobs.Outcome, bytes | None]:
        from components import synthesis_records
        from synthesis import clip

        began, clock = time.time(), _Clock()
        renderer = workbench().renderer(plan, self._settings.fallback)
        ended: dict[str, Any] = {}
        record = None
        try:
            # A simulation that another clip has used up is made again: the same plan gives the same cloth.
            simulation = workbench().simulation(
                work.simulation, lambda: self._cache.load(work.simulation) or clip.simulate(plan.simulation)
            )
            rendered = clip.render(plan, simulation, renderer)
            clock.stage("render")
            record = synthesis_records.encode(plan, rendered)
            clock.stage("encode")
            ended = {"frames": plan.length}
        except WorkerError:
            raise
        except Exception as failure:  # one bad clip must not end the job, whatever is wrong with it
            error, reason = describe(failure)
            ended = {"stage": "render", "error": error, "reason": reason}
        for stage, seconds in clock.seconds.items():
            self._cpu[stage].inc(round(1000 * seconds))
        outcome = _outcome(plan.clip_id, self._settings.run, work.simulation, work.outcome, began)
        return dataclasses.replace(outcome, cpu_seconds=clock.seconds, **ended), record

    def teardown(self) -> None:
        """Frees the OpenGL context."""
        workbench().close()


class _Clock:
    """Processor seconds of the process since the last stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def stage(self, name: str) -> None:
        now = time.process_time()
        self.seconds[name] = round(now - self._last, 4)
        self._last = now


def _outcome(clip_id: str, run: str, key: str, simulation: SimulationOutcome, began: float) -> jobs.Outcome:
    memory, peak = memory_mb()
    shared: dict[str, Any] = {
        "group": key,
        "group_cpu_seconds": {"simulate": simulation.cpu_seconds},
        "group_run": simulation.run,
        "group_began": simulation.began,
    }
    times: dict[str, Any] = {"worker": worker_name(), "began": round(began, 3), "ended": round(time.time(), 3)}
    return jobs.Outcome(clip_id, run, memory_mb=round(memory, 1), peak_memory_mb=round(peak, 1), **shared, **times)
