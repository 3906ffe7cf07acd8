"""What the clips of a finished job took, for the benchmarks of jobs."""

from __future__ import annotations

import collections
import json
import pathlib
from collections.abc import Iterable


def read(out: pathlib.Path):
    """Outcomes (components.jobs.Outcome) of all clips in a job's folder, by the time they ended."""
    from components import jobs

    stats = [json.loads(path.read_text()) for path in (out / "stats").iterdir()]
    outcomes = [outcome for shard in stats for outcome in jobs.outcomes_of(shard)]
    return sorted(outcomes, key=lambda outcome: outcome.ended)


def frames_per_second(outcomes: Iterable) -> float:
    """Sum of the workers' rates, each from the start of its first clip (or its simulation) to the end of its last."""
    by_worker = collections.defaultdict(list)
    for outcome in outcomes:
        by_worker[outcome.worker].append(outcome)
    rate = 0.0
    for found in by_worker.values():
        began = min(outcome.group_began or outcome.began for outcome in found)
        rate += sum(outcome.frames for outcome in found) / (max(outcome.ended for outcome in found) - began)
    return rate
