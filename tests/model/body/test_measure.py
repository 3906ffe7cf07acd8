import dataclasses

import numpy as np
import pytest

from model.body.files import load_body
from model.body.measure import DENSITY, measure, volume

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
CUBE_FACES = np.array([
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
    [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
])  # fmt: skip


def test_volume_of_a_box_wherever_it_stands():
    box = CUBE * [2.0, 3.0, 0.5] + [7.0, -4.0, 1.0]
    assert volume(box, CUBE_FACES) == pytest.approx(3.0)
    assert volume(box, CUBE_FACES[:, ::-1]) == pytest.approx(-3.0)


def test_a_body_one_tenth_larger():
    data = load_body("neutral")
    larger = dataclasses.replace(data, v_template=data.v_template * np.float32(1.1))
    small, large = measure(data, np.zeros(10)), measure(larger, np.zeros(10))
    assert large.stature == pytest.approx(1.1 * small.stature, rel=1e-5)
    assert large.mass == pytest.approx(1.1**3 * DENSITY * small.volume, rel=1e-5)
    assert large.bmi == pytest.approx(1.1 * small.bmi, rel=1e-5)


def test_bodies_are_people():
    for gender in ("male", "female", "neutral"):
        size = measure(load_body(gender), np.zeros(10))
        assert 1.5 < size.stature < 1.9
        assert 18 < size.bmi < 30
