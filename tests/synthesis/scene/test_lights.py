import numpy as np

from synthesis.scene import lights


def test_four_lights_stand_around_the_avatar_45_degrees_up():
    positions = np.array([light.position for light in lights.draw_lights(np.random.default_rng(0))])
    np.testing.assert_allclose(positions[:, [0, 2]].sum(0), 0)
    np.testing.assert_allclose(np.linalg.norm(positions[:, [0, 2]], axis=1), positions[:, 1])
    assert len(np.unique(positions, axis=0)) == 4


def test_strengths_follow_the_seed_and_stay_positive():
    draws = [lights.draw_lights(np.random.default_rng(seed)) for seed in range(200)]
    assert draws[0] == lights.draw_lights(np.random.default_rng(0))
    assert draws[0] != draws[1]
    radiance = np.array([[light.radiance for light in four] for four in draws])
    power = radiance * np.pi * lights.SIDE**2
    assert power.min() > 0
    assert abs(power.mean() - lights.MEAN_POWER) < 250
    assert 1900 < power.std() < 2500


def test_radiance_of_a_lambert_square_gives_its_power_back():
    """Flux through the hemisphere: the integral of L A cos over solid angle is pi L A."""
    theta = (np.arange(2000) + 0.5) / 2000 * np.pi / 2
    flux = lights.radiance(80.0, 2.0) * 4.0 * (np.cos(theta) * 2 * np.pi * np.sin(theta)).mean() * np.pi / 2
    np.testing.assert_allclose(flux, 80.0, rtol=1e-5)
