import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from model import rotations

component = st.floats(-4.0, 4.0, allow_nan=False, width=32)
vectors = st.lists(st.tuples(component, component, component), min_size=1, max_size=8).map(np.array)


@settings(max_examples=60, deadline=None)
@given(vectors)
def test_matrices_agree_with_scipy(axis_angle):
    wanted = Rotation.from_rotvec(axis_angle).as_matrix()
    assert np.allclose(rotations.axis_angle_to_matrix(axis_angle.astype(np.float64)), wanted, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(vectors)
def test_axis_angle_survives_the_way_through_matrices(axis_angle):
    matrix = rotations.axis_angle_to_matrix(axis_angle.astype(np.float64))
    back = rotations.matrix_to_axis_angle(matrix)
    assert np.linalg.norm(back, axis=-1).max() <= np.pi + 1e-6
    assert np.allclose(rotations.axis_angle_to_matrix(back), matrix, atol=1e-6)


def test_half_turns_keep_their_axis():
    for axis in np.eye(3):
        matrix = Rotation.from_rotvec(np.pi * axis).as_matrix()
        assert np.allclose(np.abs(rotations.matrix_to_axis_angle(matrix)), np.pi * axis, atol=1e-6)


def test_nearest_rotation_is_never_a_reflection():
    mirrored = np.diag([1.0, 1.0, -1.0])
    assert np.linalg.det(rotations.nearest_rotation(mirrored)) == pytest.approx(1.0)


def test_graph_twin_and_tensorflow_graphics_agree():
    keras = pytest.importorskip("keras")
    from tensorflow_graphics.geometry.transformation import rotation_matrix_3d

    axis_angle = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    ours = rotations.axis_angle_to_matrix(axis_angle)
    graph = np.asarray(rotations.axis_angle_to_matrix(keras.ops.convert_to_tensor(axis_angle), keras.ops))
    angle = np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    oracle = rotation_matrix_3d.from_axis_angle(axis_angle / angle, angle).numpy()
    assert np.allclose(ours, graph, atol=1e-6)
    assert np.allclose(ours, oracle, atol=1e-5)


def test_gradient_at_rest_is_finite_and_right():
    import tensorflow as tf
    from keras import ops

    rest = tf.zeros((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(rest)
        matrix = rotations.axis_angle_to_matrix(rest, ops)
    jacobian = tape.jacobian(matrix, rest).numpy()[0, :, :, 0]
    # d R / d omega_z at rest is the generator of turns about z.
    assert np.allclose(jacobian[..., 2], [[0, -1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-6)
