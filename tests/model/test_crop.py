import numpy as np
import pytest

from model import crop

tf = pytest.importorskip("tensorflow")
T = 16
FRAME = tf.constant([480.0, 640.0])


def keypoints(centre, height):
    """A figure of 19 keypoints around `centre` [T, 2] with a box `height` [T] tall and a third as wide."""
    unit = np.random.default_rng(0).uniform(-0.5, 0.5, (19, 2))
    unit = (unit - unit.min(0)) / np.ptp(unit, axis=0) - 0.5
    points = np.asarray(centre)[:, None] + np.asarray(height)[:, None, None] * unit * [1 / 3, 1]
    return np.concatenate([points, np.ones((T, 19, 1))], -1).astype(np.float32)


def middle(squares):
    return squares[:, :2] + squares[:, 2:] / 2 - 0.5


def test_a_figure_that_walks_on_is_followed():
    centre = np.stack([np.linspace(100, 400, T), np.full(T, 200.0)], -1)
    squares = crop.person_squares(keypoints(centre, np.full(T, 92.0)), FRAME).numpy()
    assert (squares[:, 2] == 140).all()  # 1.4 boxes of a person whose keypoints span 92 of 100 pixels
    assert np.abs(middle(squares) - centre).max() <= 1.0
    points = crop.normalised(tf.constant(keypoints(centre, np.full(T, 92.0))[..., :2]), squares).numpy()
    assert np.abs(points).max() < 1.0


def test_shaking_boxes_do_not_shake_the_crop():
    rng = np.random.default_rng(0)
    centre = np.array([320, 240]) + rng.normal(0, 10, (T, 2))
    height = 200 + rng.normal(0, 10, T)
    squares = crop.person_squares(keypoints(centre, height), FRAME).numpy()
    assert np.abs(np.diff(middle(squares), axis=0)).max() < 0.25 * np.abs(np.diff(centre, axis=0)).max()
    assert np.abs(np.diff(squares[:, 2])).max() <= 5
    assert (squares[:, 2] >= 1.4 / 0.92 * height.mean()).all()


def test_a_crouch_of_a_moment_does_not_change_the_scale():
    height = np.where(np.arange(T) % 6 == 3, 60.0, 180.0)
    squares = crop.person_squares(keypoints(np.full((T, 2), 240.0), height), FRAME).numpy()
    assert len(np.unique(squares[:, 2])) == 1


def test_only_labelled_keypoints_count():
    labelled = keypoints(np.full((T, 2), 240.2), np.full(T, 100.0))
    hidden = labelled.copy()
    hidden[..., 2] = 0
    unknown = np.concatenate([labelled, np.zeros((T, 3, 3), np.float32)], 1)
    gaps = labelled.copy()
    gaps[[0, 7, 15]] = 0
    want = crop.person_squares(labelled, FRAME).numpy()
    for given in (hidden, unknown, gaps):
        assert np.array_equal(crop.person_squares(given, FRAME), want)
    nobody = crop.person_squares(np.zeros_like(labelled), FRAME).numpy()
    assert (nobody == [0, -80, 640]).all()


def test_batches_and_stills():
    first, second = (keypoints(np.full((T, 2), place), np.full(T, 100.0)) for place in (100.2, 300.2))
    both = crop.person_squares(np.stack([first, second]), tf.stack([FRAME, FRAME])).numpy()
    for got, given in zip(both, (first, second), strict=True):
        assert np.array_equal(got, crop.person_squares(given, FRAME))
        assert np.array_equal(got[:1], crop.person_squares(given[:1], FRAME))


@pytest.mark.parametrize("size", [40, 90])
@pytest.mark.parametrize("square", [(10, 5, 60), (-20, 30, 90), (100, 60, 33), (-300, -300, 80), (0, 0, 120)])
def test_frames_are_cut_as_prediction_cuts_them(square, size):
    import cv2

    from model.images import decode_frames, decode_masks
    from serving.tracking import Square

    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 255, (12, 15, 3), dtype=np.uint8), (150, 120), interpolation=cv2.INTER_CUBIC)
    jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    frame = tf.io.decode_jpeg(jpeg).numpy()
    cut = decode_frames(tf.constant([jpeg]), size, tf.constant([square])).numpy()[0].astype(int)
    want = Square(*square).cut(frame, size)
    assert np.abs(cut - want).max() <= 2 and np.abs(cut - want).mean() < 0.6

    mask = (image[..., :1] > 128).astype(np.uint8) * 7
    png = cv2.imencode(".png", mask)[1].tobytes()
    coverage = decode_masks(tf.constant([png]), size, tf.constant([square])).numpy()[0, ..., 0].astype(int)
    want = Square(*square).cut((mask > 0).astype(np.uint8)[..., 0] * 255, size)
    assert np.abs(coverage - want).max() <= 2
