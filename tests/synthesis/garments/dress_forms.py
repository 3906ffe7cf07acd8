"""Bodies of the whole range of shapes, for tests of fit."""

import functools

import numpy as np

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.garments.measurements import DressForm, measure

LIMIT = 3.0


@functools.lru_cache
def body(gender: str) -> NumpyBody:
    return NumpyBody(load_body(gender))


def form(gender: str, betas=()) -> DressForm:
    return DressForm.of(body(gender), np.array([*betas, *[0.0] * (10 - len(betas))]))


@functools.lru_cache
def mean_measurements(gender: str) -> dict[str, float]:
    return measure(form(gender))


def extremes(count: int, seed: int) -> list[tuple[str, np.ndarray]]:
    """Tall, short, heavy and thin people, then corners of the box of betas within three standard deviations."""
    rng = np.random.default_rng(seed)
    axes = [sign * LIMIT * np.eye(10)[k] for k in (0, 1) for sign in (1.0, -1.0)]
    corners = list(rng.choice([-LIMIT, LIMIT], (count, 10)))
    return [(("male", "female")[k % 2], betas) for k, betas in enumerate(axes + corners)]
