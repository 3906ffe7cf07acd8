"""job.json: what a dataset took to make, over all runs that made it. A dataset report reads it.

    {"plan": "3f…", "seeds": [0], "body_ids": [...], "planned": {"clips": 64, "frames": 1024, "simulations": 8},
     "clips": 56, "frames": 896, "failed": 8, "shards": 4, "bytes": 12345678,
     "rejects": [{"reason": "SimulationRejectedError: ... #% ...", "clips": 8, "example": "..."}],
     "cpu_seconds": {"simulate": 180.2, "render": 98.1, "encode": 1.1, "write": 0.9}, "cpu_seconds_per_frame": 0.31,
     "simulations": {"made": 7, "failed": 1}, "peak_worker_memory_mb": 890.5,
     "runs": [{"id": "...", "began": "2026-01-31T12:00:00+00:00", "ended": "...", "state": "finished", "made": 64,
               "reused": 0, "wall_seconds": 321.0, "runner": [...], "versions": {...}}]}

Sums are taken from the outcomes that lie beside finished shards, not from counters of running processes: killing a run
loses the cost of clips that it did not finish, and nothing else. A run that was killed has the state "started".
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
import platform
import uuid
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any

from components import jobs
from components.job_store import JobStore

REPORT = "job.json"


@dataclasses.dataclass(frozen=True)
class Totals:
    """What the finished shards of a plan hold and took.

    Attributes:
        clips: records.
        frames: in these records.
        failures: clip id -> "Error: reason".
        shards: finished.
        bytes: of the shards.
        cpu_seconds: stage -> processor seconds, each simulation counted once.
        run_cpu_seconds: the same, of one run alone.
        simulations: "made" and "failed" -> count.
        peak_memory_mb: of any worker.
    """

    clips: int
    frames: int
    failures: dict[str, str]
    shards: int
    bytes: int
    cpu_seconds: dict[str, float]
    run_cpu_seconds: dict[str, float]
    simulations: dict[str, int]
    peak_memory_mb: float


def sum_up(store: JobStore, shards: Iterable[jobs.Shard], run: str = "") -> Totals:
    """Adds up the outcomes of all finished shards.

    Args:
        store: of the job.
        shards: of the plan.
        run: id of the run whose own seconds are wanted.
    """
    clips = frames = finished = size = 0
    peak = 0.0
    failures: dict[str, str] = {}
    total: collections.Counter[str] = collections.Counter()
    of_run: collections.Counter[str] = collections.Counter()
    groups: dict[str, bool] = {}
    for shard in shards:
        if not store.exists(shard.stats_file) or not store.exists(shard.file):
            continue
        stats = json.loads(store.read(shard.stats_file))
        finished += 1
        size += stats["bytes"]
        total.update(stats["cpu_seconds"])
        for outcome in jobs.outcomes_of(stats):
            clips, frames = clips + (not outcome.failed), frames + outcome.frames
            peak = max(peak, outcome.peak_memory_mb)
            if outcome.failed:
                failures[outcome.clip_id] = f"{outcome.error}: {outcome.reason}"
            total.update(outcome.cpu_seconds)
            if outcome.run == run:
                of_run.update(outcome.cpu_seconds)
            if outcome.group and outcome.group not in groups:
                groups[outcome.group] = outcome.stage != "simulate"
                total.update(outcome.group_cpu_seconds)
                if outcome.group_run == run:
                    of_run.update(outcome.group_cpu_seconds)
    made = sum(groups.values())
    counts = {"made": made, "failed": len(groups) - made}
    return Totals(clips, frames, failures, finished, size, _rounded(total), _rounded(of_run), counts, round(peak, 1))


def begin(store: JobStore, runner: Sequence[str]) -> dict[str, Any]:
    """Enters a run into the report, so that one that is killed leaves a trace; returns its entry."""
    run = {
        "id": uuid.uuid4().hex[:12],
        "began": _now(),
        "state": "started",
        "runner": list(runner),
        "versions": versions(),
    }
    report = read(store)
    _write(store, {**report, "runs": [*report.get("runs", []), run]})
    return run


def finish(
    store: JobStore, run: dict[str, Any], planned: dict[str, Any], totals: Totals, state: str, **facts: Any
) -> None:
    """Writes the report after a run.

    Args:
        store: of the job.
        run: what `begin` returned.
        planned: "plan", "seeds", "body_ids" and "planned" of the report.
        totals: of all finished shards.
        state: "finished" or "stopped".
        facts: more about this run.
    """
    began = datetime.datetime.fromisoformat(run["began"])
    seconds = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
    entry = {**run, "ended": _now(), "state": state, "wall_seconds": round(seconds, 1), **facts}
    others = [other for other in read(store).get("runs", []) if other["id"] != run["id"]]
    spent = sum(totals.cpu_seconds.values())
    _write(
        store,
        {
            **planned,
            "clips": totals.clips,
            "frames": totals.frames,
            "failed": len(totals.failures),
            "shards": totals.shards,
            "bytes": totals.bytes,
            "rejects": rejects(totals.failures),
            "cpu_seconds": totals.cpu_seconds,
            "cpu_seconds_per_frame": round(spent / totals.frames, 4) if totals.frames else None,
            "simulations": totals.simulations,
            "peak_worker_memory_mb": totals.peak_memory_mb,
            "runs": [*others, entry],
        },
    )


def read(store: JobStore) -> dict[str, Any]:
    """The report; empty where there is none."""
    return json.loads(store.read(REPORT)) if store.exists(REPORT) else {}


def rejects(failures: dict[str, str]) -> list[dict[str, Any]]:
    """Reasons with their counts, the most common first; reasons that differ in numbers alone are one."""
    kinds: dict[str, list[str]] = collections.defaultdict(list)
    for reason in failures.values():
        kinds[jobs.common_reason(reason)].append(reason)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return [{"reason": kind, "clips": len(found), "example": found[0]} for kind, found in ordered]


def versions() -> dict[str, str]:
    """Releases of what decides pixels and labels."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("mviper", "apache-beam", "numpy", "numba", "opencv-python-headless", "moderngl"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _write(store: JobStore, report: dict[str, Any]) -> None:
    store.write(REPORT, (json.dumps(report, indent=1) + "\n").encode())


def _rounded(seconds: collections.Counter[str]) -> dict[str, float]:
    return {stage: round(value, 2) for stage, value in seconds.items()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
