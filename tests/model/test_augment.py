import numpy as np
import pytest

from model import conventions, rotations
from model.camera import project_weak, to_pixels
from model.training import repaint
from model.training.augment import augment_clip, field
from model.training.movement import Movement, flip_labels

SIZE, T = 96, 19
DOT = (200, 120, 40)
WIDE = 2 * round(SIZE * field(1.0) / 2)
LABELS = ("pose", "keypoints3d", "keypoints3d_valid", "keypoints2d")
TURNED = Movement(flip=True, angle=np.radians(9), scale=1.12, shift=(0.07, -0.05))


@pytest.fixture(scope="module")
def clip():
    """As many frames as keypoints, each with a dot at one of them, and labels that say so."""
    rng = np.random.default_rng(0)
    pixels = np.zeros((T, WIDE, WIDE, 4), np.uint8)
    pixels[..., 3] = 255
    places = rng.integers(round(0.25 * WIDE), round(0.75 * WIDE), (T, 19, 2))
    for k, (column, row) in enumerate(places[range(T), range(T)]):
        pixels[k, row - 2 : row + 3, column - 2 : column + 3, :3] = DOT
    return {
        "pixels": pixels,
        "pose": rng.normal(size=(T, 72)).astype(np.float32),
        "keypoints3d": rng.normal(size=(T, 19, 3)).astype(np.float32),
        "keypoints3d_valid": rng.integers(0, 2, (T, 19)).astype(np.float32),
        "keypoints2d": np.concatenate(
            [(places - (WIDE - 1) / 2) * 2 / SIZE, np.ones((T, 19, 1))], -1, dtype=np.float32
        ),
    }


def test_flipping_twice_changes_nothing(clip):
    flip = Movement(flip=True)
    once = flip_labels(clip)
    for name, value in flip_labels(once).items():
        assert np.array_equal(value, clip[name]), name
        assert not np.array_equal(once[name], clip[name]), name
    pixels = flip.images(clip["pixels"], WIDE)
    assert np.array_equal(pixels, clip["pixels"][:, :, ::-1])
    assert np.array_equal(flip.images(pixels, WIDE), clip["pixels"])


@pytest.mark.parametrize("movement", [Movement(), Movement(flip=True), TURNED, Movement(angle=-0.15, scale=0.87)])
def test_labels_follow_the_pixels(clip, movement):
    images = movement.images(clip["pixels"], SIZE)
    points = movement.labels(clip)["keypoints2d"]
    assert points[..., 2].all()
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for k, image in enumerate(images[..., :3].sum(-1) / sum(DOT)):
        seen = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
        place = conventions.KEYPOINT_MIRROR[k] if movement.flip else k
        assert np.abs(seen - to_pixels(points[k, place, :2], SIZE)).max() < 0.1


def test_the_moved_pose_is_the_moved_body(clip):
    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody

    body = NumpyBody(load_body("neutral"))
    mirror = conventions.KEYPOINT_MIRROR

    def keypoints(pose):
        found = body.keypoints(body(pose, np.zeros(10))[0])
        return found - found[:, list(conventions.ROOT_KEYPOINTS)].mean(1, keepdims=True)

    pose = 0.5 * clip["pose"]
    before = keypoints(pose)
    labels = {**clip, "pose": pose, "keypoints3d": before}
    turn = Movement(angle=0.3)
    turned = turn.labels(labels)
    assert np.abs(keypoints(turned["pose"]) - turned["keypoints3d"]).max() < 1e-5
    assert np.allclose(before @ rotations.rotation_about(2, 0.3).T, turned["keypoints3d"], atol=1e-6)
    # The free body is symmetric to about a millimetre.
    assert np.abs(keypoints(flip_labels(labels)["pose"]) - before[:, mirror] * [-1, 1, 1]).max() < 4e-3


@pytest.mark.parametrize("movement", [TURNED, Movement(flip=False, angle=-0.1, scale=0.9, shift=(-0.05, 0.08))])
def test_weak_perspective_stays_weak_perspective(clip, movement):
    """A projected clip, moved, is the moved 3D keypoints under the moved camera."""
    points = 0.5 * clip["keypoints3d"]
    camera = np.array([[0.4, 0.1, -0.05]] * T)
    flat = np.concatenate([project_weak(points, camera), np.ones((T, 19, 1))], -1)
    moved = movement.labels({**clip, "keypoints3d": points, "keypoints2d": flat})
    offset = rotations.rotation_about(2, movement.angle)[:2, :2] @ (camera[0, 1:] * [-1 if movement.flip else 1, 1])
    there = np.array([[0.4 * movement.scale, *(movement.scale * offset + movement.shift)]] * T)
    assert np.abs(project_weak(moved["keypoints3d"], there) - moved["keypoints2d"][..., :2]).max() < 1e-5


def test_draws_depend_on_the_generator_alone(clip):
    first, second, other = (augment_clip(clip, np.random.default_rng(seed), SIZE) for seed in (4, 4, 5))
    for name in (*LABELS, "images"):
        assert np.array_equal(first[name], second[name])
    assert not np.array_equal(first["images"], other["images"])
    assert first["images"].shape == (T, SIZE, SIZE, 3) and "pixels" not in first


def test_strength_zero_only_flips(clip):
    pictures = clip["pixels"][..., :3]
    for seed in range(4):
        images = augment_clip(clip, np.random.default_rng(seed), WIDE, strength=0.0)["images"]
        assert np.array_equal(images, pictures) or np.array_equal(images, pictures[:, :, ::-1])


def test_only_the_backdrop_is_replaced():
    """A figure of one colour stays of one colour; what is around it becomes a new picture in most clips."""
    coverage = np.zeros((T, SIZE, SIZE), np.uint8)
    coverage[:, 16:48, 24:40] = 255
    plain = np.where(coverage[..., None] > 0, 200, 60).astype(np.uint8).repeat(3, -1)
    replaced = 0
    for seed in range(20):
        image = repaint.recolour(plain, coverage, np.random.default_rng(seed), 1.0).astype(float)
        assert image[:, 16:48, 24:40].std(axis=(0, 1, 2)).max() == 0.0
        assert np.array_equal(image[0], image[1])
        replaced += image[:, 60:].std(axis=(0, 1, 2)).max() > 3.0
    assert 8 <= replaced <= 19
    untouched = repaint.recolour(plain, np.full_like(coverage, 255), np.random.default_rng(0), 1.0)
    assert len(np.unique(untouched.reshape(-1, 3), axis=0)) == 2


def test_covered_keypoints_are_not_visible(clip):
    images = np.full((T, SIZE, SIZE, 3), DOT, np.uint8)
    columns, rows = np.rint(to_pixels(clip["keypoints2d"][..., :2], SIZE)).astype(int).transpose(2, 0, 1)
    for seed in range(8):
        covered, points = repaint.occlude(images, clip["keypoints2d"], np.random.default_rng(seed))
        seen = (covered[np.arange(T)[:, None], rows, columns] == DOT).all(-1)
        assert np.array_equal(seen, points[..., 2] == 1)
        assert 0.5 < seen.mean() < 1.0
    assert (images == DOT).all() and clip["keypoints2d"][..., 2].all()
