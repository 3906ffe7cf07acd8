import numpy as np
import pytest
from scipy.stats import multivariate_normal

from model import conventions
from model.baselines.pose_prior import BODY_POSE_SIZE, PosePrior
from model.errors import ConfigError


def poses(count=400, seed=0):
    """Two clusters, joined to a line by the way joints move together."""
    rng = np.random.default_rng(seed)
    centre = np.where(rng.random((count, 1)) < 0.5, 0.4, -0.3)
    return centre + rng.normal(0, 0.1, (count, 1)) + rng.normal(0, 0.05, (count, conventions.POSE_SIZE))


def test_energy_is_the_likelihood_of_the_best_component():
    prior = PosePrior.fit(poses(), components=3)
    x = np.random.default_rng(1).normal(0, 0.3, (5, BODY_POSE_SIZE))
    found = np.asarray(prior.energy(x.astype(np.float32)))
    covariances = [np.linalg.inv(factor @ factor.T) for factor in prior.factors]
    gaussians = [multivariate_normal(m, c) for m, c in zip(prior.means, covariances, strict=True)]
    logs = np.stack([np.log(w) + g.logpdf(x) for w, g in zip(prior.weights, gaussians, strict=True)])
    np.testing.assert_allclose(found, -logs.max(0), rtol=1e-4)


def test_one_component_is_the_mean_and_covariance_of_poses_and_their_mirror_images():
    given = poses().reshape(-1, 24, 3)
    mirrored = given[:, conventions.JOINT_MIRROR] * [1, -1, -1]
    both = np.concatenate([given, mirrored])[:, 1:].reshape(-1, BODY_POSE_SIZE)
    prior = PosePrior.fit(given.reshape(-1, 72), components=1, width=0.2)
    np.testing.assert_allclose(prior.mean, both.mean(0), atol=1e-6)
    wanted = np.cov(both.T, bias=True) + 0.2**2 * np.eye(BODY_POSE_SIZE)
    np.testing.assert_allclose(np.linalg.inv(prior.factors[0] @ prior.factors[0].T), wanted, atol=1e-6)


def test_merged_is_one_gaussian_of_the_same_mean_and_covariance():
    merged, one = PosePrior.fit(poses(), components=3).merged(), PosePrior.fit(poses(), components=1)
    np.testing.assert_allclose(merged.means, one.means, atol=1e-3)
    np.testing.assert_allclose(merged.factors, one.factors, atol=0.05)
    assert np.abs(np.tril(merged.factors[0], -1)).max() < 1e-9


def test_a_turn_more_changes_nothing_and_seeds_repeat():
    given = poses(100)
    turned = given.reshape(-1, 24, 3)
    angle = np.linalg.norm(turned, axis=-1, keepdims=True)
    turned = (turned * (angle + 2 * np.pi) / angle).reshape(-1, 72)
    first, second = PosePrior.fit(given, 2, seed=3), PosePrior.fit(turned, 2, seed=3)
    np.testing.assert_allclose(first.means, second.means, atol=1e-6)


def test_files(tmp_path):
    prior = PosePrior.fit(poses(50), components=2)
    prior.save(tmp_path / "prior.npz")
    read = PosePrior.load(tmp_path / "prior.npz")
    for name in ("weights", "means", "factors"):
        np.testing.assert_array_equal(getattr(read, name), getattr(prior, name))
    np.savez(tmp_path / "other.npz", weights=np.ones(1))
    for wrong in ("other.npz", "none.npz"):
        with pytest.raises(ConfigError, match=wrong):
            PosePrior.load(tmp_path / wrong)


@pytest.mark.parametrize("wrong", [np.zeros((5, 69)), np.zeros((1, 72)), np.full((5, 72), np.nan)])
def test_bad_poses_are_refused(wrong):
    with pytest.raises(ConfigError, match="Received: shape"):
        PosePrior.fit(wrong)
