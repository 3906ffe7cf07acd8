import numpy as np
import pytest

from synthesis import geometry, labels
from synthesis.avatar import avatar_body

rng = np.random.default_rng(0)
K = np.array([[1400.0, 0, 124.5], [0, 1400.0, 124.5], [0, 0, 1]])


def scene(frames=2):
    from model import rotations

    body, betas = avatar_body(), rng.normal(size=10).astype(np.float32)
    pose = 0.4 * rng.normal(size=(frames, 72)).astype(np.float32)
    trans = rng.normal(size=(frames, 3)).astype(np.float32)
    rotation = rotations.axis_angle_to_matrix(np.array([[np.pi, 0.1, 0.2]] * frames))
    extrinsics = np.concatenate([rotation, np.tile([[[0.1], [0.2], [12.0]]], (frames, 1, 1))], -1)
    vertices, _ = body(pose, betas, trans)
    return body, betas, pose, trans, vertices, extrinsics


def test_camera_frame_labels_reproduce_what_the_camera_sees():
    body, betas, pose, trans, vertices, extrinsics = scene()
    empty = np.full((2, 250, 250), np.inf, np.float32)
    found = labels.label(body, betas, pose, trans, vertices, K, extrinsics, empty)
    again, _ = body(found.pose, betas, found.trans)
    seen = np.einsum("tab,tvb->tva", extrinsics[:, :, :3], vertices) + extrinsics[:, None, :, 3]
    assert np.abs(again - seen).max() < 1e-4
    assert np.abs(body.keypoints(again) - found.keypoints3d).max() < 1e-4
    flat = found.keypoints3d @ K.T
    assert np.abs(flat[..., :2] / flat[..., 2:] - found.keypoints2d[..., :2]).max() < 1e-2


def test_projection_is_that_of_tensorflow_graphics():
    perspective = pytest.importorskip("tensorflow_graphics.rendering.camera.perspective")
    points = np.concatenate([rng.normal(size=(2, 500, 2)), rng.uniform(1, 20, (2, 500, 1))], -1).astype(np.float32)
    focal, centre = (np.broadcast_to(np.float32(v), (2, 500, 2)) for v in ([1400, 1300], [124.5, 99.5]))
    found = geometry.project(points, np.array([[1400, 0, 124.5], [0, 1300, 99.5], [0, 0, 1]]))
    assert found.dtype == np.float32 and np.array_equal(found, perspective.project(points, focal, centre).numpy())


def test_slerp_takes_the_short_way_at_constant_speed():
    start, end = np.array([[1.0, 0, 0, 0]]), -np.array([[np.cos(0.6), np.sin(0.6), 0, 0]])
    middle = geometry.slerp(start, end, np.array([[0.5]]))
    assert np.allclose(middle, [[np.cos(0.3), np.sin(0.3), 0, 0]], atol=1e-6)
    many = geometry.slerp(np.tile(start, (2, 3, 1)), np.tile(end, (2, 3, 1)), np.full((2, 3, 1), 0.5))
    assert many.shape == (2, 3, 4) and np.allclose(many, middle, atol=1e-6)
