"""From a plan to what is left to do: the plan's copy in the dataset, its shards, and the units of work."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from components import jobs
from components.job_store import JobStore, storage_error
from components.simulation_cache import PERMANENT
from components.synthesis_stages import PLAN, WORK, PlannedClip, Unit
from model.typed_json import build
from synthesis.avatar import planned_body
from synthesis.scene.plan import ClipPlan


@dataclasses.dataclass(frozen=True)
class PlannedWork:
    """A plan as the job sees it; memory is a few hundred bytes a clip.

    Attributes:
        shards: in the plan's order.
        clips: simulation key -> its clips, whose `shard` is an index into `shards`.
        frames: of all clips.
        digest: of the plan file.
        seeds: dataset seeds in it.
        body_ids: bodies in it.
    """

    shards: list[jobs.Shard]
    clips: dict[str, list[PlannedClip]]
    frames: int
    digest: str
    seeds: list[int]
    body_ids: list[str]

    @property
    def total(self) -> int:
        """Clips of the plan."""
        return sum(len(shard.clip_ids) for shard in self.shards)

    def facts(self) -> dict[str, Any]:
        """What the job's report says of the plan."""
        counts = {"clips": self.total, "frames": self.frames, "simulations": len(self.clips)}
        return {"plan": self.digest, "seeds": self.seeds, "body_ids": self.body_ids, "planned": counts}


def take_plan(store: JobStore, clips: Iterable[ClipPlan], clips_per_shard: int) -> PlannedWork:
    """Copies a plan into the dataset, where workers read it by line, and deals its clips out to shards.

    Raises:
        ConfigError: from reading the plan.
        BodyMismatchError: the plan is for another body than the one in use.
        WorkerError: the store does not take it.
    """
    sharder = jobs.Sharder(clips_per_shard)
    shards: list[jobs.Shard] = []
    waiting: dict[str, list[tuple[str, PlannedClip]]] = {}
    by_simulation: dict[str, list[PlannedClip]] = {}
    digest, offset, frames = hashlib.sha256(), 0, 0
    seeds, body_ids = set(), set()

    def close(shard: jobs.Shard) -> None:
        for key, clip in waiting.pop(shard.split):
            by_simulation[key].append(dataclasses.replace(clip, shard=len(shards)))
        shards.append(shard)

    try:
        with store.written_aside(PLAN) as aside, open(aside, "wb") as file:
            for clip in clips:
                if clip.simulation.body_id not in body_ids:
                    planned_body(clip.simulation.body_id)
                    body_ids.add(clip.simulation.body_id)
                content = clip.to_json()
                line = content.encode() + b"\n"
                file.write(line)
                digest.update(line)
                key = clip.simulation.key
                by_simulation.setdefault(key, [])
                planned = PlannedClip(clip.clip_id, offset, len(line), 0)
                waiting.setdefault(clip.split, []).append((key, planned))
                filled = sharder.add(clip.split, clip.clip_id, content)
                if filled:
                    close(filled)
                offset += len(line)
                frames += clip.length
                seeds.add(clip.dataset_seed)
    except OSError as error:
        raise storage_error(store.path(PLAN), error) from error
    for shard in sharder.finish():
        close(shard)
    return PlannedWork(shards, by_simulation, frames, digest.hexdigest()[:12], sorted(seeds), sorted(body_ids))


def write_units(store: JobStore, work: PlannedWork, finished: set[str]) -> int:
    """Writes the work file: a unit for each simulation with clips in unfinished shards.

    Args:
        store: of the job.
        work: the plan.
        finished: names of the shards that are there.

    Returns:
        Number of units.
    """
    count = 0
    try:
        with store.written_aside(WORK) as aside, open(aside, "w", encoding="utf-8") as file:
            for clips in work.clips.values():
                pending = [clip for clip in clips if work.shards[clip.shard].name not in finished]
                if pending:
                    file.write(_unit(work, pending).to_json() + "\n")
                    count += 1
    except OSError as error:
        raise storage_error(store.path(WORK), error) from error
    return count


def _unit(work: PlannedWork, clips: list[PlannedClip]) -> Unit:
    numbers = sorted({clip.shard for clip in clips})
    local = {number: i for i, number in enumerate(numbers)}
    return Unit(
        tuple(work.shards[number] for number in numbers),
        tuple(dataclasses.replace(clip, shard=local[clip.shard]) for clip in clips),
    )


def forget_passing_failures(store: JobStore) -> None:
    """Removes dead letters of unfinished shards whose cause may be gone: a missing file, a full memory."""
    for name in store.names(jobs.PARTS):
        if name.endswith(jobs.FAILED):
            outcome = build(jobs.Outcome, json.loads(store.read(f"{jobs.PARTS}/{name}")))
            if may_pass(outcome):
                store.remove(f"{jobs.PARTS}/{name}")


def may_pass(outcome: jobs.Outcome) -> bool:
    """Whether a failed clip may succeed when it is tried again."""
    return outcome.error not in PERMANENT
