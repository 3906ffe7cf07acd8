import dataclasses
import gzip
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from components import records, tf_example
from model.errors import BodyMismatchError, RecordError

ROOT = pathlib.Path(__file__).parents[2]
rng = np.random.default_rng(0)
T = 3


def make_clip(**changes) -> records.Clip:
    values = {
        "clip_id": "a-0",
        "source": "test",
        "subject": "someone",
        "action": "walk",
        "camera": "front",
        "body_id": "free-neutral-0",
        "fps": 15.0,
        "frames": [b"\xff\xd8one", b"two", b"three"],
        "masks": [b"", b"png", b""],
        "frame_size": (250, 240),
        "pose": rng.normal(size=(T, 72)),
        "betas": rng.normal(size=10),
        "trans": rng.normal(size=(T, 3)),
        "keypoints3d": rng.normal(size=(T, 19, 3)),
        "keypoints3d_valid": np.ones((T, 19)),
        "keypoints2d": rng.normal(size=(T, 19, 3)),
        "has_3d": True,
        "has_smpl": False,
        "intrinsics": np.eye(3),
        "extrinsics": rng.normal(size=(T, 3, 4)),
    }
    return records.Clip(**{**values, **changes})


def test_round_trip():
    clip = make_clip()
    back = records.decode(records.encode(clip))
    for field in dataclasses.fields(clip):
        before, after = getattr(clip, field.name), getattr(back, field.name)
        if isinstance(before, np.ndarray):
            assert np.array_equal(np.float32(before), after), field.name
        else:
            assert before == after, field.name


def test_graph_parsing_agrees():
    clip = make_clip()
    parsed = records.parse_batch(np.array([records.encode(clip)]), T)
    assert np.allclose(parsed["keypoints2d"][0], clip.keypoints2d, atol=1e-6)
    assert parsed["has_3d"].numpy().tolist() == [1.0] and parsed["has_smpl"].numpy().tolist() == [0.0]
    assert parsed["frame_size"].numpy().tolist() == [[250.0, 240.0]]
    assert list(records.parse_frames(np.array([records.encode(clip)]), T)[0].numpy()) == clip.frames


@pytest.mark.parametrize("changes", [{}, {"masks": []}, {"clip_id": "ü", "fps": 29.97, "has_smpl": True}])
def test_the_bytes_are_those_of_tensorflow(changes):
    tf = pytest.importorskip("tensorflow")
    mine = records.encode(make_clip(**changes))
    example = tf.train.Example.FromString(mine)
    assert example.SerializeToString(deterministic=True) == mine
    # Built by TensorFlow's classes from the values alone: a field that either side knows under another number is lost.
    again = tf.train.Example()
    for name, feature in sorted(example.features.feature.items(), reverse=True):
        kind = feature.WhichOneof("kind")
        getattr(again.features.feature[name], kind).value.extend(getattr(feature, kind).value)
    assert len(example.features.feature) == len(records.parse_spec()) + 1 - (changes.get("masks") == [])
    assert again.SerializeToString(deterministic=True) == mine


@pytest.mark.parametrize(
    "changes", [{"pose": np.zeros((T, 71))}, {"betas": np.full(10, np.nan)}, {"trans": np.zeros((T + 1, 3))}]
)
def test_wrong_or_unreal_labels_are_refused(changes):
    with pytest.raises(RecordError, match="Received"):
        records.encode(make_clip(**changes))


def test_other_bytes_are_refused():
    with pytest.raises(RecordError, match="Received: 14 bytes of something else"):
        records.decode(b"not an example")


def test_a_wrong_feature_is_named():
    example = tf_example.Example.FromString(records.encode(make_clip()))
    example.features.feature["labels/betas"].float_list.value.pop()
    with pytest.raises(RecordError, match="Received: labels/betas with 9 values in place of 10"):
        records.decode(example.SerializeToString())
    del example.features.feature["labels/pose"]
    with pytest.raises(RecordError, match=f"Received: labels/pose with 0 values in place of {72 * T}"):
        records.decode(example.SerializeToString())


def test_records_are_written_and_read_without_tensorflow():
    """Half of a generation worker's memory was TensorFlow's."""
    code = """
import sys
from components import synthesis_records, synthesis_stages
synthesis_stages.Simulate(synthesis_stages.JobSettings("nowhere", "run")).setup()
print("tensorflow" in sys.modules)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert said.stdout == "False\n", said.stderr


def test_shards(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = tmp_path / f"a{records.SUFFIX}"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for i in range(2):
            writer.write(records.encode(make_clip(clip_id=f"c{i}")))
    assert records.find_shards(tmp_path) == [path]
    assert [clip.clip_id for clip in records.read(path)] == ["c0", "c1"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    read = records.read(path)
    assert next(read).clip_id == "c0"
    with pytest.raises(
        RecordError, match=r"Received: .*a\.tfrecord\.gz \(not gzip, damaged or cut short, after 1 records\)"
    ):
        list(read)
    plain = gzip.decompress(whole)
    flipped = plain[:100] + bytes([plain[100] ^ 1]) + plain[101:]
    for content in (b"", b"nothing", gzip.compress(flipped), gzip.compress(plain[:-1])):
        path.write_bytes(content)
        with pytest.raises(RecordError, match="Received"):
            list(records.read(path))
    path.unlink()
    with pytest.raises(RecordError, match="No such file"):
        list(records.read(path))
    with pytest.raises(RecordError, match="Received"):
        records.find_shards(tmp_path / "nothing")


def test_datasets_of_one_split_join_others(tmp_path):
    paths = [tmp_path / name for name in ("a/train/1", "a/eval/2", "b/train/3", "c/eval/4")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + records.SUFFIX).touch()
    a, b, c, nothing = (tmp_path / name for name in "abcn")
    names = [[path.name[0] for path in shards] for shards in records.find_splits([a, b, c])]
    assert names == [["1", "3"], ["2", "4"]]
    for datasets, wanted in (
        ([a, nothing], "Received: .*n$"),
        ([b], "with eval/.* among"),
        ([c], "with train/.* among"),
    ):
        with pytest.raises(RecordError, match=wanted):
            records.find_splits(datasets)


def test_the_schema_names_every_feature():
    text = records.SCHEMA_PATH.read_text()
    for name in [*records.parse_spec(), "clip/length", "clip/protocols"]:
        assert f'name: "{name}"' in text


def test_records_of_another_body_are_refused(tmp_path):
    tf = pytest.importorskip("tensorflow")
    from model.config import ModelConfig
    from model.training.inventory import Source, inspect

    path = str(tmp_path / f"a{records.SUFFIX}")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(records.encode(make_clip(body_id="smpl-neutral-1", has_smpl=True)))
    source = Source([path], lambda s: records.parse_batch(s, T), "free-neutral-0")
    with pytest.raises(BodyMismatchError, match="Received: smpl-neutral-1"):
        inspect(source, ModelConfig(clip_length=T))
    # Public datasets come without a body.
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(records.encode(make_clip(body_id="", has_smpl=False, frames=[b"\xff\xd8"] * T)))
    assert inspect(source, ModelConfig(clip_length=T)).labelled == 0
