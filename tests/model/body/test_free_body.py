"""The embedded free bodies are well-formed meshes and obey SMPL's equations."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.spatial

from model import conventions, rotations
from model.body import files
from model.body.files import load_body, read_body
from model.body.measure import measure
from model.body.numpy_body import NumpyBody
from model.conventions import joint, keypoint
from model.errors import BodyFileError
from tools.body_builder import survey
from tools.body_builder.intersections import intersecting_faces

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
HIPS = (keypoint("R_hip"), keypoint("L_hip"))
# Heights over the floor of SMPL's mean joints, shares of stature.
SMPL_HEIGHTS = {
    "pelvis": 0.548, "L_hip": 0.495, "spine1": 0.611, "L_knee": 0.274, "spine2": 0.689, "L_ankle": 0.043,
    "spine3": 0.720, "L_foot": 0.013, "neck": 0.845, "L_collar": 0.790, "head": 0.882, "L_shoulder": 0.809,
}  # fmt: skip
LIMBS = tuple(k for k in (*range(conventions.NUM_EVAL_KEYPOINTS - 2), keypoint("neck")) if k not in HIPS)


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
    assert 2 * 3e-6 < eyes < 2 * 8e-6  # an eyeball holds some 6 ml


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


def test_first_beta_is_stature(body):
    short, tall = (np.ptp(body.shaped(beta * np.eye(10)[0])[0][:, 1]) for beta in (-2, 2))
    assert 0.15 < tall - short < 0.55


def test_statures_and_body_mass_follow_the_survey(body):
    people = [survey.POPULATIONS[sex] for sex in survey.POPULATIONS if body.data.gender in (sex, "neutral")]
    sizes = [measure(body.data, betas) for betas in np.random.default_rng(5).normal(size=(400, 10))]
    stature, bmi = np.array([s.stature for s in sizes]), np.array([s.bmi for s in sizes])
    mean = np.mean([p.stature_mean for p in people]) / 100
    # Half the neutral body's people are women and half men, whose means differ.
    spread = np.std([p.stature_mean for p in people]) / 100
    deviation = np.hypot(spread, np.mean([p.stature_deviation for p in people]) / 100)
    assert stature.mean() == pytest.approx(mean, abs=0.01)
    assert stature.std() == pytest.approx(deviation, abs=0.01)
    for share in (25, 50, 75):
        wanted = np.mean([p.bmis(np.array(share / 100)) for p in people])
        assert np.percentile(bmi, share) == pytest.approx(wanted, abs=2.0)


def test_thin_and_heavy_people_lie_within_three_deviations(body):
    step = 0.05
    zero = measure(body.data, np.zeros(10)).bmi
    gradient = np.array([measure(body.data, step * unit).bmi - zero for unit in np.eye(10)]) / step
    direction = gradient / np.abs(gradient).max()
    assert measure(body.data, -3 * direction).bmi < 17
    assert measure(body.data, 3 * direction).bmi > 40


def test_surface_does_not_pass_through_itself(body):
    assert len(intersecting_faces(body.data.v_template, body.data.faces)) == 0


def test_joints_lie_where_those_of_smpl_do(body):
    rest, joints = body.shaped(np.zeros(10))
    stature = np.ptp(rest[:, 1])
    for name, share in SMPL_HEIGHTS.items():
        assert (joints[joint(name), 1] - rest[:, 1].min()) / stature == pytest.approx(share, abs=0.02), name
    hips = (joints[joint("L_hip"), 0] - joints[joint("R_hip"), 0]) / stature
    assert hips == pytest.approx(0.080, abs=0.005)
    behind_pelvis = (joints[:, 2] - joints[0, 2]) / stature
    assert behind_pelvis[joint("L_hip")] == pytest.approx(-0.003, abs=0.003)
    assert behind_pelvis[[joint("spine1"), joint("spine2")]] == pytest.approx(-0.015, abs=0.01)


def test_report_tells_of_these_files(body):
    report = json.loads((files.ASSETS / "build_report.json").read_text())
    assert report["bodies"][body.data.gender]["body_id"] == body.data.body_id
    assert max(error["mean"] for error in report["joint_error_mm"].values()) < 10
    assert set(report["joint_error_mm"]) == set(conventions.JOINTS)


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


def test_hip_keypoints_are_anatomical_hip_centres(body):
    """17.5 cm apart in average adults, beside SMPL's joints and as high (Bell et al. 1990)."""
    rest, joints = body.shaped(np.zeros(10))
    right, left = body.keypoints(rest)[list(HIPS)]
    assert (left[0] - right[0]) / np.ptp(rest[:, 1]) == pytest.approx(0.103, abs=0.006)
    np.testing.assert_allclose(left[1:], joints[joint("L_hip"), 1:], atol=0.01)


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
