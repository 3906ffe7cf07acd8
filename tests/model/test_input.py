import functools
import gzip

import cv2
import numpy as np
import pytest

from components import records, tf_example, tfrecord
from model.config import ModelConfig, TrainConfig
from model.errors import BodyMismatchError, ConfigError, RecordError
from model.training.input import (
    LABELS,
    Source,
    TrainingData,
    check_smpl_labels,
    evaluation_batches,
    inspect,
    labelled_frames,
)

tf = pytest.importorskip("tensorflow")
T, BODY = 3, "free-neutral-0"
SHARES = {"photos": 1.0, "film": 2.0}
MODEL = ModelConfig(encoder="small", image_size=32, clip_length=T, encoder_weights="")


def make_clip(number: int, length: int = T, **changes) -> records.Clip:
    """A clip whose first beta is its number."""
    rng = np.random.default_rng(number)
    picture = cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), (48, 48))
    values = {
        "clip_id": f"clip-{number}", "source": "film", "subject": "", "action": "", "camera": "", "body_id": BODY,
        "fps": 15.0, "frames": [cv2.imencode(".jpg", picture)[1].tobytes()] * length, "masks": [],
        "frame_size": (48, 48), "pose": rng.normal(size=(length, 72)), "betas": np.eye(10)[0] * number,
        "trans": np.zeros((length, 3)), "keypoints3d": rng.normal(size=(length, 19, 3)),
        "keypoints3d_valid": np.ones((length, 19)), "has_3d": True, "has_smpl": True,
        "keypoints2d": np.concatenate([rng.uniform(12, 36, (length, 19, 2)), np.ones((length, 19, 1))], -1),
        "intrinsics": np.eye(3), "extrinsics": np.zeros((length, 3, 4)),
    }  # fmt: skip
    return records.Clip(**{**values, **changes})


def write(folder, *shards) -> Source:
    """Shards of clips, or of records as bytes."""
    paths = []
    for i, clips in enumerate(shards):
        path = folder / f"{i}{records.SUFFIX}"
        path.write_bytes(tfrecord.pack([c if isinstance(c, bytes) else records.encode(c) for c in clips]))
        paths.append(str(path))
    return Source(paths, functools.partial(records.parse_batch, length=T), BODY)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Eleven clips in three shards, two of them stills of another source."""
    clips = [make_clip(i) for i in range(9)]
    stills = [make_clip(i, 1, source="photos", has_smpl=False, has_3d=False) for i in (9, 10)]
    source = write(tmp_path_factory.mktemp("film"), clips[:4], [*clips[4:6], stills[0]], [stills[1], *clips[6:]])
    return source, inspect(source, MODEL)


def batches(data, index, skip=0):
    return [(x.numpy(), {n: v.numpy() for n, v in y.items()}) for x, y in data.epoch(index, skip)]


def numbers(*drawn):
    """Which clips batches of clips hold."""
    return np.concatenate([labels["betas"][:, 0, 0] for _, labels in drawn]).astype(int).tolist()


def assert_same(first, second):
    assert len(first) == len(second)
    for (images, labels), (others, other_labels) in zip(first, second, strict=True):
        assert np.array_equal(images, others)
        for name in LABELS:
            assert np.array_equal(labels[name], other_labels[name]), name


def test_inventory(film):
    _, inventory = film
    assert inventory.clips == 11 and inventory.labelled == 9
    assert inventory.clips_by_source == {"film": 9, "photos": 2}
    assert inventory.file_of(np.array([0, 3, 4, 6, 7, 10])).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("cache_gb", "stills", "sampling"),
    [(1.0, False, {}), (1.0, True, SHARES), (0.0, False, SHARES), (0.0, True, {})],
)
def test_an_epoch_is_a_function_of_seed_index_and_skip(film, monkeypatch, cache_gb, stills, sampling):
    monkeypatch.setattr("model.training.input.WINDOW_BYTES", 1.0)  # windows of one shard
    train = TrainConfig(batch_clips=2, frames_per_clip=2, cache_gb=cache_gb, sampling=sampling, seed=5)
    data = TrainingData(*film, MODEL, train, stills)
    assert data.steps_per_epoch == 5
    epoch = batches(data, 1)
    assert [len(x) for x, _ in epoch] == [4 if stills else 2] * 5
    assert epoch[0][0].shape[1:] == ((32, 32, 3) if stills else (T, 32, 32, 3))
    assert epoch[0][0].dtype == np.float32 and 0.3 < epoch[0][0].max() <= 1.0
    again = TrainingData(*film, MODEL, train, stills)
    for skip in (0, 2, 5):
        assert_same(batches(again, 1, skip), epoch[skip:])
    assert not np.array_equal(batches(data, 2)[0][1]["pose"], epoch[0][1]["pose"])


@pytest.mark.parametrize("cache_gb", [1.0, 0.0])
def test_every_clip_comes_once_and_can_be_named(film, cache_gb):
    data = TrainingData(*film, MODEL, TrainConfig(batch_clips=2, cache_gb=cache_gb), False)
    seen = [numbers(batch) for batch in batches(data, 0)]
    assert len(set(np.ravel(seen))) == 10
    for step, held in enumerate(seen):
        assert data.clip_ids(0, step) == [f"clip-{number}" for number in held]
    few = TrainingData(*film, MODEL, TrainConfig(batch_clips=16, cache_gb=cache_gb), False)
    assert few.steps_per_epoch == 1 and set(numbers(batches(few, 0)[0])) == set(range(11))


def test_sampling_draws_shares(film):
    train = TrainConfig(batch_clips=5, sampling={"photos": 3.0, "film": 2.0})
    drawn = numbers(*batches(TrainingData(*film, MODEL, train, False), 0))
    assert len(drawn) == 10 and sum(number > 8 for number in drawn) == 6
    assert drawn.count(9) == drawn.count(10) == 3
    only = TrainConfig(batch_clips=1, sampling={"photos": 1.0})
    assert TrainingData(*film, MODEL, only, False).steps_per_epoch == 2
    with pytest.raises(ConfigError, match=r"film \(9 clips\), photos \(2 clips\). Received: coco"):
        TrainingData(*film, MODEL, TrainConfig(sampling={"coco": 1.0}), False)


def test_skipping_does_not_decode(tmp_path):
    """A picture that cannot be decoded stops the epoch that meets it, not one that begins after it."""
    broken = make_clip(3, frames=[b"\xff\xd8 no picture"] * T)
    source = write(tmp_path, [make_clip(i) for i in range(3)], [broken])
    data = TrainingData(source, inspect(source, MODEL), MODEL, TrainConfig(batch_clips=1, cache_gb=0), False)
    place = [data.clip_ids(0, step) for step in range(4)].index(["clip-3"])
    with pytest.raises(tf.errors.InvalidArgumentError):
        batches(data, 0, place)
    assert len(batches(data, 0, place + 1)) == 3 - place


def test_stills_become_clips_that_stand_still(film):
    images, labels = next(iter(evaluation_batches(*film, MODEL, 11, False)))
    assert labels["has_smpl"].numpy().tolist() == [[1.0] * T] * 6 + [[0.0] * T] * 2 + [[1.0] * T] * 3
    for name, values in {**labels, "images": images}.items():
        still = values.numpy()[6]
        assert np.array_equal(still, np.broadcast_to(still[:1], still.shape)), name


def test_evaluation_takes_every_clip_in_order_and_again(film):
    data = evaluation_batches(*film, MODEL, 4, False)
    first, second = ([(x.numpy(), {n: v.numpy() for n, v in y.items()}) for x, y in data] for _ in range(2))
    assert_same(first, second)
    assert [len(x) for x, _ in first] == [4, 4, 3] and len(data) == 3
    assert numbers(*first) == [0, 1, 2, 3, 4, 5, 9, 10, 6, 7, 8]
    flat = next(iter(evaluation_batches(*film, MODEL, 4, True)))
    assert np.array_equal(flat[0], first[0][0].reshape(-1, 32, 32, 3))


def test_labels_without_images_are_those_of_the_batches(film):
    alone = list(labelled_frames(film[0], MODEL))
    batch = next(iter(evaluation_batches(*film, MODEL, 11, False)))[1]
    labelled = batch["has_smpl"].numpy()[:, 0] > 0
    assert len(alone) == 9
    for name in LABELS:
        assert np.array_equal(np.stack([clip[name] for clip in alone]), batch[name].numpy()[labelled]), name


def with_label(clip: records.Clip, name: str, place: int, value: float) -> bytes:
    """A record as another program may have written it."""
    example = tf_example.Example.FromString(records.encode(clip))
    example.features.feature[name].float_list.value[place] = value
    return example.SerializeToString()


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        (make_clip(7, 5), RecordError, "Records of 3 frames.*Received: clip-7 with 5 frames.*1.tfrecord.gz"),
        (make_clip(7, body_id="smpl-neutral-1"), BodyMismatchError, "1.tfrecord.gz.*Received: smpl-neutral-1"),
        (with_label(make_clip(7), "labels/pose", 3, np.nan), RecordError, "NaN or infinity in clip-7$"),
        (with_label(make_clip(7), "labels/keypoints2d", 0, np.inf), RecordError, "NaN or infinity in clip-7$"),
        (make_clip(7, frames=[b"GIF"] * T), RecordError, "JPEG frames.*in clip-7$"),
        (b"something else", RecordError, "Received: .*1.tfrecord.gz"),
    ],
)
def test_records_that_cannot_be_trained_on(tmp_path, record, error, message):
    with pytest.raises(error, match=message):
        inspect(write(tmp_path, [make_clip(0)], [make_clip(1), record]), MODEL)


def test_shards_that_cannot_be_read(tmp_path):
    source = write(tmp_path, [make_clip(0), make_clip(1)], [])
    content = gzip.decompress((tmp_path / f"0{records.SUFFIX}").read_bytes())
    for broken in (gzip.compress(content[:-9]), gzip.compress(content)[:-40], content, None):
        path = tmp_path / f"1{records.SUFFIX}"
        path.unlink() if broken is None else path.write_bytes(broken)
        with pytest.raises(RecordError, match=f"Received: {path}"):
            inspect(source, MODEL)


def test_an_empty_split_and_one_without_smpl(tmp_path):
    for source in (write(tmp_path, [], []), write(tmp_path)):
        with pytest.raises(RecordError, match=f"Received: {len(source.files)} shards without any"):
            inspect(source, MODEL)
    unlabelled = write(tmp_path, [make_clip(0, has_smpl=False)])
    with pytest.raises(RecordError, match="Received: none; 1 of film"):
        check_smpl_labels(inspect(unlabelled, MODEL))
