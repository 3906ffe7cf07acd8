"""The Keras layer and the NumPy twin agree with the equations written out in float64, and so do gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from model import conventions
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.body.numpy_body import NumpyBody
from model.conventions import joint

TOLERANCE = 1e-5  # metres


@pytest.fixture(scope="module")
def data():
    return load_body("female")


@pytest.fixture(scope="module")
def layer(data):
    return BodyLayer(data)


def reference(data, pose, betas):
    """Loper et al. 2015, equations 2 to 12, one vertex array in float64: vertices [V, 3] and joints [24, 3]."""
    rotation = Rotation.from_rotvec(pose.reshape(24, 3)).as_matrix()
    shaped = data.v_template.astype(np.float64) + data.shapedirs.astype(np.float64) @ betas
    joints = data.joint_regressor.astype(np.float64) @ shaped
    rest = shaped + data.posedirs.astype(np.float64) @ (rotation[1:] - np.eye(3)).ravel()
    world = np.zeros((24, 4, 4))
    for j, parent in enumerate(conventions.PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotation[j]
        local[:3, 3] = joints[j] - (joints[parent] if parent >= 0 else 0)
        world[j] = world[parent] @ local if parent >= 0 else local
    posed_joints = world[:, :3, 3].copy()
    world[:, :3, 3] -= np.einsum("jab,jb->ja", world[:, :3, :3], joints)
    blended = np.einsum("vj,jab->vab", data.weights.astype(np.float64), world)
    return np.einsum("vab,vb->va", blended[:, :3, :3], rest) + blended[:, :3, 3], posed_joints


def random_person(seed, deviation=0.6):
    rng = np.random.default_rng(seed)
    return rng.normal(0, deviation, 72), rng.normal(size=10)


def test_layer_and_twin_agree_with_float64(data, layer):
    people = [random_person(seed) for seed in range(6)]
    pose, betas = (np.stack(parts) for parts in zip(*people, strict=True))
    posed = layer(pose.reshape(2, 3, 72), betas.reshape(2, 3, 10), vertices=True)
    vertices, joints = np.asarray(posed.vertices).reshape(6, -1, 3), np.asarray(posed.joints).reshape(6, 24, 3)
    keypoints = np.asarray(posed.keypoints).reshape(6, 19, 3)
    for i, (p, b) in enumerate(people):
        wanted, wanted_joints = reference(data, p, b)
        assert np.abs(vertices[i] - wanted).max() < TOLERANCE
        assert np.abs(joints[i] - wanted_joints).max() < TOLERANCE
        assert np.abs(keypoints[i] - data.keypoint_regressor @ wanted).max() < TOLERANCE
        twin, twin_joints = NumpyBody(data)(p[None], b)
        assert np.abs(twin[0] - wanted).max() < TOLERANCE
        assert np.abs(twin_joints[0] - wanted_joints).max() < TOLERANCE


def test_keypoints_alone_are_those_of_the_whole_mesh(layer):
    pose, betas = (np.float32(x) for x in random_person(0))
    alone, whole = layer(pose, betas), layer(pose, betas, vertices=True)
    assert alone.vertices is None
    np.testing.assert_allclose(alone.keypoints, whole.keypoints, atol=1e-6)


def test_one_bent_elbow_moves_the_forearm_alone(data, layer):
    pose = np.zeros(72, np.float32)
    elbow, wrist = joint("L_elbow"), joint("L_wrist")
    pose[3 * elbow + 1] = -np.pi / 2  # about y: the left forearm, along +x at rest, comes to point forward
    rest, bent = (layer(p, np.zeros(10, np.float32), vertices=True) for p in (np.zeros(72, np.float32), pose))
    bone = np.asarray(rest.joints)[wrist] - np.asarray(rest.joints)[elbow]
    moved = np.asarray(bent.joints)[wrist] - np.asarray(bent.joints)[elbow]
    np.testing.assert_allclose(moved, [-bone[2], bone[1], bone[0]], atol=1e-6)
    still = (data.weights[:, [elbow, wrist, joint("L_hand")]].sum(1) == 0) & (np.abs(data.posedirs).max((1, 2)) == 0)
    np.testing.assert_allclose(
        np.asarray(bent.vertices)[still], np.asarray(rest.vertices)[still], atol=1e-6, err_msg="far from the elbow"
    )


@pytest.mark.parametrize("at_rest", [True, False])
def test_gradients_are_those_of_float64_differences(data, layer, at_rest):
    pose, betas = random_person(3, 0.0 if at_rest else 0.6)
    weight = np.random.default_rng(4).normal(size=(data.num_vertices, 3))
    inputs = [tf.constant(x, tf.float32) for x in (pose, betas)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(layer(*inputs, vertices=True).vertices * weight.astype(np.float32))
    gradient = np.concatenate(tape.gradient(total, inputs))
    assert np.isfinite(gradient).all()
    theta, step = np.concatenate([pose, betas]), 1e-5
    for i in (0, 2, 3 * joint("L_knee"), 3 * joint("R_shoulder") + 2, 3 * joint("head") + 1, 72, 81):
        shift = step * np.eye(82)[i]
        ahead, behind = (reference(data, t[:72], t[72:])[0] for t in (theta + shift, theta - shift))
        numeric = ((ahead - behind) * weight).sum() / (2 * step)
        assert gradient[i] == pytest.approx(numeric, rel=2e-4, abs=2e-3), i


def test_half_precision_policies_do_not_reach_the_body(data):
    pose, betas = (np.float32(x) for x in random_person(5))
    wanted = reference(data, pose, betas)[0]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        posed = BodyLayer(data)(pose, betas, vertices=True).vertices
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(posed.dtype) == "float32"
    assert np.abs(np.asarray(posed) - wanted).max() < TOLERANCE


def test_batch_size_may_be_unknown(layer):
    @tf.function(input_signature=[tf.TensorSpec((None, 4, 72)), tf.TensorSpec((None, 4, 10))])
    def posed(pose, betas):
        return layer(pose, betas, vertices=True).vertices

    assert posed(tf.zeros((3, 4, 72)), tf.zeros((3, 4, 10))).shape[:2] == (3, 4)
