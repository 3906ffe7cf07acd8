"""Shapes on the command line: what `--betas` takes."""

from __future__ import annotations

import math

import numpy as np

from model import conventions
from model.errors import ConfigError


def parse_betas(text: str, largest: float) -> np.ndarray:
    """Betas [10] of up to ten comma-separated numbers, the missing ones zero.

    Args:
        text: "2,-1"; empty: the mean shape.
        largest: that a number may be to either side of zero, standard deviations.

    Raises:
        ConfigError: more than ten, not numbers, or too large to be a person's.
    """
    try:
        values = [float(word) for word in text.split(",")] if text.strip() else []
    except ValueError:
        values = [math.nan]
    if len(values) > conventions.NUM_BETAS or not all(abs(value) <= largest for value in values):
        raise ConfigError(
            f"Betas are up to {conventions.NUM_BETAS} comma-separated numbers within +-{largest:g}. Received: {text!r}"
        )
    return np.array(values + [0.0] * (conventions.NUM_BETAS - len(values)), np.float32)
