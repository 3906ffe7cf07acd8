import dataclasses
import gzip

from model.config import Config, TrainConfig
from model.training.identity import different_fields, files_digest, stage_identity


def test_a_stage_is_what_its_weights_depend_on(tmp_path):
    shard = tmp_path / "a.tfrecord.gz"
    shard.write_bytes(gzip.compress(b"clips", mtime=0))

    def identity(config):
        return stage_identity("frame", config, "a-body", [str(shard)], [str(shard)], None)

    config = Config()
    first = identity(config)
    free = dataclasses.replace(config, frame=TrainConfig(checkpoint_every=7), video=TrainConfig(seed=9))
    assert identity(free) == first
    other = identity(dataclasses.replace(config, frame=TrainConfig(seed=3)))
    assert different_fields(first, other) == ["frame.seed: 0, here 3"]
    shard.write_bytes(gzip.compress(b"clipz", mtime=0))
    assert [text.split(":")[0] for text in different_fields(first, identity(config))] == ["data.eval", "data.train"]


def test_moved_shards_are_the_same_and_reordered_ones_are_not(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, content in zip(paths, (b"one", b"two", b"one"), strict=True):
        path.write_bytes(gzip.compress(content, mtime=0))
    a, b, c = map(str, paths)
    assert files_digest([a, b]) == files_digest([c, b]) != files_digest([b, a])
