"""Wind: a mean velocity with seeded gusts."""

from __future__ import annotations

import dataclasses

import numpy as np

from model.errors import ConfigError

# Gusts between a slow swell and a flutter, hertz.
_FREQUENCIES = np.array([0.3, 0.7, 1.3, 2.9])


@dataclasses.dataclass(frozen=True)
class Wind:
    """Air that moves alike everywhere.

    Attributes:
        velocity: mean, m/s, world.
        gusts: standard deviation of the speed as a share of the mean.
        seed: of the gusts.
    """

    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gusts: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if len(self.velocity) != 3 or not np.isfinite(self.velocity).all():
            raise ConfigError(f"A wind's velocity is three finite numbers. Received: {self.velocity!r}")
        if not self.gusts >= 0:
            raise ConfigError(f"gusts of a wind are zero or more. Received: {self.gusts!r}")

    def at(self, seconds: float) -> np.ndarray:
        """[3] m/s at a time."""
        phases = np.random.default_rng(self.seed).uniform(0, 2 * np.pi, len(_FREQUENCIES))
        # Each sine has variance 1/2.
        swell = np.sin(2 * np.pi * _FREQUENCIES * seconds + phases).sum() * np.sqrt(2.0 / len(_FREQUENCIES))
        return np.array(self.velocity) * (1.0 + self.gusts * swell)


STILL = Wind()
