"""MoSh: derivatives, recovery of a known person, robustness, and real captures."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody, forward_kinematics
from model.conventions import JOINT_MIRROR, joint
from model.errors import BodyMismatchError, ConfigError, MotionError
from synthesis.motion import builtin, library, placement, rig
from synthesis.motion.c3d import Markers, read_c3d
from synthesis.motion.mosh import MoshSettings, attachment, pose_prior, quality, solve, to_motion
from synthesis.motion.mosh.attachment import Latent
from synthesis.motion.mosh.frame_solver import FramePose, Noise, Prediction, linearise
from synthesis.motion.mosh.marker_body import MarkerBody
from synthesis.motion.mosh.marker_sets import load_marker_set
from synthesis.motion.mosh.stage1 import choose_frames
from synthesis.motion.reference import LIMB_ENDS

SHARED = pathlib.Path(__file__).parents[4] / "shared" / "mocap"
needs_files = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no motion capture files in {SHARED}")


@pytest.fixture(scope="module")
def data():
    return load_body("neutral", "free")


@pytest.fixture(scope="module")
def dancer(data):
    """A known person dancing, 60 frames, 2 mm noise, 10 % of the markers missing."""
    rng = np.random.default_rng(5)
    return quality.wear(data, builtin.make("dance", 2, 3.0, 20.0), rng.normal(size=10), rng)


@pytest.fixture(scope="module")
def solved(data, dancer):
    return solve(dancer.markers, data)


@pytest.fixture
def posed(data):
    """A person with markers in a strong pose, and that state."""
    rng = np.random.default_rng(0)
    latent = attachment.place(data, load_marker_set())
    body = MarkerBody(data, latent, rng.normal(size=10))
    quaternions = rotations.axis_angle_to_quaternion(rng.normal(size=(24, 3)) * 0.6)
    return body, latent, FramePose(quaternions, rng.normal(size=3))


def central(function, size, h=1e-6):
    """Derivative by central differences, the unknowns last."""
    steps = h * np.eye(size)
    return np.stack([(function(s) - function(-s)) / (2 * h) for s in steps], -1)


def test_markers_are_posed_as_the_body_poses_its_vertices(data):
    rng = np.random.default_rng(1)
    vertices, betas, pose = rng.choice(data.num_vertices, 20), rng.normal(size=10), rng.normal(size=72) * 0.5
    body = MarkerBody(data, Latent(vertices, np.zeros((20, 3))), betas)
    points = body.pose(rotations.axis_angle_to_quaternion(pose.reshape(24, 3)), np.ones(3)).points
    wanted, _ = NumpyBody(data)(pose[None], betas, np.ones((1, 3)))
    np.testing.assert_allclose(points, wanted[0, vertices], atol=2e-5)


def test_derivatives_of_markers(posed, data):
    body, latent, pose = posed
    here = body.pose(pose.quaternions, pose.trans)

    def points(step):
        moved = pose.moved(step)
        return body.pose(moved.quaternions, moved.trans).points

    np.testing.assert_allclose(here.by_pose, central(points, 75), atol=1e-8)
    betas = np.full(10, 0.3)
    body.reshape(betas, latent.offsets)
    here = body.pose(pose.quaternions, pose.trans)

    def shaped(step):
        body.reshape(betas + step, latent.offsets)
        return body.pose(pose.quaternions, pose.trans).points

    def hung(step):
        body.reshape(betas, latent.offsets + step)
        return body.pose(pose.quaternions, pose.trans).points

    by_shape = central(shaped, 10)
    np.testing.assert_allclose(here.blend, central(hung, 3), atol=1e-8)
    body.reshape(betas, latent.offsets)
    np.testing.assert_allclose(body.by_shape(here), by_shape, atol=1e-8)


def test_gradient_of_a_frames_cost(posed):
    """Robust data term with a missing marker, pose prior with a knee beyond its limit, and prediction."""
    body, _, pose = posed
    pose.quaternions[joint("L_knee")] = rotations.axis_angle_to_quaternion(np.array([-0.4, 0.1, 0.0]))
    rng = np.random.default_rng(2)
    observed = body.pose(pose.quaternions, pose.trans).points + rng.normal(0, 0.04, (41, 3))
    observed[3] = np.nan
    prediction = Prediction(pose.moved(rng.normal(0, 0.2, 75)), 0.1, 0.05)

    def cost(step):
        return linearise(body, observed, pose.moved(step), *arguments).cost

    arguments = (Noise(0.01, 0.05), pose_prior.default_prior(), prediction)
    gradient = linearise(body, observed, pose, *arguments).gradient
    np.testing.assert_allclose(gradient, central(cost, 75), rtol=1e-5, atol=1e-3)


def test_prior_is_the_same_on_both_sides():
    prior = pose_prior.default_prior()
    rng = np.random.default_rng(3)
    pose = rng.normal(size=(24, 3))
    mirrored = pose[JOINT_MIRROR] * [1, -1, -1]
    costs = [prior.terms(rotations.axis_angle_to_quaternion(p))[0] for p in (pose, mirrored)]
    assert costs[0] == pytest.approx(costs[1])


def test_markers_sit_on_the_skin_in_pairs(data):
    markers = load_marker_set()
    rest = attachment.place(data, markers).rest(data, np.zeros(10))
    labels = [p.label for p in markers.placements]
    assert len(set(labels)) == 41
    for i, p in enumerate(markers.placements):
        height = np.linalg.norm(data.v_template - rest[i], axis=1).min()
        assert height == pytest.approx(p.distance, abs=0.012), p.label
        if p.label.startswith("L"):
            other = rest[labels.index("R" + p.label[1:])]
            np.testing.assert_allclose(other, rest[i] * [-1, 1, 1], atol=0.004, err_msg=p.label)


def test_places_do_not_depend_on_the_topology(data):
    """Every triangle split in three and the vertices shuffled: the same markers, as SMPL's mesh would have them."""
    rng = np.random.default_rng(4)
    count, faces = data.num_vertices, data.faces

    def extended(rows):
        return np.concatenate([rows, rows[faces].mean(1)])[order]

    order = rng.permutation(count + len(faces))
    where = np.argsort(order)
    centre = count + np.arange(len(faces))
    split = np.concatenate([np.stack([faces[:, i], faces[:, (i + 1) % 3], centre], 1) for i in range(3)])

    def regressor(rows):
        return np.concatenate([rows, np.zeros((len(rows), len(faces)), rows.dtype)], 1)[:, order]

    other = dataclasses.replace(
        data,
        v_template=extended(data.v_template),
        shapedirs=extended(data.shapedirs),
        weights=extended(data.weights),
        joint_regressor=regressor(data.joint_regressor),
        keypoint_regressor=regressor(data.keypoint_regressor),
        faces=where[split],
        face_parts=np.tile(data.face_parts, 3),
    )
    markers, betas = load_marker_set(), rng.normal(size=10)
    a, b = (attachment.place(body, markers) for body in (data, other))
    np.testing.assert_allclose(a.rest(data, np.zeros(10)), b.rest(other, np.zeros(10)), atol=0.003)
    np.testing.assert_allclose(a.rest(data, betas), b.rest(other, betas), atol=0.006)


def test_a_known_person_is_recovered(data, dancer, solved):
    assert quality.shape_error(data, solved.betas, dancer.betas) < 0.008
    assert quality.pose_error(data, solved, dancer) < 0.015
    missing = ~dancer.markers.visible[:, [dancer.markers.labels.index(label) for label in solved.labels]]
    np.testing.assert_array_equal(np.isnan(solved.residual), missing)


def test_swapped_markers_and_whole_gaps_are_borne(data, dancer, solved):
    """In 5 % of the frames left and right of a pair are swapped; 4 other frames show nothing."""
    positions, labels = dancer.markers.positions.copy(), dancer.markers.labels
    swapped = {0: "LWRB", 17: "LFIN", 41: "LANK"}
    for t, label in swapped.items():
        pair = [labels.index(label), labels.index("R" + label[1:])]
        positions[t, pair] = positions[t, pair[::-1]]
    positions[30:34] = np.nan
    result = solve(dataclasses.replace(dancer.markers, positions=positions), data)
    assert quality.pose_error(data, result, dancer) < 0.02
    np.testing.assert_array_equal(np.flatnonzero(~result.solved), range(30, 34))
    joints = [NumpyBody(data)(each.pose, each.betas, each.trans)[1][list(swapped)] for each in (result, solved)]
    assert np.linalg.norm(joints[0] - joints[1], axis=-1).max() < 0.03


def test_the_world_may_have_any_axis_up(data, dancer, solved):
    few = dataclasses.replace(dancer.markers, positions=dancer.markers.positions[:3])
    for turn in ([np.pi / 2, 0, 0], [0, 0, -np.pi / 2], [np.pi, 0, 0]):
        turned = few.positions @ rotations.axis_angle_to_matrix(np.array(turn)).T
        result = solve(dataclasses.replace(few, positions=turned), data)
        up = rotations.axis_angle_to_matrix(result.pose[0, :3])[1, 1]
        assert up == pytest.approx(rotations.axis_angle_to_matrix(dancer.pose[0, :3])[1, 1], abs=0.1)


def test_motion_leads_back_to_the_capture(data, dancer, solved):
    """Put on the floor with the same person, the motion is the capture but for heading and origin."""
    body = NumpyBody(data)
    motion = to_motion(solved, data, "dance")
    measures = rig.measure(body, solved.betas)
    height = solved.trans[:, 1] + measures.joints[0, 1]
    np.testing.assert_allclose(motion.root[:, 1] * measures.leg_length, height, atol=0.02)
    placed = placement.place(motion, body, solved.betas)
    keypoints = [
        body.keypoints(body(pose, solved.betas, shift)[0])[:, :14].reshape(-1, 3)
        for pose, shift in (placed, (solved.pose, solved.trans))
    ]
    ours, captured = (points - points.mean(0) for points in keypoints)
    turned = rotations.nearest_rotation(ours.T @ captured)
    assert turned[1, 1] > 0.9999
    assert np.linalg.norm(ours - captured @ turned.T, axis=1).mean() < 0.01
    forward = rotations.axis_angle_to_matrix(motion.pose[0, :3].astype(float))[:, 2]
    assert forward[0] == pytest.approx(0, abs=1e-5) and forward[2] > 0
    np.testing.assert_allclose(motion.root[0, [0, 2]], 0, atol=1e-6)
    with pytest.raises(BodyMismatchError, match=solved.body_id):
        to_motion(solved, load_body("male", "free"), "dance")


def test_a_saved_result_holds_shape_offsets_and_pose(solved, tmp_path):
    solved.save(tmp_path / "solved.npz")
    with np.load(tmp_path / "solved.npz", allow_pickle=False) as file:
        assert np.array_equal(file["betas"], solved.betas) and np.array_equal(file["pose"], solved.pose)
        assert np.array_equal(file["marker_offsets"], solved.latent.offsets)
        assert str(file["body_id"]) == solved.body_id and float(file["fps"]) == solved.fps


def test_chosen_frames_are_full_and_differ(dancer):
    positions = np.repeat(dancer.markers.positions, 3, 0)
    chosen = choose_frames(positions, 12)
    seen = np.isfinite(positions[..., 0]).sum(1)
    assert len(set(chosen // 3)) == len(chosen) == 12
    assert seen[chosen].min() >= np.quantile(seen, 0.75)


def test_marker_sets_and_settings_that_cannot_work_are_refused(tmp_path, data, dancer):
    knee = {"origin": {"L_knee": 1}, "direction": [1, 0, 0]}
    for content, message in (
        ("{", "JSON"),
        ('{"name": "x"}', "markers"),
        (json.dumps({"markers": {}}), "no markers"),
        (json.dumps({"markers": {"A": knee | {"origin": {"L_nee": 1}}}}), "L_nee"),
        (json.dumps({"markers": {"A": knee | {"origin": {"L_knee": 0.5}}}}), "sum to 1"),
        (json.dumps({"markers": {"A": knee | {"direction": [0, 0, 0]}}}), "A with the direction"),
        (json.dumps({"markers": {"A": knee | {"distance": 9}}}), "fields distance"),
        (json.dumps({"markers": {"A": knee | {"mirror": "A"}}}), "A twice"),
        (json.dumps({"markers": {"A": knee | {"spread_mm": -2}}}), "spread"),
    ):
        (tmp_path / "set.json").write_text(content)
        with pytest.raises(MotionError, match=message):
            load_marker_set(tmp_path / "set.json")
    with pytest.raises(MotionError, match="cmu41"):
        load_marker_set("cmu53")
    few = Markers("few.c3d", ("LFHD", "RFHD"), dancer.markers.positions[:, :2], 30.0)
    with pytest.raises(MotionError, match=r"missing are .*LTOE.*few\.c3d"):
        solve(few, data)
    lost = dancer.markers.positions.copy()
    lost[:, 8:] = np.nan
    with pytest.raises(MotionError, match=dancer.markers.source):
        solve(dataclasses.replace(dancer.markers, positions=lost), data)
    with pytest.raises(ConfigError, match="frames=0"):
        MoshSettings(frames=0)


@needs_files
def test_a_captured_breakdance_is_followed(data):
    markers = read_c3d(SHARED / "c3d" / "85_02.c3d")
    result = solve(dataclasses.replace(markers, positions=markers.positions[::4], fps=30.0), data)
    assert np.nanmean(result.residual) < 0.012
    assert np.nanmean(result.residual, 1).max() < 0.025


@needs_files
def test_a_captured_trial_agrees_with_its_bvh(data):
    """Limbs point where the skeleton of the same trial's BVH has them."""
    markers = read_c3d(SHARED / "c3d" / "135_02.c3d")
    ours = to_motion(solve(dataclasses.replace(markers, positions=markers.positions[11::20], fps=6.0), data), data, "x")
    bvh = library.load_motion(SHARED / "bvh" / "135_02_reexported.bvh")
    # The BVH has every fourth frame; its first ones are a bind pose, and the rest agrees best from frame 11 on.
    pairs = [limb_directions(motion) for motion in (ours.pose, bvh.pose[::5][: len(ours)])]
    a, b = (directions[:, 1:-1] for directions in pairs)
    world = rotations.nearest_rotation(np.einsum("btx,bty->xy", a, b))
    angles = np.degrees(np.arccos(np.clip((a * (b @ world.T)).sum(-1), -1, 1)))
    assert angles.mean() < 9


def limb_directions(pose):
    """[limbs, T, 3] unit directions on the reference body."""
    rot = rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3))
    _, pos = forward_kinematics(rot, rig.reference().joints)
    bones = np.stack([pos[:, joint(end)] - pos[:, joint(start)] for start, end in LIMB_ENDS.items()])
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)
