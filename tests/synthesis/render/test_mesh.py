import numpy as np

from synthesis.render.gl.mesh import SplitMesh

# A unit cube around the origin, faces counter-clockwise from outside.
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
CUBE_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


def test_corners_are_split_only_where_texture_coordinates_differ():
    uv = CUBE[CUBE_FACES][..., :2]
    assert len(SplitMesh(CUBE_FACES, uv).source) == 8
    uv = uv.copy()
    uv[0, 0] += 0.25
    mesh = SplitMesh(CUBE_FACES, uv)
    assert len(mesh.source) == 9
    np.testing.assert_array_equal(mesh.source[mesh.indices].reshape(-1, 3), CUBE_FACES)
    np.testing.assert_allclose(mesh.uv[mesh.indices].reshape(-1, 3, 2), uv)


def test_normals_are_unit_and_point_outwards():
    packed = SplitMesh(CUBE_FACES, CUBE[CUBE_FACES][..., :2]).pack(CUBE)
    positions, normals = packed[:, :3], packed[:, 3:]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert np.all(np.sign(normals) == np.sign(positions))


def test_normal_of_one_triangle_is_the_right_hand_rule():
    packed = SplitMesh(np.array([[0, 1, 2]]), np.zeros((1, 3, 2))).pack(np.eye(3)[[0, 1, 2]] * [1, 1, 0])
    np.testing.assert_allclose(packed[:, 3:], [[0, 0, 1]] * 3, atol=1e-6)
