"""The paper's lights (section 3.4): four area lights around the avatar, of random strength."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from synthesis.render.interface import AreaLight
from synthesis.scene import painting, spherical_harmonics

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


def dimmed(lights: Sequence[AreaLight], ambient: np.ndarray, share: float) -> tuple[AreaLight, ...]:
    """Area lights in a scene that surroundings light already.

    Each keeps `share` of its strength, times the light that the surroundings send from its side, relative to the mean
    over all lights. So the strengths that were drawn still tell, the share holds on average, and shadows, which ambient
    light does not throw, fall away from the surroundings' bright side.

    Args:
        lights: as drawn.
        ambient: [9, 3] irradiance of the surroundings, as Backdrop.ambient.
        share: 0..1.
    """
    towards = np.array([np.subtract(light.position, light.target) for light in lights])
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    received = np.maximum(painting.luminance(spherical_harmonics.irradiance(ambient, towards)), 0)
    weights = received / max(float(received.mean()), 1e-9)
    return tuple(
        dataclasses.replace(light, radiance=share * float(weight) * light.radiance)
        for light, weight in zip(lights, weights, strict=True)
    )


def _draw_power(rng: np.random.Generator, mean: float, std: float) -> float:
    while True:
        power = float(rng.normal(mean, std))
        if _LEAST_POWER <= power <= _MOST_POWER or std == 0:
            return power
