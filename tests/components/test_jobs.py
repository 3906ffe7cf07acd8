import errno
import os
import pathlib
import threading
import time

import pytest
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.localfilesystem import LocalFileSystem

from components import job_report, job_watch, jobs, records, tfrecord
from components.job_store import JobStore, WorkerError
from components.simulation_cache import SimulationCache, SimulationOutcome
from model import storage

ITEMS = [("train", f"t{i}", f"content {i}") for i in range(5)] + [("eval", "e0", "content e")]


class ElsewhereFileSystem(LocalFileSystem):
    """A stand-in for an object store: elsewhere://x is the file /x, reached through Beam alone."""

    @classmethod
    def scheme(cls):
        return "elsewhere"

    @staticmethod
    def _local(path):
        return path.removeprefix("elsewhere:/")

    def exists(self, path):
        return super().exists(self._local(path))

    def create(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        pathlib.Path(self._local(path)).parent.mkdir(parents=True, exist_ok=True)
        return super().create(self._local(path), mime_type, compression_type)

    def open(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        return super().open(self._local(path), mime_type, compression_type)

    def rename(self, sources, destinations):
        for source, destination in zip(sources, destinations, strict=True):
            pathlib.Path(self._local(destination)).parent.mkdir(parents=True, exist_ok=True)
            super().rename([self._local(source)], [self._local(destination)])

    def delete(self, paths):
        super().delete([self._local(path) for path in paths])

    def _list(self, dir_or_prefix):
        for found in super()._list(self._local(dir_or_prefix)):
            found.path = f"elsewhere:/{found.path}"
            yield found


@pytest.fixture(params=["folder", "object store"])
def store(request, tmp_path):
    return JobStore(tmp_path if request.param == "folder" else f"elsewhere:/{tmp_path}")


def outcome(clip_id: str, reason: str = "") -> jobs.Outcome:
    return jobs.Outcome(
        clip_id, "run", frames=0 if reason else 4, cpu_seconds={"render": 0.5}, group="g", error="E" if reason else "",
        group_cpu_seconds={"simulate": 3.0}, group_run="run", reason=reason, peak_memory_mb=7.0,
    )  # fmt: skip


def test_shards_are_named_by_content():
    shards = jobs.plan_shards(ITEMS, size=2)
    assert [shard.clip_ids for shard in shards] == [("t0", "t1"), ("t2", "t3"), ("t4",), ("e0",)]
    changed = jobs.plan_shards([(split, i, c.replace("2", "two")) for split, i, c in ITEMS], size=2)
    same = [a.name == b.name for a, b in zip(shards, changed, strict=True)]
    assert same == [True, False, True, True]


def test_the_last_clip_writes_the_shard_without_the_failures(store, tmp_path):
    tf = pytest.importorskip("tensorflow")
    shard = jobs.Shard("train", "abc", ("a", "b", "c"))
    assert not jobs.keep(store, shard, outcome("c"), b"c")
    assert not jobs.keep(store, shard, outcome("b", "cloth broke"))
    watch = job_watch.Watch(store, [shard], 1.0, 1)
    assert watch.count() == (2, 1)
    assert not store.exists(shard.file)
    assert jobs.keep(store, shard, outcome("a"), b"a")
    written = tf.data.TFRecordDataset(str(tmp_path / "train" / f"abc{records.SUFFIX}"), compression_type="GZIP")
    assert list(written.as_numpy_iterator()) == [b"a", b"c"]
    letter = {"clip_id": "b", "stage": "", "error": "E", "reason": "cloth broke"}
    assert list(jobs.read_letters(store, shard)) == [letter]
    assert store.names(f"{jobs.PARTS}/abc") == [] and store.names(".aside") == []
    assert watch.count() == (3, 1)
    # What a worker that comes too late leaves behind changes nothing.
    assert not jobs.keep(store, shard, outcome("a"), b"late") and watch.count() == (3, 1)


def test_a_finished_shard_is_opened_again_for_failures_that_may_pass(store):
    shard = jobs.Shard("train", "abc", ("a", "b", "c", "d"))
    jobs.keep(store, shard, outcome("a"), b"a")
    jobs.keep(store, shard, outcome("b", "cloth broke"))
    jobs.keep(store, shard, outcome("c", "no memory"))
    assert jobs.keep(store, shard, outcome("d"), b"d")
    assert not jobs.reopen(store, shard, lambda failed: False) and store.exists(shard.file)
    assert jobs.reopen(store, shard, lambda failed: failed.reason == "no memory")
    assert not store.exists(shard.file) and jobs.read_outcome(store, shard, "c") is None
    assert job_watch.Watch(store, [shard], 1.0, 1).count() == (3, 1)
    assert jobs.keep(store, shard, outcome("c"), b"c")
    with store.local(shard.file) as path:
        assert list(tfrecord.read(path)) == [b"a", b"c", b"d"]
    assert [letter["clip_id"] for letter in jobs.read_letters(store, shard)] == ["b"]
    assert jobs.reopen(store, shard, lambda failed: True) and jobs.keep(store, shard, outcome("b"), b"b")
    assert not store.exists(shard.failures_file) and job_report.sum_up(store, [shard]).clips == 4


def test_only_rejected_cloth_is_remembered_as_a_failure(tmp_path):
    cache = SimulationCache(str(tmp_path))
    for error, known in (("SimulationRejectedError", True), ("MemoryError", False)):
        cache.keep(error, SimulationOutcome(1.0, "run", error=error, reason="why"))
        assert bool(cache.outcome(error)) == known


def test_what_a_killed_run_left_goes_after_a_day(tmp_path):
    store, day = JobStore(tmp_path), 24 * 3600
    for folder, name in ((".aside", "x-a.tfrecord.gz"), ("deep", ".aside-0123-file.bin"), ("deep", "file.txt")):
        for age in ("old", "young"):
            path = tmp_path / folder / f"{name}.{age}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"half")
            if age == "old":
                os.utime(path, (time.time() - day - 60,) * 2)
    store.remove_leftovers()
    storage.write_bytes(tmp_path / "deep" / "file.bin", b"whole")
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    young = {"x-a.tfrecord.gz.young", ".aside-0123-file.bin.young"}
    assert left == young | {"file.bin", "file.txt.old", "file.txt.young"}


def test_totals_count_each_group_once_and_runs_apart(store):
    shards = [jobs.Shard("train", "x", ("a", "b")), jobs.Shard("eval", "y", ("c",))]
    for shard in shards:
        for clip_id in shard.clip_ids:
            jobs.keep(store, shard, outcome(clip_id, "2 of 3" if clip_id == "c" else ""), clip_id.encode())
    totals = job_report.sum_up(store, [*shards, jobs.Shard("train", "unfinished", ("d",))], "another run")
    assert (totals.clips, totals.frames, totals.shards, totals.peak_memory_mb) == (2, 8, 2, 7.0)
    assert totals.cpu_seconds["render"] == 1.5 and totals.cpu_seconds["simulate"] == 3.0
    assert not totals.run_cpu_seconds
    assert job_report.rejects(totals.failures) == [{"reason": "E: # of #", "clips": 1, "example": "E: 2 of 3"}]


def test_too_many_failures_end_a_job():
    jobs.check_failure_rate({"a": "x"}, total=10, limit=0.1)
    with pytest.raises(jobs.JobError, match=r"Received: 2 of 10 failed, 2 of them by: x 1"):
        jobs.check_failure_rate({"a": "x 1", "b": "x 2"}, total=10, limit=0.1)


def test_a_hopeless_job_is_known_early_and_bad_luck_is_not():
    assert jobs.is_hopeless(101, 101, total=1000, limit=0.1)  # more than may fail in all
    assert not jobs.is_hopeless(80, 80, total=10_000, limit=0.1, per_group=8)  # ten simulations say nothing yet
    assert jobs.is_hopeless(160, 160, total=10_000, limit=0.1, per_group=8)
    assert not jobs.is_hopeless(60, 400, total=10_000, limit=0.1, per_group=8)  # 15 % of 50 may be chance at 10 %
    assert jobs.is_hopeless(600, 4000, total=100_000, limit=0.1)


def test_a_watch_asks_workers_to_stop(store):
    shard = jobs.Shard("train", "abc", ("a", "b", "c"))
    watch = job_watch.Watch(store, [shard], 0.1, 1)
    with watch.running(seconds=60):
        jobs.keep(store, shard, outcome("a", "x"))
    assert watch.stopped and store.read(job_watch.STOP) == b"1 of the first 1 clips failed"


def test_a_dead_worker_process_ends_the_job():
    def worker():
        raise RuntimeError("Worker subprocess exited with return code 137")

    with pytest.raises(WorkerError, match="return code 137"), job_watch.dead_workers_noticed():
        threading.Thread(target=worker).start()
        threading.Event().wait(30)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    store, shard = JobStore(tmp_path), jobs.Shard("train", "abc", ("a",))
    whole = pathlib.Path.write_bytes

    def fills_up(path, content):
        whole(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_bytes", fills_up)
        with pytest.raises(WorkerError, match="Received: No space left on device"):
            jobs.keep(store, shard, outcome("a"), b"record")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert jobs.keep(store, shard, outcome("a"), b"record") and store.exists(shard.file)


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "deep" / "file.bin"
    storage.write_bytes(path, b"first")
    with pytest.raises(RuntimeError), storage.written_aside(path) as aside:
        aside.write_bytes(b"half")
        raise RuntimeError("power cut")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    """As two machines do that share a folder, whose process ids may be equal."""
    path = tmp_path / "file.npz"
    with storage.written_aside(path) as one, storage.written_aside(path) as two:
        one.write_bytes(b"one")
        two.write_bytes(b"two")
        assert one != two and one.suffix == two.suffix == ".npz"
    assert path.read_bytes() == b"one" and list(tmp_path.iterdir()) == [path]
