import numpy as np
import pytest

from model.body.files import load_body
from model.errors import ConfigError
from serving.export.mesh import vertex_normals
from serving.export.obj import write_obj


def test_file_reads_back_as_the_body(tmp_path):
    data = load_body("male")
    vertices = data.v_template + np.array([0.0, 1.5, 0.0])
    write_obj(tmp_path / "body.obj", data, vertices)
    lines = [line.split() for line in (tmp_path / "body.obj").read_text().splitlines()]

    def numbers(kind):
        return np.array([line[1:] for line in lines if line[0] == kind], float)

    np.testing.assert_allclose(numbers("v"), vertices, atol=1e-6)
    np.testing.assert_allclose(numbers("vt"), data.uv, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(numbers("vn"), axis=1), 1, atol=1e-4)
    groups: dict[str, list] = {}
    for line in lines:
        if line[0] == "g":
            corners = groups.setdefault(line[1], [])
        elif line[0] == "f":
            corners.append([corner.split("/") for corner in line[1:]])
    assert list(groups) == ["skin", "eyeballs"]
    for part, corners in enumerate(groups.values()):
        index = np.array(corners, int) - 1
        np.testing.assert_array_equal(index[..., 0], data.faces[data.face_parts == part])
        np.testing.assert_array_equal(index[..., 1], data.uv_faces[data.face_parts == part])
        np.testing.assert_array_equal(index[..., 2], index[..., 0])


def test_normals_of_a_ball_point_outwards():
    """An octahedron's vertices are its own normals; a vertex without faces still gets a unit one."""
    corners = np.concatenate([np.eye(3), -np.eye(3), np.zeros((1, 3))])
    faces = [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]
    normals = vertex_normals(corners, np.array(faces))
    np.testing.assert_allclose(normals[:6], corners[:6], atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(normals[6]), 1)


@pytest.mark.parametrize("wrong", [np.zeros((6890, 3)), np.full((4, 3), np.nan)])
def test_vertices_of_another_body_are_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match="Received"):
        write_obj(tmp_path / "body.obj", load_body("male"), wrong)
    assert list(tmp_path.iterdir()) == []
