import numpy as np
import pytest

from model import conventions
from model.training import augment

tf = pytest.importorskip("tensorflow")
SIZE = 64


@pytest.fixture(scope="module")
def clip():
    """Frames with a bright dot at each keypoint's place, and labels that say so."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-0.5, 0.5, (2, 19, 2)).astype(np.float32)
    images = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    for t in range(2):
        column, row = np.rint((keypoints[t, 0] + 1) * SIZE / 2 - 0.5).astype(int)
        images[t, row - 2 : row + 3, column - 2 : column + 3] = 255
        keypoints[t, 0] = (np.array([column, row]) + 0.5) * 2 / SIZE - 1
    return {
        "images": images,
        "coverage": np.full((2, SIZE, SIZE, 1), 255, np.uint8),
        "pose": rng.normal(size=(2, 72)).astype(np.float32),
        "keypoints3d": rng.normal(size=(2, 19, 3)).astype(np.float32),
        "keypoints3d_valid": rng.integers(0, 2, (2, 19)).astype(np.float32),
        "keypoints2d": np.concatenate([keypoints, np.ones((2, 19, 1), np.float32)], -1),
    }


def test_flipping_twice_changes_nothing(clip):
    once = {**clip, **augment.flip_labels(clip, True)}
    twice = augment.flip_labels(once, True)
    for name, value in twice.items():
        assert np.array_equal(value, clip[name]), name
    assert not np.allclose(once["pose"], clip["pose"])


def test_a_mirrored_pose_is_the_mirrored_body(clip):
    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody

    body = NumpyBody(load_body("neutral"))
    pose = 0.5 * clip["pose"]
    mirrored = augment.flip_labels({**clip, "pose": pose}, True)["pose"].numpy()
    _, joints = body(pose, np.zeros(10))
    _, mirrored_joints = body(mirrored, np.zeros(10))
    assert np.abs(mirrored_joints - joints[:, conventions.JOINT_MIRROR] * [-1, 1, 1]).max() < 2e-3


@pytest.mark.parametrize("seed", range(6))
def test_labels_follow_the_pixels(clip, seed):
    moved = augment.augment_clip(clip, tf.constant([seed, 1], tf.int64))
    flipped = not np.allclose(np.sign(moved["keypoints3d"][0, 2, 0]), np.sign(clip["keypoints3d"][0, 2, 0])) or (
        not np.allclose(np.abs(moved["keypoints3d"][0, 2]), np.abs(clip["keypoints3d"][0, 2]))
    )
    place = conventions.KEYPOINT_MIRROR[0] if flipped else 0
    for t in range(2):
        picture = moved["images"][t].numpy().astype(float)
        contrast = np.abs(picture - np.median(picture, axis=(0, 1))).sum(-1)
        rows, columns = np.nonzero(contrast > contrast.max() / 2)
        seen = (np.array([columns.mean(), rows.mean()]) + 0.5) * 2 / SIZE - 1
        assert np.abs(seen - moved["keypoints2d"][t, place, :2]).max() < 1.5 * 2 / SIZE


def test_the_same_seed_gives_the_same_clip(clip):
    first, second, other = (augment.augment_clip(clip, tf.constant([s, 0], tf.int64)) for s in (4, 4, 5))
    assert np.array_equal(first["images"], second["images"])
    assert not np.array_equal(first["images"], other["images"])


def test_only_the_backdrop_is_replaced(clip):
    """A figure of one colour stays of one colour; what is around it becomes a new picture in most clips."""
    figure = np.zeros((2, SIZE, SIZE, 1), np.uint8)
    figure[:, 16:48, 24:40] = 255
    plain = {**clip, "images": np.where(figure > 0, 200, 60).astype(np.uint8).repeat(3, -1), "coverage": figure}
    replaced = 0
    for seed in range(12):
        image = augment.augment_clip(plain, tf.constant([seed, 0], tf.int64))["images"].numpy()[0].astype(float)
        assert image[26:38, 29:35].std(axis=(0, 1)).max() < 1.0
        replaced += image[2:10].std(axis=(0, 1)).max() > 3.0
    assert 4 <= replaced <= 12


def test_strength_zero_only_flips(clip):
    for seed in range(4):
        moved = augment.augment_clip(clip, tf.constant([seed, 0], tf.int64), strength=0.0)
        pictures = moved["images"].numpy()
        assert (
            np.abs(pictures.astype(int) - clip["images"]).max() <= 1
            or np.abs(pictures.astype(int) - clip["images"][:, :, ::-1]).max() <= 1
        )
