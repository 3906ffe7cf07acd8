"""The embedded free bodies are well-formed meshes and obey SMPL's equations."""

import dataclasses

import numpy as np
import pytest
import scipy.spatial

from model import conventions, rotations
from model.body import files
from model.body.files import load_body, read_body
from model.body.numpy_body import NumpyBody
from model.conventions import joint, keypoint
from model.errors import BodyFileError

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
STATURE = {"male": (1.70, 1.82), "female": (1.57, 1.69), "neutral": (1.63, 1.76)}
LIMBS = (*range(conventions.NUM_EVAL_KEYPOINTS - 2), keypoint("neck"))


@pytest.fixture(params=files.GENDERS, scope="module")
def body(request):
    return NumpyBody(load_body(request.param))


def random_poses(count, seed, deviation=0.35):
    """Poses [count, 72] about the rest pose, without global rotation."""
    pose = np.random.default_rng(seed).normal(0, deviation, (count, conventions.POSE_SIZE))
    pose[:, :3] = 0
    return pose


def mirror_of(vertices):
    """Index of the vertex nearest to each vertex's mirror image, and how far off it is."""
    distance, index = scipy.spatial.cKDTree(vertices).query(vertices * FLIP)
    return index, distance


def test_mesh_is_closed_manifold_with_three_spheres(body):
    faces = body.data.faces
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed), "an edge is used twice in the same direction"
    _, uses = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    assert (uses == 2).all()
    # Skin and two eyeballs, each a sphere: Euler's V - E + F is 2 for each.
    assert len(np.unique(faces)) == body.data.num_vertices
    assert body.data.num_vertices - len(uses) + len(faces) == 6
    assert not np.intersect1d(faces[body.data.face_parts == 0], faces[body.data.face_parts == 1]).size


def test_faces_look_outwards(body):
    a, b, c = (body.data.v_template[body.data.faces[:, k]] for k in range(3))
    volumes = (a * np.cross(b, c)).sum(1) / 6
    assert 0.04 < volumes[body.data.face_parts == 0].sum() < 0.12  # cubic metres
    eyes = volumes[body.data.face_parts == 1].sum()
    assert 2 * 4e-6 < eyes < 2 * 16e-6  # an eyeball holds some 7 ml


def test_cannot_be_taken_for_smpl(body):
    assert body.data.num_vertices != 6890


def test_weights_are_convex_and_sparse(body):
    weights = body.data.weights
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    assert weights.min() >= 0
    assert (weights > 0).sum(1).max() <= 4


def test_regressors_are_convex(body):
    for regressor in (body.data.joint_regressor, body.data.keypoint_regressor):
        np.testing.assert_allclose(regressor.sum(1), 1, atol=1e-5)
        assert regressor.min() >= 0


def test_stature_and_betas_are_those_of_people(body):
    low, high = STATURE[body.data.gender]
    assert low < np.ptp(body.data.v_template[:, 1]) < high
    short, tall = (np.ptp(body.shaped(beta * np.eye(10)[0])[0][:, 1]) for beta in (-2, 2))
    assert 0.15 < tall - short < 0.55


def test_template_is_mirror_symmetric(body):
    index, distance = mirror_of(body.data.v_template)
    assert distance.max() < 1e-5
    joints = body.shaped(np.zeros(10))[1]
    np.testing.assert_allclose(joints[conventions.JOINT_MIRROR] * FLIP, joints, atol=1e-4)
    assert joints[joint("L_hip"), 0] > 0.05
    assert sorted(index) == list(range(body.data.num_vertices))


def test_mirrored_pose_gives_mirrored_surface(body):
    pose = random_poses(1, seed=1)
    mirrored = pose.reshape(-1, 3)[conventions.JOINT_MIRROR] * [1, -1, -1]
    index, _ = mirror_of(body.data.v_template)
    vertices = body(np.stack([pose[0], mirrored.ravel()]), np.zeros(10))[0]
    np.testing.assert_allclose(vertices[1], vertices[0][index] * FLIP, atol=5e-4)


def test_faces_plus_z_and_stands_along_y(body):
    points = body.keypoints(body.data.v_template)
    assert points[keypoint("nose"), 2] > points[keypoint("L_ear"), 2] + 0.05
    assert points[keypoint("L_wrist"), 0] > 0.4
    assert points[keypoint("head_top"), 1] > points[keypoint("L_ankle"), 1] + 1.2
    assert points[keypoint("head_top"), 1] == pytest.approx(body.data.v_template[:, 1].max(), abs=0.01)


def test_eyes_lie_inside_the_head_and_look_out_in_front(body):
    data = body.data
    for betas in (np.zeros(10), 2 * np.eye(10)[0], -2 * np.eye(10)[1], 2 * np.eye(10)[1]):
        rest, joints = body.shaped(betas)
        eye = np.unique(data.faces[data.face_parts == 1])
        left = rest[eye][rest[eye][:, 0] > 0]
        centre = left.mean(0)
        skin = np.setdiff1d(np.flatnonzero(data.weights[:, joint("head")] > 0.5), eye)
        head = rest[skin]
        assert (head.min(0) < centre).all() and (centre < head.max(0)).all()
        assert centre[2] > joints[joint("head"), 2]
        # Skin surrounds each ball, yet leaves its front free.
        distance = np.linalg.norm(head - centre, axis=1)
        assert 0.008 < distance.min() < 0.02
        front = head[np.linalg.norm(head[:, :2] - centre[:2], axis=1) < 0.006]
        assert not (front[:, 2] > centre[2] + 0.02).any()


def test_zero_pose_gives_the_shaped_template(body):
    betas = np.linspace(-1.5, 1.5, 10)
    rest, joints = body.shaped(betas)
    vertices, posed_joints = body(np.zeros((1, 72)), betas)
    np.testing.assert_allclose(vertices[0], rest, atol=1e-6)
    np.testing.assert_allclose(posed_joints[0], joints, atol=1e-6)


def test_global_rotation_is_rigid_about_the_pelvis(body):
    pose = random_poses(1, seed=2)
    turned = pose.copy()
    turned[0, :3] = (0.4, -2.1, 0.7)
    betas = np.full(10, 0.5)
    (still, moved), joints = body(np.concatenate([pose, turned]), betas)
    pelvis = joints[0, 0]
    matrix = rotations.axis_angle_to_matrix(turned[0, :3])
    np.testing.assert_allclose(moved, (still - pelvis) @ matrix.T + pelvis, atol=1e-5)


def test_limb_keypoints_stay_near_their_joints(body):
    of_joint = [joint(conventions.KEYPOINTS[k]) for k in LIMBS]
    rng = np.random.default_rng(3)
    for pose in random_poses(12, seed=4):
        betas = rng.normal(size=10)
        rest, rest_joints = body.shaped(betas)
        at_rest = np.linalg.norm(body.keypoints(rest)[list(LIMBS)] - rest_joints[of_joint], axis=1)
        assert at_rest.mean() < 0.006 and at_rest.max() < 0.02
        vertices, joints = body(pose[None], betas)
        posed = np.linalg.norm(body.keypoints(vertices[0])[list(LIMBS)] - joints[0, of_joint], axis=1)
        assert posed.mean() < 0.012 and posed.max() < 0.04


def test_pose_correctives_keep_a_bent_knee_thick(body):
    pose = np.zeros((2, 72))
    pose[1, 3 * joint("L_knee")] = np.radians(100)
    plain = NumpyBody(dataclasses.replace(body.data, posedirs=np.zeros_like(body.data.posedirs)))
    knee = body.data.weights[:, joint("L_knee")] * body.data.weights[:, joint("L_hip")] > 0.05

    def spread(model):
        vertices, joints = model(pose, np.zeros(10))
        return np.linalg.norm(vertices[:, knee] - joints[:, None, joint("L_knee")], axis=2).mean(1)

    rest, bent = spread(body)
    assert bent > spread(plain)[1] * 1.01
    assert bent == pytest.approx(rest, rel=0.15)


def test_bodies_differ_and_know_who_they_are():
    assert len({load_body(gender).body_id for gender in files.GENDERS}) == 3


def test_truncated_file_is_refused(tmp_path):
    whole = (files.ASSETS / "free_male.npz").read_bytes()
    for keep in (0, 100, len(whole) // 2, len(whole) - 30):
        path = tmp_path / "broken.npz"
        path.write_bytes(whole[:keep])
        with pytest.raises(BodyFileError, match="Received"):
            read_body(path, "male")


def test_unknown_gender_and_missing_file_are_refused(tmp_path):
    with pytest.raises(BodyFileError, match="male, female, neutral"):
        load_body("other")
    with pytest.raises(BodyFileError, match="Received"):
        read_body(tmp_path / "none.npz", "male")
