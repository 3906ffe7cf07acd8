"""From a plan to what is left to do: the plan's copy in the dataset, its shards, and the units of work.

What travels between machines is small: units of work with byte offsets into the plan file, never the plan itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from components import jobs
from components.job_store import JobStore, storage_error
from model.typed_json import build

PLAN = "plan.jsonl"
WORK = f"{jobs.PARTS}/work.jsonl"


@dataclasses.dataclass(frozen=True)
class Item:
    """One clip that is to be made.

    Attributes:
        split: folder of its shard.
        clip_id: unique.
        group: clips of one group are made one after the other by one worker (a simulation, a video).
        content: one line of text that decides the clip's bytes.
        frames: of the clip.
    """

    split: str
    clip_id: str
    group: str
    content: str
    frames: int


@dataclasses.dataclass(frozen=True)
class PlannedClip:
    """Where a clip's line is in the plan file, and which of the unit's shards it goes to.

    Attributes:
        clip_id: of the clip.
        offset: bytes.
        size: bytes.
        shard: index.
    """

    clip_id: str
    offset: int
    size: int
    shard: int


@dataclasses.dataclass(frozen=True)
class Unit:
    """Clips of one group.

    Attributes:
        shards: that they go to.
        clips: in the plan's order.
    """

    shards: tuple[jobs.Shard, ...]
    clips: tuple[PlannedClip, ...]

    def to_json(self) -> str:
        """One line of the work file."""
        return json.dumps(dataclasses.asdict(self))


def parse_unit(line: str) -> Unit:
    """Inverse of Unit.to_json."""
    return build(Unit, json.loads(line))


@dataclasses.dataclass(frozen=True)
class PlannedWork:
    """A plan as the job sees it; memory is a few hundred bytes a clip.

    Attributes:
        shards: in the plan's order.
        groups: group -> its clips, whose `shard` is an index into `shards`.
        frames: of all clips.
        digest: of the plan file.
    """

    shards: list[jobs.Shard]
    groups: dict[str, list[PlannedClip]]
    frames: int
    digest: str

    @property
    def total(self) -> int:
        """Clips of the plan."""
        return sum(len(shard.clip_ids) for shard in self.shards)


def take_plan(store: JobStore, items: Iterable[Item], clips_per_shard: int) -> PlannedWork:
    """Copies a plan into the dataset, where workers read it by line, and deals its clips out to shards.

    Raises:
        UserError: from whatever yields the items.
        WorkerError: the store does not take it.
    """
    sharder = jobs.Sharder(clips_per_shard)
    shards: list[jobs.Shard] = []
    waiting: dict[str, list[tuple[str, PlannedClip]]] = {}
    groups: dict[str, list[PlannedClip]] = {}
    digest, offset, frames = hashlib.sha256(), 0, 0

    def close(shard: jobs.Shard) -> None:
        for group, clip in waiting.pop(shard.split):
            groups[group].append(dataclasses.replace(clip, shard=len(shards)))
        shards.append(shard)

    try:
        with store.written_aside(PLAN) as aside, open(aside, "wb") as file:
            for item in items:
                line = item.content.encode() + b"\n"
                file.write(line)
                digest.update(line)
                groups.setdefault(item.group, [])
                planned = PlannedClip(item.clip_id, offset, len(line), 0)
                waiting.setdefault(item.split, []).append((item.group, planned))
                filled = sharder.add(item.split, item.clip_id, item.content)
                if filled:
                    close(filled)
                offset += len(line)
                frames += item.frames
    except OSError as error:
        raise storage_error(store.path(PLAN), error) from error
    for shard in sharder.finish():
        close(shard)
    return PlannedWork(shards, groups, frames, digest.hexdigest()[:12])


def write_units(store: JobStore, work: PlannedWork, finished: set[str]) -> int:
    """Writes the work file: a unit for each group with clips in unfinished shards.

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
            for clips in work.groups.values():
                pending = [clip for clip in clips if work.shards[clip.shard].name not in finished]
                if pending:
                    file.write(_unit(work, pending).to_json() + "\n")
                    count += 1
    except OSError as error:
        raise storage_error(store.path(WORK), error) from error
    return count


def read_units(address: str) -> Iterator[str]:
    """Lines of the work file, read by a worker, so that the pipeline itself stays small."""
    for line in JobStore(address).lines(WORK):
        yield line.decode()


def pending_lines(store: JobStore, unit: Unit) -> list[tuple[PlannedClip, str]]:
    """Clips of a unit that have not ended yet, each with its line of the plan file."""
    pending = [clip for clip in unit.clips if not _has_ended(store, unit.shards[clip.shard], clip.clip_id)]
    return [(clip, store.read(PLAN, clip.offset, clip.size).decode()) for clip in pending]


def forget_failures(store: JobStore, may_pass: Callable[[jobs.Outcome], bool]) -> None:
    """Removes dead letters of unfinished shards that may be clips the next time."""
    for name in store.names(jobs.PARTS):
        if name.endswith(jobs.FAILED):
            outcome = build(jobs.Outcome, json.loads(store.read(f"{jobs.PARTS}/{name}")))
            if may_pass(outcome):
                store.remove(f"{jobs.PARTS}/{name}")


def facts(work: PlannedWork, **counts: Any) -> dict[str, Any]:
    """What the job's report says of the plan; `counts` are more of what was planned."""
    return {"plan": work.digest, "planned": {"clips": work.total, "frames": work.frames, **counts}}


def _unit(work: PlannedWork, clips: list[PlannedClip]) -> Unit:
    numbers = sorted({clip.shard for clip in clips})
    local = {number: i for i, number in enumerate(numbers)}
    return Unit(
        tuple(work.shards[number] for number in numbers),
        tuple(dataclasses.replace(clip, shard=local[clip.shard]) for clip in clips),
    )


def _has_ended(store: JobStore, shard: jobs.Shard, clip_id: str) -> bool:
    return store.exists(shard.file) or jobs.read_outcome(store, shard, clip_id) is not None
