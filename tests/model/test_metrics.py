import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from model import metrics

rng = np.random.default_rng(0)


def skeleton(*lead):
    return rng.normal(size=(*lead, 19, 3))


def test_mpjpe_of_a_known_shift():
    truth = skeleton(4)
    moved = truth.copy()
    moved[:, 0] += [0.0, 0.014, 0.0]  # one ankle of 14 joints, 14 mm
    assert np.allclose(metrics.mpjpe(moved, truth), 1.0)
    assert np.allclose(metrics.mpjpe(truth + np.array([1.0, 2.0, 3.0]), truth), 0.0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 5.0))
def test_pa_mpjpe_ignores_similarity(seed, scale):
    local = np.random.default_rng(seed)
    truth = local.normal(size=(2, 19, 3))
    turn = Rotation.random(random_state=seed).as_matrix()
    assert metrics.pa_mpjpe(scale * truth @ turn.T + local.normal(size=3), truth).max() < 1e-6


def test_a_reflection_does_not_align():
    truth = skeleton(1)
    assert metrics.pa_mpjpe(truth * [-1, 1, 1], truth)[0] > 100


def test_alignment_agrees_with_scipy():
    a, b = rng.normal(size=(2, 14, 3))
    b[:, 0] += 0.5 * a[:, 0]
    aligned = metrics.similarity_align(a, b)
    _, _, disparity = procrustes(b, a)
    # scipy's disparity allows reflections and is relative to the target's centred norm.
    ours = ((aligned - b) ** 2).sum() / ((b - b.mean(0)) ** 2).sum()
    assert ours >= disparity - 1e-12
    proper = np.linalg.det(np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))[0]) > 0
    assert ours == pytest.approx(disparity) or not proper or ours > disparity


def test_still_shapes_and_steady_motion_cost_nothing():
    betas = np.repeat(rng.normal(size=(2, 1, 10)), 5, 1)
    assert metrics.mrsv(betas, 1).max() == metrics.mrsv(betas, 2).max() == 0
    truth = np.repeat(skeleton(1)[:, None], 6, 1)
    turned = truth.copy()
    turned[..., 0, 2] += 0.01 * np.arange(6)  # constant velocity
    assert np.allclose(metrics.acceleration_error(turned, truth, np.array([30.0])), 0.0, atol=1e-6)


def test_acceleration_knows_the_frame_rate():
    truth = np.zeros((1, 3, 19, 3))
    moved = truth.copy()
    moved[:, 1, 0, 1] = 0.014  # one joint jumps by 14 mm in the middle frame: 2 mm per joint in second differences
    assert metrics.acceleration_error(moved, truth, np.array([10.0]))[0, 0] == pytest.approx(2 * 100)


def test_running_variation_by_hand():
    truth = np.zeros((1, 2, 3, 3))
    predicted = truth.copy()
    predicted[0, 1, 0] = [0.03, 0.04, 0.0]
    assert metrics.mrvpv(predicted, truth, 1)[0, 0] == pytest.approx(0.07)
    assert metrics.mrvpv(predicted, truth, 2)[0, 0] == pytest.approx(0.05)


def test_graph_twins_agree():
    from keras import ops

    a, b = skeleton(2, 5).astype(np.float32), skeleton(2, 5).astype(np.float32)
    for function in (metrics.mpjpe, metrics.pa_mpjpe):
        twin = np.asarray(function(ops.convert_to_tensor(a), ops.convert_to_tensor(b), ops))
        assert np.allclose(function(a, b), twin, rtol=1e-5, atol=1e-3)
