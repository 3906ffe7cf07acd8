"""What every Beam job that writes records shares: shards named by content, parts, dead letters, progress, limits.

A job's folder:
  <split>/<hash>.tfrecord.gz   finished shards; the name is the hash of the items planned for it
  failures/<hash>.jsonl        dead letters of a finished shard: {"clip_id", "reason"} a line
  .parts/<hash>/<id>.example   finished clips of an unfinished shard
Everything is written aside and renamed. Killing a job at any moment loses nothing that was finished: the next run with
the same plan takes up shards and parts that are there.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import pathlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tqdm

from components import records
from model.errors import UserError
from model.storage import write_bytes, written_aside

CLIPS_PER_SHARD = 16


class JobError(UserError):
    """Too many items of a job failed."""


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

    def path(self, out: pathlib.Path) -> pathlib.Path:
        """Where the finished shard lies."""
        return out / self.split / f"{self.name}{records.SUFFIX}"

    def failures_path(self, out: pathlib.Path) -> pathlib.Path:
        """Where its dead letters lie; there is no file when nothing failed."""
        return out / "failures" / f"{self.name}.jsonl"

    def part_path(self, out: pathlib.Path, clip_id: str) -> pathlib.Path:
        """Where a finished clip waits for the shard."""
        return out / ".parts" / self.name / f"{clip_id}.example"

    def finished(self, out: pathlib.Path) -> int:
        """How many of its clips are there."""
        if self.path(out).is_file():
            return len(self.clip_ids)
        return sum(self.part_path(out, clip_id).is_file() for clip_id in self.clip_ids)


def plan_shards(items: Iterable[tuple[str, str, str]], size: int = CLIPS_PER_SHARD) -> list[Shard]:
    """Groups planned items into shards.

    Args:
        items: (split, clip id, content) of each clip; content is whatever decides the clip's bytes.
        size: clips in a shard.
    """
    by_split: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    for split, clip_id, content in items:
        by_split[split].append((clip_id, content))
    shards = []
    for split, entries in by_split.items():
        for i in range(0, len(entries), size):
            group = entries[i : i + size]
            name = hashlib.sha256("\n".join(content for _, content in group).encode()).hexdigest()[:16]
            shards.append(Shard(split, name, tuple(clip_id for clip_id, _ in group)))
    return shards


def assemble(out: pathlib.Path, shard: Shard, failures: dict[str, str]) -> None:
    """Writes a shard from its parts, its dead letters first, and removes the parts."""
    import tensorflow as tf

    if failures:
        letters = [{"clip_id": clip_id, "reason": failures[clip_id]} for clip_id in sorted(failures)]
        write_bytes(shard.failures_path(out), "".join(json.dumps(letter) + "\n" for letter in letters).encode())
    parts = [shard.part_path(out, clip_id) for clip_id in shard.clip_ids if clip_id not in failures]
    with written_aside(shard.path(out)) as aside, tf.io.TFRecordWriter(str(aside), "GZIP") as writer:
        for part in parts:
            writer.write(part.read_bytes())
    shutil.rmtree(out / ".parts" / shard.name, ignore_errors=True)


def read_failures(out: pathlib.Path, shards: Iterable[Shard]) -> dict[str, str]:
    """Dead letters of finished shards: clip id -> reason."""
    failures = {}
    for shard in shards:
        path = shard.failures_path(out)
        if path.is_file():
            letters = (json.loads(line) for line in path.read_text().splitlines())
            failures.update({letter["clip_id"]: letter["reason"] for letter in letters})
    return failures


def check_failure_rate(failures: dict[str, str], total: int, limit: float) -> None:
    """Ends a job that lost too much.

    Raises:
        JobError: more than `limit` of `total` clips failed; the message names the most common reason.
    """
    if len(failures) > limit * total:
        reason, count = collections.Counter(failures.values()).most_common(1)[0]
        raise JobError(
            f"At most {limit:.0%} of the clips may fail (--max_failure_rate). "
            f"Received: {len(failures)} of {total} failed, {count} of them by: {reason}"
        )


@contextmanager
def progress(stages: Sequence[tuple[str, int, Callable[[], int]]], seconds: float = 1.0) -> Iterator[None]:
    """Progress bars of a job whose workers are elsewhere: counts finished files.

    Args:
        stages: (title, total, function that counts what is done) for each bar.
        seconds: between two counts.
    """
    bars = [tqdm.tqdm(total=total, desc=title, dynamic_ncols=True) for title, total, _ in stages]
    stop = threading.Event()

    def update() -> None:
        for bar, (_, total, count) in zip(bars, stages, strict=True):
            bar.n = min(count(), total)
            bar.refresh()

    def watch() -> None:
        while not stop.wait(seconds):
            update()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        update()
        for bar in bars:
            bar.close()


def counters(result: Any) -> dict[str, int]:
    """Beam counters of a finished job by name."""
    return {m.key.metric.name: m.committed for m in result.metrics().query()["counters"]}
