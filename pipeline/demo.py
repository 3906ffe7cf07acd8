"""`make demo`: the whole main job on this machine, from a plan to a results page."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import platform
import resource
import time
from collections.abc import Iterator, Sequence

from components.evaluation.gate import GateConfig
from model.config import Config
from model.storage import write_json
from pipeline.configs import PIPELINE_NAME
from pipeline.pipeline import code_digest
from synthesis.scene.plan import ClipPlan, write_plan

STATE = "demo.json"
PAGE = "results.html"
# Coarse cloth fails its stretch gate more often than fine cloth does.
MAX_FAILURE_RATE = 0.35


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a demo ended.

    Attributes:
        page: the results page.
        blessed: whether the model passed its gate and was pushed.
        reused: whether an earlier run had finished all of it.
        lines: what to tell the user.
    """

    page: pathlib.Path
    blessed: bool
    reused: bool
    lines: tuple[str, ...]


def run(work: pathlib.Path, plan: Sequence[ClipPlan], config: Config, gate: GateConfig) -> Outcome:
    """Synthesizes, trains, evaluates, pushes, serves and reports; takes up what an earlier run finished.

    Args:
        work: folder of everything: data/, run/ (artifacts, metadata, pushed models) and the page.
        plan: the dataset.
        config: network and training.
        gate: blessing limits.
    """
    digest = _digest(plan, config, gate)
    state = _read_state(work)
    if state.get("digest") == digest and (work / PAGE).is_file():
        said = ("Everything was finished by an earlier run; reusing it.", *state["lines"])
        return Outcome(work / PAGE, state["blessed"], True, said)

    from components import synthesis_job
    from components.evaluation import report, results
    from pipeline import demo_report, local_runner

    clock = _Clock()
    data = work / "data"
    write_plan(work / "plan.jsonl", plan)
    with clock.stage("synthesize"):
        summary = synthesis_job.run(plan, data, MAX_FAILURE_RATE)
    spent = ", ".join(f"{name} {seconds:.0f} CPU s" for name, seconds in summary.cpu_seconds.items())
    clock.remark(
        f"{summary.clips} clips, {summary.reused} reused, {len(summary.failures)} failed"
        + (f"; {spent}" if spent else "")
    )
    print(f"data: {clock.timings[-1][2]}", flush=True)
    # Shards of an earlier plan must not be trained on: the pipeline reads whole folders.
    _remove_strangers(data, plan)

    with clock.stage("pipeline start (imports)"):
        from tfx import v1 as tfx  # noqa: F401
    run_result = local_runner.run(PIPELINE_NAME, work / "run", data, config, gate)
    for component in run_result.components:
        clock.timings.append((component.name, component.seconds, "reused" if component.cached else ""))
    found = results.read(run_result.evaluation)
    with clock.stage("serve and report"):
        samples, replies = (
            demo_report.ask_server(work / "run" / "serving", data, config) if run_result.blessed else ([], "")
        )
    lines = [
        f"{metric}: {found.overall[metric]:.1f} mm, mean pose {found.overall['mean_pose_' + metric]:.1f} mm"
        for metric in ("mpjpe_mm", "pa_mpjpe_mm")
    ]
    lines.append(
        f"blessed and pushed to {run_result.pushed}"
        if run_result.blessed
        else "not blessed: " + "; ".join(found.failures)
    )
    facts = [
        (
            "data",
            f"{summary.clips - len(summary.failures)} clips; seed {plan[0].dataset_seed}; plan {work / 'plan.jsonl'}",
        ),
        ("motions", demo_report.motions_of(plan)),
        ("body", demo_report.body_id()),
        ("config", f"{config.digest()}, code {code_digest()}"),
        ("served", replies or "nothing was pushed"),
        ("anomalies", demo_report.anomalies(run_result.anomalies)),
        ("peak memory of the main process", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB"),
        ("machine", f"{platform.machine()}, Python {platform.python_version()}"),
    ]
    page = report.Report(
        title="mviper demo",
        facts=facts,
        results=found,
        limits=[
            (metric, found.ratio(metric), getattr(gate, limit))
            for metric, limit in (("mpjpe_mm", "mpjpe_over_mean_pose"), ("pa_mpjpe_mm", "pa_mpjpe_over_mean_pose"))
        ],
        blessed=run_result.blessed,
        curves=demo_report.curves(run_result),
        timings=clock.timings,
        samples=samples,
    )
    report.write(work / PAGE, page)
    demo_report.write_pictures(work, data, samples)
    write_json(work / STATE, {"digest": digest, "blessed": run_result.blessed, "lines": lines})
    return Outcome(work / PAGE, run_result.blessed, False, tuple(lines))


class _Clock:
    """Wall time of stages: (name, seconds, remark)."""

    def __init__(self):
        self.timings: list[tuple[str, float, str]] = []

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.timings.append((name, time.monotonic() - began, ""))

    def remark(self, text: str) -> None:
        name, seconds, _ = self.timings[-1]
        self.timings[-1] = (name, seconds, text)


def _digest(plan: Sequence[ClipPlan], config: Config, gate: GateConfig) -> str:
    digest = hashlib.sha256("\n".join(clip.to_json() for clip in plan).encode())
    digest.update(json.dumps([config.to_dict(), dataclasses.asdict(gate), code_digest()]).encode())
    return digest.hexdigest()


def _read_state(work: pathlib.Path) -> dict:
    try:
        return json.loads((work / STATE).read_text())
    except (OSError, ValueError):
        return {}


def _remove_strangers(data: pathlib.Path, plan: Sequence[ClipPlan]) -> None:
    from components import synthesis_job

    wanted = {shard.path(data) for shard in synthesis_job.plan_shards(plan)}
    for split in {clip.split for clip in plan}:
        for path in (data / split).iterdir():
            if path not in wanted:
                path.unlink()
