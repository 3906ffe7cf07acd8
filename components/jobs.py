"""What every Beam job that writes records shares: shards named by content, parts, outcomes, dead letters.

A job's folder:
  <split>/<hash>.tfrecord.gz      finished shards; the name is the hash of the items planned for it
  failures/<hash>.jsonl           dead letters of a finished shard, one a line; no file when nothing failed
  stats/<hash>.json               outcomes of a finished shard's clips: frames, processor seconds, memory
  .parts/<hash>/<id>.example      finished clips of an unfinished shard
  .parts/<hash>/<id>.made.json    ... their outcomes, written after the part; or <id>.failed.json
  .aside/                         files that are being written

Whoever finishes the last clip of a shard writes the shard, so that shards appear while the job runs. Killing any
process at any moment loses nothing that was finished: the next run with the same plan takes up shards and parts that
are there. Two workers may do the same thing at the same time: they write the same bytes, and either rename counts.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import math
import pathlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from components import records, tfrecord
from components.job_store import JobStore
from model.errors import RecordError, UserError
from model.typed_json import build

CLIPS_PER_SHARD = 16
PARTS = ".parts"
MADE, FAILED = ".made.json", ".failed.json"

# A job is stopped early when this many independent items say so beyond this many standard deviations.
_LEAST_ITEMS = 20
_DEVIATIONS = 4.0


class JobError(UserError):
    """A job did not do what was asked: too many items failed, or it was stopped."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """Clips that go into one file.

    Attributes:
        split: folder of the shard.
        name: hash of the planned items.
        clip_ids: in order.
    """

    split: str
    name: str
    clip_ids: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of the finished shard in the job's store."""
        return f"{self.split}/{self.name}{records.SUFFIX}"

    def path(self, out: pathlib.Path) -> pathlib.Path:
        """Where the finished shard lies in a job's folder."""
        return out / self.file

    @property
    def failures_file(self) -> str:
        """Name of its dead letters."""
        return f"failures/{self.name}.jsonl"

    @property
    def stats_file(self) -> str:
        """Name of its clips' outcomes."""
        return f"stats/{self.name}.json"

    def part_file(self, clip_id: str, suffix: str = ".example") -> str:
        """Name of what waits for the shard of one clip."""
        return f"{PARTS}/{self.name}/{clip_id}{suffix}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one clip ended.

    Attributes:
        clip_id: of the clip.
        run: id of the run that made it.
        frames: made; 0 when it failed.
        cpu_seconds: stage -> processor seconds of this clip alone.
        group: what it shares costs with (a simulation).
        group_cpu_seconds: stage -> processor seconds that the group took, once for all of its clips.
        group_run: id of the run that paid them.
        group_began: when that began, seconds since the epoch.
        stage: where it failed, or "".
        error: class of the failure, or "".
        reason: of the failure, or "".
        worker: process that did it.
        began: seconds since the epoch.
        ended: seconds since the epoch.
        memory_mb: resident memory of the worker at the end.
        peak_memory_mb: most that the worker ever had.
    """

    clip_id: str
    run: str
    frames: int = 0
    cpu_seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    group: str = ""
    group_cpu_seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    group_run: str = ""
    group_began: float = 0.0
    stage: str = ""
    error: str = ""
    reason: str = ""
    worker: str = ""
    began: float = 0.0
    ended: float = 0.0
    memory_mb: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether there is no record of the clip."""
        return bool(self.error)

    def letter(self) -> dict[str, str]:
        """The dead letter of a failed clip."""
        return {"clip_id": self.clip_id, "stage": self.stage, "error": self.error, "reason": self.reason}


class Sharder:
    """Deals planned items out to shards, in order, without keeping their content."""

    def __init__(self, size: int = CLIPS_PER_SHARD):
        self._size = size
        self._open: dict[str, tuple[list[str], Any]] = {}

    def add(self, split: str, clip_id: str, content: str) -> Shard | None:
        """Takes one item; returns the shard that it filled, if it did.

        Args:
            split: folder of the shard.
            clip_id: of the item.
            content: whatever decides the clip's bytes.
        """
        ids, digest = self._open.setdefault(split, ([], hashlib.sha256()))
        digest.update((("\n" if ids else "") + content).encode())
        ids.append(clip_id)
        return self._close(split) if len(ids) == self._size else None

    def finish(self) -> list[Shard]:
        """The shards that are not full."""
        return [self._close(split) for split in list(self._open)]

    def _close(self, split: str) -> Shard:
        ids, digest = self._open.pop(split)
        return Shard(split, digest.hexdigest()[:16], tuple(ids))


def plan_shards(items: Iterable[tuple[str, str, str]], size: int = CLIPS_PER_SHARD) -> list[Shard]:
    """Groups planned items (split, clip id, content) into shards; see Sharder."""
    sharder = Sharder(size)
    filled = [sharder.add(*item) for item in items]
    return [shard for shard in filled if shard] + sharder.finish()


def keep(store: JobStore, shard: Shard, outcome: Outcome, record: bytes | None = None) -> bool:
    """Keeps a clip's record and outcome, and writes its shard when that was the last clip missing.

    Returns:
        Whether the shard was written.

    Raises:
        WorkerError: the store does not take it.
    """
    if record is not None:
        store.write(shard.part_file(outcome.clip_id), record)
    name, other = (FAILED, MADE) if outcome.failed else (MADE, FAILED)
    store.write(shard.part_file(outcome.clip_id, name), json.dumps(dataclasses.asdict(outcome)).encode())
    store.remove(shard.part_file(outcome.clip_id, other))
    return assemble(store, shard)


def read_outcome(store: JobStore, shard: Shard, clip_id: str) -> Outcome | None:
    """How a clip of an unfinished shard ended, or None if it did not yet."""
    for suffix in (MADE, FAILED):
        try:
            return build(Outcome, json.loads(store.read(shard.part_file(clip_id, suffix))))
        except FileNotFoundError:
            continue
    return None


def assemble(store: JobStore, shard: Shard) -> bool:
    """Writes a shard if all of its clips ended, dead letters and outcomes first, and removes its parts.

    Returns:
        Whether this call wrote it.

    Raises:
        WorkerError: the store does not take it.
    """
    began = time.process_time()
    ended = {_clip_of(name) for name in store.names(f"{PARTS}/{shard.name}")}
    if not ended.issuperset(shard.clip_ids):
        return False
    try:
        outcomes = [read_outcome(store, shard, clip_id) for clip_id in shard.clip_ids]
        if None in outcomes:
            return False
        found = [outcome for outcome in outcomes if outcome is not None]
        content = tfrecord.pack(store.read(shard.part_file(o.clip_id)) for o in found if not o.failed)
    except FileNotFoundError:
        # Another worker was faster and removes the parts.
        return False
    letters = [outcome.letter() for outcome in found if outcome.failed]
    if letters:
        store.write(shard.failures_file, "".join(json.dumps(letter) + "\n" for letter in letters).encode())
    else:
        store.remove(shard.failures_file)  # of a shard that was reopened
    stats = {
        "bytes": len(content),
        "cpu_seconds": {"write": round(time.process_time() - began, 3)},
        "clips": [dataclasses.asdict(outcome) for outcome in found],
    }
    store.write(shard.stats_file, json.dumps(stats).encode())
    store.write(shard.file, content)
    store.remove_folder(f"{PARTS}/{shard.name}")
    return True


def outcomes_of(stats: dict[str, Any]) -> list[Outcome]:
    """Clips' outcomes in what a finished shard's stats file holds, in the order of its records."""
    return [build(Outcome, values) for values in stats["clips"]]


def reopen(store: JobStore, shard: Shard, again: Callable[[Outcome], bool]) -> bool:
    """Takes a finished shard apart, so that some of its failed clips are tried once more.

    The shard goes when everything else of it lies among the parts, so that a kill loses nothing.

    Args:
        store: of the job.
        shard: that is finished.
        again: which failures to forget.

    Returns:
        Whether there were any; if not, the shard stays as it is.

    Raises:
        RecordError: the shard is damaged.
        WorkerError: the store does not take the parts.
    """
    if not store.exists(shard.failures_file):
        return False
    outcomes = outcomes_of(json.loads(store.read(shard.stats_file)))
    kept = [outcome for outcome in outcomes if not (outcome.failed and again(outcome))]
    if len(kept) == len(outcomes):
        return False
    with store.local(shard.file) as path:
        content = list(tfrecord.read(path))
    made = [outcome.clip_id for outcome in outcomes if not outcome.failed]
    if len(content) != len(made):
        raise RecordError(f"A shard with {len(made)} records is needed. Received: {shard.file} with {len(content)}")
    for clip_id, record in zip(made, content, strict=True):
        store.write(shard.part_file(clip_id), record)
    for outcome in kept:
        name = FAILED if outcome.failed else MADE
        store.write(shard.part_file(outcome.clip_id, name), json.dumps(dataclasses.asdict(outcome)).encode())
    store.remove(shard.file, shard.failures_file, shard.stats_file)
    return True


def _clip_of(part: str) -> str:
    """Clip id of an outcome's file name; "" of other files."""
    for suffix in (MADE, FAILED):
        if part.endswith(suffix):
            return part.removesuffix(suffix)
    return ""


def read_letters(store: JobStore, shard: Shard) -> Iterator[dict[str, str]]:
    """Dead letters of one finished shard."""
    if store.exists(shard.failures_file):
        for line in store.lines(shard.failures_file):
            yield json.loads(line)


def common_reason(reason: str) -> str:
    """A reason without its numbers, so that like ones count together."""
    return re.sub(r"\d[\d.,]*", "#", reason)


def check_failure_rate(failures: dict[str, str], total: int, limit: float) -> None:
    """Ends a job that lost too much.

    Raises:
        JobError: more than `limit` of `total` clips failed; the message names the most common reason.
    """
    if len(failures) > limit * total:
        kinds = collections.Counter(common_reason(reason) for reason in failures.values())
        kind, count = kinds.most_common(1)[0]
        example = next(reason for reason in failures.values() if common_reason(reason) == kind)
        raise JobError(
            f"At most {limit:.0%} of the clips may fail (--max_failure_rate). "
            f"Received: {len(failures)} of {total} failed, {count} of them by: {example}"
        )


def is_hopeless(failed: int, done: int, total: int, limit: float, per_group: float = 1.0) -> bool:
    """Whether a running job will surely break its failure rate.

    It does once more clips failed than may fail in all, or once those that are done leave no reasonable doubt: the
    lower bound of the Wilson interval (Wilson 1927) of the failure rate, at four standard deviations, is above the
    limit. Clips of one group (a simulation) fail together, so groups are counted, and at least 20 are waited for.

    Args:
        failed: clips that failed.
        done: clips that ended, those included.
        total: clips of the job.
        limit: share that may fail.
        per_group: mean number of clips in a group.
    """
    if failed > limit * total:
        return True
    groups = done / max(per_group, 1.0)
    if groups < _LEAST_ITEMS:
        return False
    rate, z2 = failed / done, _DEVIATIONS**2
    spread = _DEVIATIONS * math.sqrt(rate * (1 - rate) / groups + z2 / (4 * groups**2))
    return (rate + z2 / (2 * groups) - spread) / (1 + z2 / groups) > limit
