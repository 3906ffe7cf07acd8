"""What bodies can do: built-in motions all can be done, twisted knees and hands in the chest cannot."""

import dataclasses

import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.conventions import JOINTS, joint
from model.errors import ConfigError, MotionError
from synthesis.motion import anatomy, builtin, joint_limits
from synthesis.motion.anatomy import JOINT_LIMIT, SELF_PENETRATION, Anatomy, AnatomySettings
from synthesis.motion.body_spheres import BodySpheres
from synthesis.motion.motion import Motion


@pytest.fixture(scope="module")
def body():
    return NumpyBody(load_body("neutral"))


@pytest.fixture(scope="module")
def limits(body):
    return Anatomy(body)


def posed(**joints):
    """A motion of one frame: the T-pose with some joints turned, axis-angle in degrees."""
    pose = np.zeros((1, 72), np.float32)
    for name, degrees in joints.items():
        pose[0, 3 * joint(name) : 3 * joint(name) + 3] = np.radians(degrees)
    return Motion("posed", "posed", pose, np.ones((1, 3), np.float32), 30.0)


@pytest.mark.parametrize("kind", builtin.KINDS)
def test_built_in_motions_are_possible(limits, kind):
    for seed in range(10):
        report = limits.check(builtin.make(kind, seed, 5.0, fps=5.0))
        assert report.possible, f"{kind}-{seed}: {report.reasons}"


@pytest.mark.parametrize(
    ("name", "degrees"),
    [
        ("L_knee", [-40, 0, 0]),
        ("R_knee", [0, 90, 0]),
        ("L_elbow", [0, 50, 0]),
        ("R_elbow", [0, -50, 0]),
        ("head", [0, 90, 0]),
        ("L_hip", [90, 0, 0]),
        ("spine2", [0, 60, 0]),
        ("L_foot", [90, 0, 0]),
    ],
)
def test_joints_bent_where_they_do_not_bend_are_named(limits, name, degrees):
    report = limits.check(posed(**{name: degrees}))
    assert report.kinds == (JOINT_LIMIT,)
    assert name in report.reasons[0] and "frame 0" in report.reasons[0]
    assert JOINTS[report.joint_excess[0].argmax()] == name


def test_limits_are_the_same_on_both_sides():
    rng = np.random.default_rng(0)
    pose = 0.6 * rng.normal(size=(200, 24, 3))
    from model.conventions import JOINT_MIRROR

    mirrored = pose[:, JOINT_MIRROR] * [1.0, -1.0, -1.0]
    ours, theirs = (joint_limits.excess(p.reshape(200, 72)) for p in (pose, mirrored))
    # Thinning keeps other examples of the mirror image, at most one spacing away.
    assert np.abs(ours - theirs[:, JOINT_MIRROR]).max() < 1.01 * joint_limits.SPACING


def test_learned_examples_cover_what_they_were_learned_from():
    pose = builtin.make("dance", 0, 4.0).pose
    examples = joint_limits.learn([pose])
    quaternions = {name: values for name, values in examples.items() if name == "L_shoulder"}["L_shoulder"]
    cosine = np.abs(quaternions @ quaternions.T) - np.eye(len(quaternions))
    assert 2 * np.arccos(cosine.max()) > 0.99 * joint_limits.SPACING
    assert len(quaternions) > 5


def test_hands_in_the_chest_are_found_with_their_depth(body, limits):
    """Forearms that bend into the trunk: found, named, and deeper the further they go."""
    spheres = BodySpheres(body, np.zeros(10))
    assert spheres.contact(posed().pose).depth[0] == 0.0
    bends = [posed(R_shoulder=[0, 0, 75], R_elbow=[0, angle, 0]) for angle in (60, 80, 100)]
    inward = dataclasses.replace(
        bends[0],
        pose=np.concatenate([m.pose for m in bends]),
        root=np.ones((3, 3), np.float32),
    )
    inward.pose[:, 3 * joint("R_shoulder") + 1] = 0.9
    contact = spheres.contact(inward.pose)
    assert contact.depth[-1] > contact.depth[0]
    crossed = posed(L_hip=[0, 0, -25], R_hip=[0, 0, 25])
    report = limits.check(crossed)
    assert SELF_PENETRATION in report.kinds
    assert "mm in each other" in report.reasons[-1]
    assert report.depth[0] > 0.08


def test_spheres_lie_inside_the_body(body):
    vertices, _ = body.shaped(np.zeros(10))
    spheres = BodySpheres(body, np.zeros(10))
    for centre, radius in zip(spheres._centres, spheres._radii, strict=True):
        assert np.linalg.norm(vertices - centre, axis=1).min() > radius - 2e-3


def test_drawn_interpolations_are_possible_and_rejects_are_counted(body, limits):
    motions = [builtin.make(kind, 1, 2.0, fps=10.0) for kind in ("walk", "kick", "squat", "dance")]
    broken = posed(L_knee=[-60, 0, 0], R_elbow=[0, -90, 0])
    drawn = anatomy.draw_interpolations([*motions, broken], 100, np.random.default_rng(0), limits)
    again = anatomy.draw_interpolations([*motions, broken], 100, np.random.default_rng(0), limits)
    assert [m.name for m in drawn.accepted] == [m.name for m in again.accepted]
    assert len(drawn.accepted) + max(drawn.rejected.values()) <= 10
    # Every pair with the broken one fails by its joints.
    assert drawn.rejected[JOINT_LIMIT] >= 4
    assert all(limits.check(m).possible and "posed" not in m.name for m in drawn.accepted)
    with pytest.raises(MotionError, match="Received: 1"):
        anatomy.draw_interpolations(motions[:1], 1, np.random.default_rng(0), limits)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="margin=-1"):
        AnatomySettings(margin=-1.0)
