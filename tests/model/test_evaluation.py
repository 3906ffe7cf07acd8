import keras
import numpy as np
import pytest

from model import conventions, metrics
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.evaluation import FRAME_METRICS, MEAN_POSE_PREFIX, clip_metrics

FRAMES = 5
NEED_MESH = {"mpvpe_mm", "mrvpv_l1_m", "mrvpv_l2_m", "mrvpv_per_vertex_mm"}
NEED_JOINTS = {"mpjpe_mm", "pa_mpjpe_mm", "accel_mm_s2", "missing_share"}
OF_PREDICTION = set(FRAME_METRICS) - NEED_MESH - NEED_JOINTS - {"unlabelled_share"}


@pytest.fixture(scope="module")
def body():
    return BodyLayer(load_body("neutral"))


@pytest.fixture(scope="module")
def evaluate(body):
    """clip_metrics, compiled, NumPy in and out."""

    def run(theta, mean_theta, labels):
        return clip_metrics(theta, mean_theta, labels, body)

    if keras.backend.backend() == "jax":
        import jax

        graph = jax.jit(run)
    else:
        import tensorflow as tf

        graph = tf.function(run)
    return lambda *x: {name: np.asarray(value) for name, value in graph(*x).items()}


def draw(body, clips=2):
    """Predictions of clips, a mean Theta, and labels near the predictions, 14 m from the camera."""
    rng = np.random.default_rng(0)
    theta = (0.3 * rng.normal(size=(clips, FRAMES, conventions.THETA_SIZE))).astype(np.float32)
    pose = theta[..., conventions.POSE_SLICE] + 0.1 * rng.normal(size=(clips, FRAMES, 72)).astype(np.float32)
    betas = rng.normal(size=(clips, 10)).astype(np.float32)
    keypoints = np.asarray(body(pose, np.repeat(betas[:, None], FRAMES, 1)).keypoints)
    labels = {
        "pose": pose,
        "betas": betas,
        "fps": np.full(clips, 25.0, np.float32),
        "keypoints3d": keypoints + np.array([0.1, 0.2, 14.0], np.float32),
        "keypoints3d_valid": np.ones((clips, FRAMES, conventions.NUM_KEYPOINTS), np.float32),
        "has_3d": np.ones(clips, np.float32),
        "has_smpl": np.ones(clips, np.float32),
    }
    return theta, theta[0, 0], labels


def test_the_truth_has_no_error_and_a_prediction_its_own(body, evaluate):
    theta, mean, labels = draw(body)
    values = evaluate(theta, mean, labels)
    assert set(values) == {prefix + name for name in FRAME_METRICS for prefix in ("", MEAN_POSE_PREFIX)}
    assert all(np.isfinite(value).all() for value in values.values())
    assert values["missing_share"].max() == values["unlabelled_share"].max() == 0
    predicted = np.asarray(body(theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE]).keypoints)
    for name, function in (("mpjpe_mm", metrics.mpjpe), ("pa_mpjpe_mm", metrics.pa_mpjpe)):
        assert np.allclose(values[name], function(predicted, labels["keypoints3d"]), atol=1e-2), name
    # The mean pose stands still.
    assert values["mean_pose_vertex_variation_l2_m"].max() == values["mean_pose_mrsv_l1"].max() == 0

    perfect = theta.copy()
    perfect[..., conventions.POSE_SLICE] = labels["pose"]
    perfect[..., conventions.BETAS_SLICE] = labels["betas"][:, None]
    values = evaluate(perfect, mean, labels)
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm", "mrvpv_per_vertex_mm", "mrsv_l1"):
        assert values[name].max() < 5e-3, name  # labels 14 m away are known to a micrometre
    assert values["vertex_variation_l2_m"].min() > 0.1


@pytest.mark.parametrize(
    ("absent", "emptied"),
    [
        ({"has_3d": 0}, set()),  # the labelled body's joints stand in
        ({"has_smpl": 0}, NEED_MESH),  # Human3.6M: joints only
        ({"has_3d": 0, "has_smpl": 0}, NEED_MESH | NEED_JOINTS),  # stills with 2D keypoints only
        ({"fps": 0}, {"accel_mm_s2"}),
    ],
)
def test_what_a_clip_has_no_label_for_is_not_counted(body, evaluate, absent, emptied):
    theta, mean, labels = draw(body)
    whole = evaluate(theta, mean, labels)
    for name in absent:
        labels[name][1] = 0
    for name, cleared in (("has_3d", ("keypoints3d", "keypoints3d_valid")), ("has_smpl", ("pose", "betas"))):
        for label in cleared if name in absent else ():
            labels[label][1] = 0  # what records of such sources hold
    values = evaluate(theta, mean, labels)
    for name in FRAME_METRICS:
        for prefix in ("", MEAN_POSE_PREFIX):
            value = values[prefix + name]
            assert np.array_equal(value[0], whole[prefix + name][0]), name
            assert np.isnan(value[1]).all() if name in emptied else np.isfinite(value[1]).all(), name
            if name in OF_PREDICTION or (name not in emptied and name != "unlabelled_share"):
                assert np.allclose(value[1], whole[prefix + name][1], rtol=1e-3, atol=2e-3), name
    assert values["unlabelled_share"][1].tolist() == [float("mpjpe_mm" in emptied)] * FRAMES


def test_a_frame_with_an_unknown_joint_or_a_nan_label_is_not_counted(body, evaluate):
    theta, mean, labels = draw(body)
    labels["keypoints3d_valid"][0, 1, conventions.keypoint("L_wrist")] = 0
    labels["keypoints3d_valid"][0, 2, conventions.keypoint("nose")] = 0  # not compared
    labels["pose"][1, 3, 7] = np.nan
    labels["keypoints3d"][1, 3] = np.nan
    values = evaluate(theta, mean, labels)
    unlabelled = np.zeros((2, FRAMES), bool)
    unlabelled[0, 1] = unlabelled[1, 3] = True
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "missing_share", "mean_pose_mpjpe_mm"):
        assert np.array_equal(np.isnan(values[name]), unlabelled), name
    assert np.array_equal(values["unlabelled_share"], unlabelled)
    assert np.isnan(values["mpvpe_mm"]).nonzero() == (np.array([1]), np.array([3]))
    assert np.isnan(values["accel_mm_s2"]).tolist() == [[True, True, False], [False, True, True]]


@pytest.mark.parametrize("lost", [np.nan, np.inf, 1e30])
def test_a_missing_prediction_is_counted_as_such_and_nowhere_else(body, evaluate, lost):
    theta, mean, labels = draw(body)
    whole = evaluate(theta, mean, labels)
    theta[0, 2, conventions.BETAS_SLICE] = lost
    labels["has_3d"][1] = labels["has_smpl"][1] = 0
    theta[1, 0] = lost  # where nothing is labelled nothing is missed
    values = evaluate(theta, mean, labels)
    assert np.nansum(values["missing_share"]) == 1 and values["missing_share"][0, 2] == 1
    assert np.nanmean(values["missing_share"]) == pytest.approx(1 / FRAMES)
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "mpvpe_mm"):
        assert np.isnan(values[name][0]).tolist() == [False, False, True, False, False], name
    assert np.isnan(values["mrsv_l2"][0]).tolist() == [False, True, True, False]
    assert np.isnan(values["mrsv_l2"][1]).tolist() == [True, False, False, False]
    assert np.array_equal(values["mean_pose_mpjpe_mm"][0], whole["mean_pose_mpjpe_mm"][0])
