import dataclasses

import numpy as np
import pytest

from model.config import TrainConfig
from model.training.schedules import StageRate

TRAIN = TrainConfig(learning_rate=2.0, warmup_steps=50)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("constant", {51: 2.0, 899: 2.0}),
        ("step", {599: 2.0, 600: 0.2, 799: 0.2, 800: 0.02}),
        ("cosine", {475: 1.0, 900: 0.0, 50 + 850 // 6: 2 * (0.5 + 0.5 * np.cos(np.pi * (850 // 6) / 850))}),
    ],
)
def test_rates_are_those_of_the_closed_form(shape, expected):
    rate = StageRate(dataclasses.replace(TRAIN, schedule=shape), 900)
    for step, value in ({0: 0.2, 25: 1.1, 50: 2.0} | expected).items():
        assert float(rate(step)) == pytest.approx(value, abs=1e-5), step


def test_a_short_stage_warms_up_for_a_tenth_of_it():
    rate = StageRate(dataclasses.replace(TRAIN, schedule="constant"), 40)
    assert [float(rate(step)) for step in (0, 2, 4)] == pytest.approx([0.2, 1.1, 2.0])
