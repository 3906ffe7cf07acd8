import dataclasses

import numpy as np
import pytest

from model import conventions, metrics, rotations
from model.autodiff import gradient
from model.baselines.pose_prior import PosePrior
from model.baselines.smplify import Smplify, SmplifySettings
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.camera import project_weak
from model.errors import ConfigError, RecordError

FRAMES = 12


@pytest.fixture(scope="module")
def setting():
    """A fitter, and bodies whose poses are drawn from its prior, seen from all around."""
    rng = np.random.default_rng(0)
    spread = rng.normal(0, 0.12, (24, 1, 3)) * rng.normal(0, 1, (24, 200, 1))
    poses = spread.transpose(1, 0, 2).reshape(200, 72)
    prior = PosePrior.fit(poses, components=2, width=0.1)
    body = BodyLayer(load_body("neutral"))
    mean_theta = np.concatenate([[1, 0, 0], np.zeros(82)]).astype(np.float32)
    fitter = Smplify(body, prior, mean_theta, SmplifySettings(batch=FRAMES))

    covariance = np.linalg.inv(prior.factors[0] @ prior.factors[0].T)
    drawn = rng.multivariate_normal(prior.means[0], covariance, FRAMES)
    upright = rotations.rotation_about(0, np.pi) @ rotations.rotation_about(1, np.linspace(0, 2 * np.pi, FRAMES))
    tilted = rotations.axis_angle_to_matrix(rng.normal(0, 0.15, (FRAMES, 3))) @ upright
    scale, shift = rng.uniform(0.5, 0.9, (FRAMES, 1)), rng.uniform(-0.2, 0.2, (FRAMES, 2))
    betas = rng.normal(0, 0.5, (FRAMES, 10))
    truth = np.concatenate([scale, shift, rotations.matrix_to_axis_angle(tilted), drawn, betas], 1).astype(np.float32)
    keypoints3d = posed(body, truth)
    points = project_weak(keypoints3d, truth[:, conventions.CAMERA_SLICE])
    keypoints2d = np.concatenate([points, np.ones((FRAMES, 19, 1))], -1).astype(np.float32)
    return fitter, body, truth, keypoints3d, keypoints2d, prior


def posed(body, theta):
    return np.asarray(body(theta[:, conventions.POSE_SLICE], theta[:, conventions.BETAS_SLICE]).keypoints)


@pytest.fixture(scope="module")
def fits(setting):
    return setting[0](setting[4])


def test_known_bodies_are_found_again(setting, fits):
    _, body, truth, keypoints3d, keypoints2d, _ = setting
    found = posed(body, fits.theta)
    points = project_weak(found, fits.theta[:, conventions.CAMERA_SLICE])
    off = np.linalg.norm(points - keypoints2d[..., :2], axis=-1) / truth[:, :1]
    assert off.mean() < 0.01  # metres at the body
    assert np.median(metrics.pa_mpjpe(found, keypoints3d)) < 40.0
    # Front and back, too: the body's left is where the keypoints say.
    turns = [rotations.axis_angle_to_matrix(theta[:, 3:6].astype(np.float64)) for theta in (fits.theta, truth)]
    apart = np.arccos(np.clip((np.einsum("nij,nij->n", *turns) - 1) / 2, -1, 1))
    assert np.median(apart) < np.radians(20)
    assert not fits.missing.any() and np.isfinite(fits.energy).all()


def test_fits_are_no_worse_than_the_truth(setting, fits):
    # Each descent ends near a minimum: in most frames its energy is below that of the body that was drawn.
    fitter, _, truth, _, keypoints2d, prior = setting
    noise = np.float32(fitter.settings.noise[-1])
    energies = np.asarray(fitter.energy(prior, truth, keypoints2d[..., :2], keypoints2d[..., 2], noise))
    assert fits.energy.shape == energies.shape
    # The fit's own units: energy is the same for the box it was fitted in, since the noise is in metres at the body.
    assert np.median(fits.energy - energies) < 5.0


def test_a_wild_keypoint_has_little_pull(setting, fits):
    fitter, body, _, _, keypoints2d, _ = setting
    wild = keypoints2d.copy()
    wild[:, conventions.keypoint("L_wrist"), :2] += 2.5  # more than the whole person
    moved = np.linalg.norm(posed(body, fitter(wild).theta) - posed(body, fits.theta), axis=-1)
    others = np.delete(moved, [conventions.keypoint("L_wrist"), conventions.keypoint("L_elbow")], 1)
    assert np.median(others) < 0.03


def test_what_is_hidden_is_not_looked_at_and_frames_do_not_touch(setting, fits):
    fitter, _, _, _, keypoints2d, _ = setting
    hidden = keypoints2d.copy()
    hidden[0, :4, 2] = 0
    other = hidden.copy()
    other[0, :4, :2] = np.nan
    first, second = fitter(hidden), fitter(other)
    np.testing.assert_array_equal(first.theta, second.theta)
    np.testing.assert_array_equal(first.theta[1:], fits.theta[1:])


def test_frames_with_few_keypoints_are_missing(setting):
    fitter, _, _, _, keypoints2d, _ = setting
    few = keypoints2d.copy()
    few[1, 5:, 2] = 0  # five are left
    found = fitter(few)
    assert found.missing.tolist() == [i == 1 for i in range(FRAMES)]
    np.testing.assert_array_equal(found.theta[1], np.concatenate([[1, 0, 0], np.zeros(82)]))
    assert np.isnan(found.energy[1])
    assert fitter(few[:0]).theta.shape == (0, 85)


def test_fits_follow_the_picture(setting, fits):
    # A smaller picture elsewhere is the same body, seen by another camera.
    fitter, _, _, _, keypoints2d, _ = setting
    moved = keypoints2d.copy()
    moved[..., :2] = 0.25 * moved[..., :2] + [0.5, -0.25]
    found = fitter(moved).theta
    np.testing.assert_allclose(found[:, 3:], fits.theta[:, 3:], atol=0.02)
    np.testing.assert_allclose(found[:, :1], 0.25 * fits.theta[:, :1], rtol=0.01)
    np.testing.assert_allclose(found[:, 1:3], 0.25 * fits.theta[:, 1:3] + [0.5, -0.25], atol=0.005)


@pytest.mark.parametrize(("name", "wrong"), [("L_knee", [-1, 0, 0]), ("L_elbow", [0, 1, 0]), ("R_elbow", [0, -1, 0])])
def test_hinges_that_bend_the_wrong_way_cost(setting, name, wrong):
    fitter, body, truth, _, keypoints2d, prior = setting
    theta = np.zeros((1, 85), np.float32)
    theta[:, 0] = 1
    at = conventions.POSE_SLICE.start + 3 * conventions.joint(name)
    theta[0, at : at + 3] = wrong

    def energy(weight):
        settings = dataclasses.replace(fitter.settings, bend_weight=weight)
        other = Smplify(body, prior, truth[0], settings)
        return np.asarray(other.energy(prior, theta, keypoints2d[:1, :, :2], keypoints2d[:1, :, 2], np.float32(1)))

    np.testing.assert_allclose(energy(1001.0) - energy(1.0), 1000 * (np.e + 3), rtol=1e-3)


def test_gradient_is_the_slope(setting):
    fitter, _, truth, _, keypoints2d, prior = setting
    rng = np.random.default_rng(5)
    start = (truth + rng.normal(0, 0.05, truth.shape)).astype(np.float32)
    start[:, 0] = truth[:, 0]
    direction = rng.normal(0, 1, start.shape).astype(np.float32)
    direction[:, 0] = 0  # the metres a residual is expressed in are held, and they hang on the scale

    def energy(theta):
        return fitter.energy(prior, theta, keypoints2d[..., :2], keypoints2d[..., 2], np.float32(0.1))

    from keras import ops

    _, slope = gradient(energy, ops.convert_to_tensor(start))
    step = np.float32(1e-3)
    numeric = (np.asarray(energy(start + step * direction)) - np.asarray(energy(start - step * direction))) / (2 * step)
    np.testing.assert_allclose((np.asarray(slope) * direction).sum(1), numeric, rtol=0.02, atol=0.5)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda k: k[0], "shape"),
        (lambda k: k[:, :14], "shape"),
        (lambda k: np.where(np.arange(3) == 0, np.nan, k), "12 of 12 frames"),
        (lambda k: k * [1, 1, 2], "12 of 12 frames"),
    ],
)
def test_bad_keypoints_are_refused(setting, spoil, said):
    with pytest.raises(RecordError, match=said):
        setting[0](spoil(setting[4]))


def test_bad_settings_are_refused():
    for wrong in ({"headings": 0}, {"noise": ()}, {"noise": (0.1, 0.0)}, {"rate": float("nan")}):
        with pytest.raises(ConfigError, match="Received"):
            dataclasses.replace(SmplifySettings(), **wrong)
