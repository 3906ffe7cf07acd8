"""The generation job: a plan in, records out. Simulations first, each once; then one clip is one element."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import time
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components import jobs, records
from model.storage import write_bytes
from synthesis.avatar import planned_body
from synthesis.render.interface import Renderer
from synthesis.scene.plan import ClipPlan, SimulationPlan

NAMESPACE = "mviper"
SOURCE = "synthetic"
# DirectRunner with worker processes: cloth and rendering are single-threaded.
DEFAULT_RUNNER = ("--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2")


@dataclasses.dataclass(frozen=True)
class JobSummary:
    """What a run did.

    Attributes:
        clips: planned.
        reused: clips that earlier runs had finished.
        failures: clip id -> reason, earlier runs included.
        cpu_seconds: stage -> processor seconds spent in this run.
    """

    clips: int
    reused: int
    failures: dict[str, str]
    cpu_seconds: dict[str, float]


def run(
    plan: Sequence[ClipPlan],
    out: pathlib.Path,
    max_failure_rate: float = 0.1,
    runner: Sequence[str] = DEFAULT_RUNNER,
) -> JobSummary:
    """Synthesizes every clip of a plan that is not there yet.

    Args:
        plan: clips.
        out: folder of the dataset; see components.jobs for what lies in it.
        max_failure_rate: share of clips that may fail.
        runner: Beam's own flags.

    Raises:
        JobError: too many clips failed.
        BodyMismatchError: the plan is for another body than the one in use.
    """
    for body_id in {clip.simulation.body_id for clip in plan}:
        planned_body(body_id)
    shards = plan_shards(plan)
    pending = [shard for shard in shards if not shard.path(out).is_file()]
    by_id = {clip.clip_id: clip for clip in plan}
    todo = [by_id[clip_id] for shard in pending for clip_id in shard.clip_ids]
    spent: dict[str, int] = {}
    if pending:
        spent = _run_beam(todo, pending, out, runner)
    _forget_simulations(plan, out)
    failures = jobs.read_failures(out, shards)
    jobs.check_failure_rate(failures, len(plan), max_failure_rate)
    seconds = {name.removesuffix("_cpu_ms"): ms / 1000 for name, ms in spent.items() if name.endswith("_cpu_ms")}
    return JobSummary(len(plan), len(plan) - len(todo), failures, seconds)


def plan_shards(plan: Iterable[ClipPlan]) -> list[jobs.Shard]:
    """The shards of a plan, named by its lines."""
    return jobs.plan_shards((clip.split, clip.clip_id, clip.to_json()) for clip in plan)


def _run_beam(
    todo: Sequence[ClipPlan], pending: Sequence[jobs.Shard], out: pathlib.Path, runner: Sequence[str]
) -> dict[str, int]:
    clips_of: dict[str, list[ClipPlan]] = collections.defaultdict(list)
    for clip in todo:
        clips_of[clip.simulation.key].append(clip)
    shard_of = {clip_id: shard for shard in pending for clip_id in shard.clip_ids}
    simulations = {clip.simulation.key: clip.simulation for clip in todo}
    bars = [
        ("simulate", len(simulations), lambda: sum(1 for key in simulations if simulation_done(out, key))),
        ("render", len(todo), lambda: sum(shard.finished(out) for shard in pending)),
    ]
    pipeline = beam.Pipeline(options=PipelineOptions([*runner, "--default_sdk_harness_log_level=ERROR"]))
    (
        pipeline
        | "Simulations" >> beam.Create(list(simulations.values()))
        | "SpreadSimulations" >> beam.Reshuffle()
        | "Simulate" >> beam.ParDo(Simulate(str(out)))
        | "Clips" >> beam.FlatMap(_with_clips, dict(clips_of), shard_of)
        | "SpreadClips" >> beam.Reshuffle()
        | "Render" >> beam.ParDo(Render(str(out)))
        | "Group" >> beam.GroupByKey()
        | "Write" >> beam.ParDo(WriteShard(str(out)))
    )
    with jobs.progress(bars):
        result = pipeline.run()
        result.wait_until_finish()
    return jobs.counters(result)


def _with_clips(
    done: tuple[str, str], clips_of: dict[str, list[ClipPlan]], shard_of: dict[str, jobs.Shard]
) -> Iterator[tuple[ClipPlan, jobs.Shard, str]]:
    key, error = done
    for clip in clips_of[key]:
        yield clip, shard_of[clip.clip_id], error


def simulation_path(out: pathlib.Path, key: str) -> pathlib.Path:
    """Where a simulation waits for its clips."""
    return out / ".simulations" / f"{key}.npz"


def rejection_path(out: pathlib.Path, key: str) -> pathlib.Path:
    """Where the reason lies why a simulation was rejected."""
    return simulation_path(out, key).with_suffix(".rejected")


def simulation_done(out: pathlib.Path, key: str) -> bool:
    """Whether a simulation is there or known to be rejected."""
    return simulation_path(out, key).is_file() or rejection_path(out, key).is_file()


def _forget_simulations(plan: Iterable[ClipPlan], out: pathlib.Path) -> None:
    """Removes cached simulations once all shards are written: records hold what was wanted of them."""
    for key in {clip.simulation.key for clip in plan}:
        simulation_path(out, key).unlink(missing_ok=True)
        rejection_path(out, key).unlink(missing_ok=True)


class Simulate(beam.DoFn):
    """SimulationPlan -> (key, "") or (key, reason of its failure); the result lies in the cache."""

    def __init__(self, out: str):
        self._out = out
        self._cpu = beam.metrics.Metrics.counter(NAMESPACE, "simulate_cpu_ms")

    def process(self, plan: SimulationPlan) -> Iterator[tuple[str, str]]:
        """Simulates unless that was done before."""
        from synthesis import clip

        out = pathlib.Path(self._out)
        rejected = rejection_path(out, plan.key)
        if not simulation_done(out, plan.key):
            began = time.process_time()
            try:
                clip.simulate(plan).save(simulation_path(out, plan.key))
            except Exception as error:  # one bad simulation must not end the job, whatever is wrong with it
                write_bytes(rejected, f"{type(error).__name__}: {error}".encode())
            self._cpu.inc(round(1000 * (time.process_time() - began)))
        yield plan.key, rejected.read_text() if rejected.is_file() else ""


class Render(beam.DoFn):
    """(ClipPlan, Shard, reason) -> (shard's fields, (clip id, reason)); the record lies among the shard's parts."""

    def __init__(self, out: str):
        self._out = out
        self._cpu = beam.metrics.Metrics.counter(NAMESPACE, "render_cpu_ms")
        self._renderer: Renderer | None = None
        self._size: tuple[int, int] | None = None

    def process(self, element: tuple[ClipPlan, jobs.Shard, str]) -> Iterator[tuple[tuple, tuple[str, str]]]:
        """Renders, labels and encodes one clip unless that was done before."""
        plan, shard, error = element
        part = shard.part_path(pathlib.Path(self._out), plan.clip_id)
        if not error and not part.is_file():
            began = time.process_time()
            try:
                write_bytes(part, self._record(plan))
            except Exception as failure:  # one bad clip must not end the job, whatever is wrong with it
                error = f"{type(failure).__name__}: {failure}"
            self._cpu.inc(round(1000 * (time.process_time() - began)))
        yield dataclasses.astuple(shard), (plan.clip_id, error)

    def _record(self, plan: ClipPlan) -> bytes:
        from synthesis import clip

        simulation = clip.Simulation.load(simulation_path(pathlib.Path(self._out), plan.simulation.key))
        return records.encode(to_record(plan, clip.render(plan, simulation, self._renderer_for(plan))))

    def _renderer_for(self, plan: ClipPlan) -> Renderer:
        from synthesis.render.gl.renderer import GlRenderer

        size = plan.lens.width, plan.lens.height
        if self._renderer is None or self._size != size:
            self.teardown()
            self._renderer, self._size = GlRenderer(*size), size
        return self._renderer

    def teardown(self) -> None:
        """Frees the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = self._size = None


class WriteShard(beam.DoFn):
    """(shard, outcomes of its clips) -> a finished shard."""

    def __init__(self, out: str):
        self._out = out

    def process(self, element) -> None:
        """Writes the shard and its dead letters."""
        shard, outcomes = element
        failures = {clip_id: error for clip_id, error in outcomes if error}
        jobs.assemble(pathlib.Path(self._out), jobs.Shard(*shard), failures)


def to_record(plan: ClipPlan, rendered) -> records.Clip:
    """A rendered clip (synthesis.clip.RenderedClip) as a record."""
    import numpy as np

    labels = rendered.labels
    return records.Clip(
        clip_id=plan.clip_id,
        source=SOURCE,
        subject=f"{plan.simulation.sex}-{plan.simulation.key}",
        action=plan.simulation.motion.kind,
        camera=plan.viewpoint.name,
        body_id=plan.simulation.body_id,
        fps=plan.fps,
        frames=rendered.frames,
        masks=rendered.masks,
        frame_size=rendered.depth.shape[1:],
        pose=labels.pose,
        betas=np.array(plan.simulation.betas),
        trans=labels.trans,
        keypoints3d=labels.keypoints3d,
        keypoints3d_valid=np.ones(labels.keypoints3d.shape[:2]),
        keypoints2d=labels.keypoints2d,
        has_3d=True,
        has_smpl=True,
        intrinsics=rendered.intrinsics,
        extrinsics=rendered.extrinsics,
    )
