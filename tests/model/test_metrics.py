import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from model import conventions, metrics

seeds = st.integers(0, 10_000)
OF_ONE_FRAME = ("mpjpe", "pa_mpjpe", "pa_mpjpe_of_truth", "mpvpe")


def skeleton(rng, *lead, size=0.4):
    """Keypoints that spread like a person's, metres."""
    return size * rng.normal(size=(*lead, conventions.NUM_KEYPOINTS, 3))


def mesh(rng, frames=5, vertices=40):
    return 0.4 * rng.normal(size=(2, frames, vertices, 3))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_mpjpe_by_hand(rng):
    truth = skeleton(rng, 4)
    moved = truth.copy()
    moved[:, conventions.keypoint("head_top")] += [0.0, 0.006, 0.008]  # 10 mm
    moved[:, conventions.keypoint("L_knee")] -= [0.018, 0.0, 0.0]
    moved[:, conventions.keypoint("nose")] += 1.0  # not among the 14
    assert np.allclose(metrics.mpjpe(moved, truth), (10 + 18) / 14)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(-20.0, 20.0))
def test_mpjpe_ignores_where_both_stand(seed, shift):
    rng = np.random.default_rng(seed)
    truth, predicted = skeleton(rng, 2, 3)
    expected = metrics.mpjpe(predicted, truth)
    assert np.allclose(metrics.mpjpe(predicted + shift, truth), expected, atol=1e-8)
    assert np.allclose(metrics.mpjpe(predicted, truth - [0.0, shift, 1.0]), expected, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(seeds, st.floats(0.2, 5.0), st.booleans())
def test_pa_mpjpe_ignores_any_similarity_of_the_prediction(seed, scale, flat):
    rng = np.random.default_rng(seed)
    truth, predicted = skeleton(rng, 2, 3)
    if flat:
        predicted[..., 2] = 0.0
    turn = Rotation.random(random_state=seed).as_matrix()
    moved = scale * predicted @ turn.T + 5.0 * rng.normal(size=3)
    assert np.allclose(metrics.pa_mpjpe(moved, truth), metrics.pa_mpjpe(predicted, truth), atol=1e-6)
    assert metrics.pa_mpjpe(scale * truth @ turn.T + 1.0, truth).max() < 1e-6


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_alignment_never_adds_squared_error(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = skeleton(rng, 2, 3)[..., : conventions.NUM_EVAL_KEYPOINTS, :]

    def squares(points):
        return ((points - truth) ** 2).sum((-2, -1))

    centred = predicted - predicted.mean(-2, keepdims=True) + truth.mean(-2, keepdims=True)
    aligned = metrics.similarity_align(predicted, truth)
    assert (squares(aligned) <= squares(centred) + 1e-12).all()
    # Nothing nearby is better: it is the least-squares solution.
    for bend in 1e-3 * rng.normal(size=(5, 3)):
        centre = aligned.mean(-2, keepdims=True)
        turned = (aligned - centre) @ Rotation.from_rotvec(bend).as_matrix().T * (1 + bend[0]) + centre + bend
        assert (squares(aligned) <= squares(turned) + 1e-12).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_alignment_agrees_with_scipy(rng, mirrored):
    for _ in range(20):
        target = rng.normal(size=(14, 3))
        source = 0.7 * target @ Rotation.random(random_state=1).as_matrix() + 0.2 * rng.normal(size=(14, 3))
        source = source * [-1, 1, 1] if mirrored else source
        a, b = source - source.mean(0), target - target.mean(0)
        orthogonal, _ = orthogonal_procrustes(a, b)
        rotation, _ = Rotation.align_vectors(b, a)
        # scipy's orthogonal_procrustes takes reflections, its align_vectors does not.
        assert (np.linalg.det(orthogonal) < 0) == mirrored
        wanted = rotation.as_matrix().T if mirrored else orthogonal
        turned = a @ wanted
        scale = (turned * b).sum() / (a * a).sum()
        assert np.allclose(metrics.similarity_align(source, target), scale * turned + target.mean(0), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_a_reflection_does_not_align(seed):
    truth = skeleton(np.random.default_rng(seed), 1)
    assert metrics.pa_mpjpe(truth * [-1, 1, 1], truth)[0] > 50


def test_degenerate_skeletons_have_an_error(rng):
    truth = skeleton(rng, 3)
    point = np.broadcast_to(skeleton(rng, 3)[:, :1], truth.shape)
    centred = truth[:, :14] - truth[:, :14].mean(1, keepdims=True)
    spread = 1000 * np.linalg.norm(centred, axis=-1).mean(-1)
    assert np.allclose(metrics.pa_mpjpe(point, truth), spread)  # a point lands on the centre
    assert np.allclose(metrics.pa_mpjpe(truth, point), 0.0, atol=1e-9)  # and everything shrinks to a point
    line = np.linspace(0, 1, 19)[:, None] * rng.normal(size=(3, 1, 3))
    assert np.isfinite(metrics.pa_mpjpe(line, truth)).all()
    assert metrics.pa_mpjpe(2 * line, line).max() < 1e-6


def test_mpvpe_by_hand(rng):
    truth = mesh(rng)
    moved = truth.copy()
    moved[:, 1, 7] += [0.0, 0.03, 0.04]  # 50 mm of one vertex of 40, in one frame
    assert np.allclose(metrics.mpvpe(moved, truth), [[0, 50 / 40, 0, 0, 0]] * 2)


def test_running_variation_by_hand():
    truth = np.zeros((1, 3, 4, 3))
    truth[0, 1:, 2, 2] = 0.5
    predicted = truth.copy()
    predicted[0, 1, 0] += [0.03, 0.04, 0.0]  # there and back
    assert np.allclose(metrics.mrvpv(predicted, truth, 1), [[0.07, 0.07]])
    assert np.allclose(metrics.mrvpv(predicted, truth, 2), [[0.05, 0.05]])
    assert np.allclose(metrics.mrvpv_per_vertex(predicted, truth), [[50 / 4, 50 / 4]])
    assert np.allclose(metrics.vertex_variation(predicted, 1), [[0.57, 0.07]])
    assert np.allclose(metrics.vertex_variation(predicted, 2), [[np.hypot(0.5, 0.05), 0.05]])
    with pytest.raises(ValueError, match="Received: 3"):
        metrics.mrvpv(predicted, truth, 3)


def test_running_shape_variation_by_hand():
    betas = np.zeros((1, 3, 10))
    betas[0, 1, :2] = [0.3, -0.4]
    assert np.allclose(metrics.mrsv(betas, 1), [[0.7, 0.7]])
    assert np.allclose(metrics.mrsv(betas, 2), [[0.5, 0.5]])


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([1, 2]))
def test_running_variations_that_vanish(seed, p):
    rng = np.random.default_rng(seed)
    truth = mesh(rng)
    offset = truth + rng.normal(size=truth.shape[2:])  # another body in the same motion
    assert np.allclose(metrics.mrvpv(offset, truth, p), 0.0, atol=1e-12)
    assert np.allclose(metrics.mrvpv_per_vertex(offset, truth), 0.0, atol=1e-9)
    still = np.repeat(truth[:, :1], 4, 1)
    assert metrics.vertex_variation(still, p).max() == 0
    assert metrics.vertex_variation(offset, p).min() > 0
    betas = np.repeat(rng.normal(size=(2, 1, 10)), 5, 1)
    assert metrics.mrsv(betas, p).max() == 0


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(1.0, 120.0), st.floats(1.5, 4.0))
def test_acceleration_vanishes_at_constant_velocity_and_grows_with_the_frame_rate_squared(seed, fps, faster):
    rng = np.random.default_rng(seed)
    truth = skeleton(rng, 2, 6)
    drift = skeleton(rng, 2, 1) * np.arange(6)[:, None, None]
    rate = np.array([fps, 2 * fps])
    error = metrics.acceleration_error(truth + skeleton(rng, 2, 1) + drift, truth, rate)
    assert np.allclose(error / rate[:, None] ** 2, 0.0, atol=1e-9)
    other = skeleton(rng, 2, 6)
    slow, fast = (metrics.acceleration_error(other, truth, r) for r in (rate, faster * rate))
    assert np.allclose(fast, faster**2 * slow)


def test_acceleration_by_hand():
    truth = np.zeros((1, 3, 19, 3))
    moved = truth.copy()
    moved[:, 1, 0, 1] = 0.014  # one joint jumps by 14 mm in the middle frame: 2 mm per joint in second differences
    assert metrics.acceleration_error(moved, truth, np.array([10.0]))[0, 0] == pytest.approx(2 * 100)


def every_metric(predicted, truth, vertices, true_vertices, betas, fps, xp=np):
    """All metrics of clips, by name."""
    return {
        "mpjpe": metrics.mpjpe(predicted, truth, xp),
        "pa_mpjpe": metrics.pa_mpjpe(predicted, truth, xp),
        "pa_mpjpe_of_truth": metrics.pa_mpjpe(truth, predicted, xp),  # the one that is turned stands far away
        "mpvpe": metrics.mpvpe(vertices, true_vertices, xp),
        "mrvpv_per_vertex": metrics.mrvpv_per_vertex(vertices, true_vertices, xp),
        "mrvpv_1": metrics.mrvpv(vertices, true_vertices, 1, xp),
        "mrvpv_2": metrics.mrvpv(vertices, true_vertices, 2, xp),
        "variation_1": metrics.vertex_variation(vertices, 1, xp),
        "variation_2": metrics.vertex_variation(vertices, 2, xp),
        "mrsv_1": metrics.mrsv(betas, 1, xp),
        "mrsv_2": metrics.mrsv(betas, 2, xp),
        "accel": metrics.acceleration_error(predicted, truth, fps, xp),
    }


def inputs(rng, frames):
    """Two clips of float32 predictions 0.1 m off, the truth 14 m from the camera as in records."""
    truth, vertices = skeleton(rng, 2, frames), mesh(rng, frames, 3000)
    predicted, moved = (x + 0.1 * rng.normal(size=x.shape) for x in (truth, vertices))
    betas, fps = rng.normal(size=(2, frames, 10)), np.array([25.0, 30.0])
    truth += np.array([0.2, -0.3, 14.0])
    return [x.astype(np.float32) for x in (predicted, truth, moved, vertices, betas, fps)]


def in_graph(function):
    """The function compiled by the backend that is set."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def test_float32_graphs_agree_with_float64(rng):
    from keras import ops

    arrays = inputs(rng, 40)
    wanted = every_metric(*(x.astype(np.float64) for x in arrays))
    got = in_graph(lambda *x: every_metric(*x, ops))(*arrays)
    for name, value in wanted.items():
        difference = np.abs(np.asarray(got[name]) - value)
        # Millimetres agree to 1e-4; norms over the whole mesh, betas and accelerations to float32's own digits.
        per_body = name in (*OF_ONE_FRAME, "mrvpv_per_vertex")
        assert (difference <= (1e-4 if per_body else 2e-6 * value)).all(), (name, difference.max())


@pytest.mark.parametrize("graph", [False, True])
def test_a_missing_frame_is_nan_and_leaves_the_others_alone(rng, graph):
    from keras import ops

    whole = inputs(rng, 6)
    holed = [x.copy() for x in whole]
    for predicted in (holed[0], holed[2], holed[4]):
        predicted[1, 2] = np.nan
    run = in_graph(lambda *x: every_metric(*x, ops)) if graph else every_metric
    expected, got = run(*whole), run(*holed)
    for name, value in expected.items():
        value, found = np.asarray(value), np.asarray(got[name])
        behind = 6 - value.shape[1]  # how many frames before it a difference reaches back
        touched = np.zeros(value.shape, bool)
        touched[1, max(0, 2 - behind) : 3] = True
        assert np.array_equal(np.isnan(found), touched), name
        assert np.array_equal(found[~touched], value[~touched]), name


@pytest.mark.parametrize("graph", [False, True])
def test_a_single_frame_has_no_differences(rng, graph):
    from keras import ops

    run = in_graph(lambda *x: every_metric(*x, ops)) if graph else every_metric
    for name, value in run(*inputs(rng, 1)).items():
        frames = 1 if name in OF_ONE_FRAME else 0
        assert value.shape == (2, frames), name
