import keras
import numpy as np
import pytest
import tensorflow as tf

from model import conventions
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.camera import project_weak
from model.config import LossConfig
from model.losses import mesh_losses

B, T, K = 2, 4, conventions.NUM_KEYPOINTS
R_HIP, L_HIP = conventions.ROOT_KEYPOINTS
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def truth():
    """Theta of clips, keypoints of its body, and labels that agree with it."""
    body = BodyLayer(load_body("neutral"))
    theta = rng.normal(size=(B, T, 85)).astype(np.float32) * 0.3
    theta[..., 75:] = theta[:, :1, 75:]
    keypoints = np.asarray(body(theta[..., 3:75], theta[..., 75:]).keypoints)
    points = np.asarray(project_weak(keypoints, theta[..., :3]))
    return theta, keypoints, {
        "pose": theta[..., 3:75],
        "betas": theta[..., 75:],
        "keypoints3d": keypoints + np.array([0.1, 0.2, 4.0], np.float32),
        "keypoints3d_valid": np.ones((B, T, K), np.float32),
        "keypoints2d": np.concatenate([points, np.ones((B, T, K, 1))], -1).astype(np.float32),
        "has_3d": np.ones((B, T), np.float32),
        "has_smpl": np.ones((B, T), np.float32),
    }  # fmt: skip


def losses(truth, config=None, features=None, **changed):
    """Terms by name where theta, keypoints or labels are changed."""
    theta, keypoints, labels = truth
    theta, keypoints = changed.pop("theta", theta), changed.pop("keypoints", keypoints)
    found = mesh_losses(theta, keypoints, features, {**labels, **changed}, config or LossConfig())
    return {name: float(getattr(found, name)) for name in (*found.TERMS, "total")}


def changed(array, *at_values):
    array = array.copy()
    for at, value in at_values:
        array[at] = value
    return array


def test_all_vanish_at_the_truth(truth):
    assert losses(truth) == pytest.approx(dict.fromkeys(losses(truth), 0.0), abs=1e-5)


def test_2d_is_the_l1_distance_of_visible_points(truth):
    points = truth[2]["keypoints2d"] + np.array([0.5, -0.25, 0], np.float32)
    # sum_i |(0.5, 0.25)|_1 over 19 keypoints; the mean over frames leaves it.
    assert losses(truth, keypoints2d=points)["keypoints2d"] == pytest.approx(19 * 0.75, rel=1e-4)
    hidden = changed(points, (np.s_[..., 5:, 2], 0), (np.s_[..., 5:, :2], np.nan))
    assert losses(truth, keypoints2d=hidden)["keypoints2d"] == pytest.approx(5 * 0.75, rel=1e-4)


def test_3d_is_the_squared_distance_from_the_root(truth):
    points = truth[2]["keypoints3d"]
    moved = changed(points, (np.s_[..., 0, 2], points[..., 0, 2] + 0.5))
    assert losses(truth, keypoints3d=moved)["keypoints3d"] == pytest.approx(0.25, rel=1e-4)
    # One hip off by 0.2 shifts the root by 0.1: that hip is 0.1 off, and so are the other 18.
    hip = changed(points, (np.s_[..., R_HIP, 2], points[..., R_HIP, 2] + 0.2))
    assert losses(truth, keypoints3d=hip)["keypoints3d"] == pytest.approx(19 * 0.01, rel=1e-4)


def test_3d_counts_valid_keypoints_of_frames_with_both_hips(truth):
    points, valid = truth[2]["keypoints3d"], truth[2]["keypoints3d_valid"]
    moved = changed(points, (np.s_[..., 0, 2], points[..., 0, 2] + 0.5))
    one_unknown = {"keypoints3d": changed(moved, (np.s_[0, 0, 0], np.nan))}
    one_unknown["keypoints3d_valid"] = changed(valid, (np.s_[0, 0, 0], 0))
    assert losses(truth, **one_unknown)["keypoints3d"] == pytest.approx(0.25 * 7 / 8, rel=1e-4)
    no_root = {"keypoints3d": changed(moved, (np.s_[1, :, L_HIP], np.nan))}
    no_root["keypoints3d_valid"] = changed(valid, (np.s_[1, :, L_HIP], 0))
    assert losses(truth, **no_root)["keypoints3d"] == pytest.approx(0.25 / 2, rel=1e-4)


def test_frames_without_labels_count_zero_in_the_mean(truth):
    far = {"keypoints3d": truth[2]["keypoints3d"] * 2, "betas": truth[2]["betas"] + 1}
    whole = losses(truth, **far)
    one_clip = {name: changed(value, (np.s_[1], np.nan)) for name, value in far.items()}
    first = changed(np.zeros((B, T), np.float32), (np.s_[0], 1))
    half = losses(truth, **one_clip, pose=changed(truth[2]["pose"], (np.s_[1], np.nan)), has_3d=first, has_smpl=first)
    assert half["betas"] == pytest.approx(whole["betas"] / 2, rel=1e-4)
    assert half["pose"] == pytest.approx(0, abs=1e-5)
    none = losses(truth, **far, has_3d=0 * first, has_smpl=0 * first)
    assert none["keypoints3d"] == none["betas"] == none["pose"] == 0


def test_smpl_loss_in_closed_form(truth):
    bent, turn = truth[2]["pose"].copy(), np.array([0.0, 0.0, 0.7])
    bent[..., 6:9] = turn
    theta = changed(truth[0], (np.s_[..., 9:12], 0.0))
    # |R(a) - 1|_F^2 = 8 sin^2(a / 2)
    found = losses(truth, theta=theta, pose=bent)
    assert found["pose"] == pytest.approx(8 * np.sin(0.35) ** 2, rel=1e-4)
    plain = LossConfig(rotation_space="axis_angle")
    assert losses(truth, plain, theta=theta, pose=bent)["pose"] == pytest.approx(0.49, rel=1e-4)
    assert losses(truth, betas=truth[2]["betas"] + 0.3)["betas"] == pytest.approx(10 * 0.09, rel=1e-4)


def test_whole_turns_are_no_pose_error(truth):
    pose = truth[2]["pose"].copy()
    angle = np.linalg.norm(pose[..., :3], axis=-1, keepdims=True)
    pose[..., :3] *= 1 - 2 * np.pi / angle
    assert losses(truth, pose=pose)["pose"] == pytest.approx(0.0, abs=1e-4)
    assert losses(truth, LossConfig(rotation_space="axis_angle"), pose=pose)["pose"] == pytest.approx(
        4 * np.pi**2, rel=1e-4
    )


def test_smoothness_is_the_sum_over_steps_of_beta(truth):
    theta = truth[0].copy()
    theta[:, 2:, 75] += 0.5
    # One step of 0.5 in T frames; the whole sum is divided by T as every other term is.
    assert losses(truth, theta=theta)["smooth"] == pytest.approx(0.25 / T, rel=1e-4)
    clips, stills = losses(truth, theta=theta), {}
    for name, value in truth[2].items():
        stills[name] = value.reshape(-1, *value.shape[2:])
    flat = mesh_losses(theta.reshape(-1, 85), truth[1].reshape(-1, K, 3), None, stills, LossConfig())
    assert float(flat.smooth) == 0
    assert float(flat.betas) == pytest.approx(clips["betas"], rel=1e-5)


def test_heatmaps_are_judged_at_visible_keypoints(truth):
    side, config = 4, LossConfig(heatmaps=1.0)
    points = np.zeros((B, T, K, 3), np.float32)
    # Keypoint 3 lies in the middle of the cell in row 1, column 2.
    points[..., 3, :] = [0.25, -0.25, 1]
    points[..., 4, :2] = np.nan
    maps = np.zeros((B, T, side * side, 24), np.float32)
    assert losses(truth, config, maps, keypoints2d=points)["heatmaps"] == pytest.approx(np.log(16), rel=1e-4)
    maps[..., 1 * side + 2, 3] = 20
    assert losses(truth, config, maps, keypoints2d=points)["heatmaps"] == pytest.approx(0, abs=1e-4)


def test_weights_switch_terms(truth):
    far = {"keypoints3d": truth[2]["keypoints3d"] * 2, "betas": truth[2]["betas"] + 1}
    off = dict.fromkeys(("keypoints2d", "keypoints3d", "pose", "betas", "smooth"), 0.0)
    assert losses(truth, LossConfig(**off), **far)["total"] == 0
    only = losses(truth, LossConfig(**(off | {"betas": 3.0})), **far)
    assert only["total"] == pytest.approx(3 * only["betas"])


def test_masked_labels_leave_gradients_finite(truth):
    theta, keypoints, labels = truth
    nothing = {name: np.full_like(value, np.nan) for name, value in labels.items()}
    masks = {name: np.zeros_like(labels[name]) for name in ("keypoints3d_valid", "has_3d", "has_smpl")}
    nothing |= masks | {"keypoints2d": changed(nothing["keypoints2d"], (np.s_[..., 2], 0))}
    theta, keypoints = tf.constant(theta), tf.constant(keypoints)
    maps = tf.constant(rng.normal(size=(B, T, 16, 24)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch([theta, keypoints, maps])
        total = mesh_losses(theta, keypoints, maps, nothing, LossConfig(heatmaps=1.0)).total
    gradients = tape.gradient(total, [theta, keypoints, maps])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert float(keras.ops.abs(total)) < 1e-6
