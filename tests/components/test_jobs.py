import json
import pathlib

import pytest

from components import jobs, records

ITEMS = [("train", f"t{i}", f"content {i}") for i in range(5)] + [("eval", "e0", "content e")]


def test_shards_are_named_by_content():
    shards = jobs.plan_shards(ITEMS, size=2)
    assert [shard.clip_ids for shard in shards] == [("t0", "t1"), ("t2", "t3"), ("t4",), ("e0",)]
    changed = jobs.plan_shards([(split, i, c.replace("2", "two")) for split, i, c in ITEMS], size=2)
    same = [a.name == b.name for a, b in zip(shards, changed, strict=True)]
    assert same == [True, False, True, True]


def test_a_shard_is_its_parts_without_the_failures(tmp_path: pathlib.Path):
    tf = pytest.importorskip("tensorflow")
    shard = jobs.Shard("train", "abc", ("a", "b", "c"))
    for clip_id in ("a", "c"):
        part = shard.part_path(tmp_path, clip_id)
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(clip_id.encode())
    assert shard.finished(tmp_path) == 2
    jobs.assemble(tmp_path, shard, {"b": "cloth broke"})
    written = tf.data.TFRecordDataset(str(shard.path(tmp_path)), compression_type="GZIP")
    assert list(written.as_numpy_iterator()) == [b"a", b"c"]
    assert json.loads(shard.failures_path(tmp_path).read_text()) == {"clip_id": "b", "reason": "cloth broke"}
    assert jobs.read_failures(tmp_path, [shard]) == {"b": "cloth broke"}
    assert not (tmp_path / ".parts" / "abc").exists()
    assert shard.finished(tmp_path) == 3
    assert [p.name for p in (tmp_path / "train").iterdir()] == [f"abc{records.SUFFIX}"]


def test_too_many_failures_end_a_job():
    jobs.check_failure_rate({"a": "x"}, total=10, limit=0.1)
    with pytest.raises(jobs.JobError, match=r"Received: 2 of 10 failed, 2 of them by: x"):
        jobs.check_failure_rate({"a": "x", "b": "x"}, total=10, limit=0.1)


def test_a_file_is_whole_or_absent(tmp_path):
    from model.storage import write_bytes, written_aside

    path = tmp_path / "deep" / "file.bin"
    write_bytes(path, b"first")
    with pytest.raises(RuntimeError), written_aside(path) as aside:
        aside.write_bytes(b"half")
        raise RuntimeError("power cut")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]
