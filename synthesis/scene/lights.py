"""The paper's lights (section 3.4): four area lights around the avatar, of random strength."""

from __future__ import annotations

import math

import numpy as np

from synthesis.render.interface import AreaLight

# The authors' Blender scene, in metres: side, horizontal distance and height of each light; watts.
SIDE = 10.0
REACH = 25.0
HEIGHT = 25.0
MEAN_POWER = 5000.0
STD_POWER = 2500.0

# A normal draw may fall below zero; lights are kept between these, by drawing again.
_LEAST_POWER = 500.0
_MOST_POWER = 10000.0

_TARGET = (0.0, 1.0, 0.0)


def draw_lights(
    rng: np.random.Generator, mean_power: float = MEAN_POWER, std_power: float = STD_POWER
) -> tuple[AreaLight, ...]:
    """Four lights at the left, right, front and back, 45 degrees up, facing the avatar at the world's origin.

    Args:
        rng: where the strengths come from.
        mean_power: watts, mean of the normal distribution of strengths.
        std_power: watts, its standard deviation.
    """
    places = ((REACH, 0.0), (-REACH, 0.0), (0.0, REACH), (0.0, -REACH))
    return tuple(
        AreaLight(
            position=(x, HEIGHT, z),
            target=_TARGET,
            radiance=radiance(_draw_power(rng, mean_power, std_power), SIDE),
            size=SIDE,
        )
        for x, z in places
    )


def radiance(power: float, side: float) -> float:
    """Radiance of a square Lambert emitter of this power (watts) and side (metres): flux = pi * radiance * area."""
    return power / (math.pi * side * side)


def _draw_power(rng: np.random.Generator, mean: float, std: float) -> float:
    while True:
        power = float(rng.normal(mean, std))
        if _LEAST_POWER <= power <= _MOST_POWER or std == 0:
            return power
