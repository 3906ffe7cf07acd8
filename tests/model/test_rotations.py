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


@settings(max_examples=60, deadline=None)
@given(vectors)
def test_quaternions_agree_with_scipy_and_lead_back(axis_angle):
    axis_angle = axis_angle.astype(np.float64)
    quaternion = rotations.axis_angle_to_quaternion(axis_angle)
    oracle = Rotation.from_rotvec(axis_angle)
    wanted = oracle.as_quat()[:, [3, 0, 1, 2]]
    sign = np.sign((wanted * quaternion).sum(1, keepdims=True))
    assert np.allclose(quaternion, sign * wanted, atol=1e-6)
    assert np.allclose(rotations.quaternion_to_matrix(2.5 * quaternion), oracle.as_matrix(), atol=1e-6)
    back = rotations.quaternion_to_axis_angle(quaternion)
    assert np.allclose(Rotation.from_rotvec(back).as_matrix(), oracle.as_matrix(), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(vectors, st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_6d_survives_scaling_and_shearing_of_its_columns(axis_angle, scale, shear):
    matrix = Rotation.from_rotvec(axis_angle).as_matrix()
    sixd = rotations.matrix_to_6d(matrix)
    assert np.allclose(rotations.matrix_from_6d(sixd), matrix, atol=1e-9)
    first, second = scale * sixd[:, :3], scale * sixd[:, 3:] + shear * sixd[:, :3]
    assert np.allclose(rotations.matrix_from_6d(np.concatenate([first, second], 1)), matrix, atol=1e-6)


def test_graph_twins_and_tensorflow_graphics_agree():
    from keras import ops
    from tensorflow_graphics.geometry.transformation import quaternion as tfg_quaternion
    from tensorflow_graphics.geometry.transformation import rotation_matrix_3d

    axis_angle = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    angle = np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    matrix = rotation_matrix_3d.from_axis_angle(axis_angle / angle, angle).numpy()
    xyzw = tfg_quaternion.from_axis_angle(axis_angle / angle, angle).numpy()
    wxyz = xyzw[:, [3, 0, 1, 2]]
    cases = [
        (rotations.axis_angle_to_matrix, axis_angle, matrix),
        (rotations.axis_angle_to_quaternion, axis_angle, wxyz),
        (rotations.quaternion_to_matrix, wxyz, rotation_matrix_3d.from_quaternion(xyzw).numpy()),
        (rotations.matrix_to_6d, matrix, matrix[:, :, :2].transpose(0, 2, 1).reshape(-1, 6)),
        (rotations.matrix_from_6d, rotations.matrix_to_6d(matrix), matrix),
    ]
    for function, value, oracle in cases:
        assert np.allclose(function(value), oracle, atol=1e-5), function.__name__
        graph = np.asarray(function(ops.convert_to_tensor(value), ops))
        assert np.allclose(graph, function(value), atol=1e-6), function.__name__


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
