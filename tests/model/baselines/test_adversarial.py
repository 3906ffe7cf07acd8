import keras
import numpy as np
import pytest
import tensorflow as tf

from model.baselines.adversarial import DISCRIMINATORS, AdversarialPrior

N = 32


@pytest.fixture
def prior():
    keras.utils.set_random_seed(0)
    prior = AdversarialPrior()
    prior.build()
    return prior


@pytest.fixture
def batch():
    """Predictions that bend every joint far, labels that hardly bend any."""
    rng = np.random.default_rng(0)
    theta = np.concatenate([rng.normal(size=(N, 3)), 1.0 + rng.normal(size=(N, 82)) * 0.3], 1).astype(np.float32)
    pose, betas = (rng.normal(size=(N, size)).astype(np.float32) * 0.1 for size in (72, 10))
    return theta, pose, betas, np.ones(N, np.float32)


def as_theta(pose, betas):
    return np.concatenate([np.zeros((N, 3), np.float32), pose, betas], 1)


def test_weights_are_those_of_the_paper(prior):
    shared, joints = 9 * 32 + 32 + 32 * 32 + 32, 23 * (32 + 1)
    pose, shape = 736 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 + 1, 10 * 10 + 10 + 10 * 5 + 5 + 5 + 1
    assert prior.count_params() == shared + joints + pose + shape
    assert DISCRIMINATORS == 25


def test_each_loss_moves_its_own_side_alone(prior, batch):
    theta, pose, betas, has_smpl = batch
    theta = tf.constant(theta)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        generator, discriminator = prior.losses(theta, pose, betas, has_smpl)
    weights = [weight.value for weight in prior.trainable_variables]
    assert tape.gradient(discriminator, theta) is None
    assert all(gradient is None for gradient in tape.gradient(generator, weights))
    assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(discriminator, weights))
    to_theta = np.abs(tape.gradient(generator, theta)).max(0)
    # Camera and global rotation are nobody's business here; every other number is judged.
    assert to_theta[:6].max() == 0 and to_theta[6:].min() > 0


def test_known_scores_give_known_losses(prior, batch):
    theta, pose, betas, has_smpl = batch
    for weight in prior.trainable_variables:
        weight.assign(np.zeros(weight.shape))
    # All 25 scores are 0: the generator misses 1 in each, the discriminators miss it on the labels.
    assert [float(loss) for loss in prior.losses(theta, pose, betas, has_smpl)] == [25.0, 25.0]
    assert [float(loss) for loss in prior.losses(theta, pose, betas, 0 * has_smpl)] == [25.0, 0.0]
    # The mean is over the labels that are there.
    has_smpl[N // 2 :] = 0
    assert [float(loss) for loss in prior.losses(theta, pose, betas, has_smpl)] == [25.0, 25.0]


def test_labels_that_are_not_there_may_hold_anything(prior, batch):
    theta, pose, betas, has_smpl = batch
    has_smpl[N // 2 :] = 0
    expected = prior.losses(theta, pose, betas, has_smpl)
    pose[N // 2 :] = np.nan
    betas[N // 2 :] = 1e9
    assert np.allclose(prior.losses(theta, pose, betas, has_smpl), expected)


def test_discriminators_learn_what_is_real(prior, batch):
    theta, pose, betas, has_smpl = batch
    weights = [weight.value for weight in prior.trainable_variables]
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(prior.trainable_variables)
    _, before = prior.losses(theta, pose, betas, has_smpl)
    for _ in range(60):
        with tf.GradientTape() as tape:
            _, loss = prior.losses(theta, pose, betas, has_smpl)
        optimizer.apply(tape.gradient(loss, weights))
    at_prediction, after = prior.losses(theta, pose, betas, has_smpl)
    at_labels, _ = prior.losses(as_theta(pose, betas), pose, betas, has_smpl)
    assert float(after) < 0.2 * float(before)
    assert float(at_labels) < 0.2 * float(at_prediction)
