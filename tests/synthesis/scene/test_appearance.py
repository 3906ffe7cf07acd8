import dataclasses
import json

import numpy as np
import pytest

from model.body.files import load_body
from model.errors import ConfigError
from synthesis.render.interface import BODY_ID, HAIR_ID, SHOES_ID
from synthesis.scene import appearance

DATA = load_body("neutral")
LOOK = appearance.Appearance((0.8, 0.6, 0.5), (0.1, 0.1, 0.1), 0.6, (0.3, 0.2, 0.1), (0.1, 0.2, 0.9), 0, "bob")


def test_looks_are_plain_data_drawn_by_seed():
    draw = lambda seed: appearance.draw_appearance(np.random.default_rng(seed))  # noqa: E731
    assert draw(1) == draw(1) != draw(2)
    plain = json.loads(json.dumps(dataclasses.asdict(draw(1))))
    back = appearance.Appearance(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()})
    assert back == draw(1)


def test_skin_covers_the_human_range():
    skin = np.array([appearance.draw_appearance(np.random.default_rng(seed)).skin for seed in range(300)])
    assert skin.min() >= 0 and skin.max() <= 1
    assert skin[:, 0].min() < 0.35 and skin[:, 0].max() > 0.85
    # Human skin is warm: red over green over blue.
    assert np.all(np.diff(skin, axis=1) < 0)


def test_men_and_women_wear_what_they_mostly_wear():
    looks = {sex: [appearance.draw_appearance(np.random.default_rng([s, 7]), sex) for s in range(200)]
             for sex in ("male", "female")}  # fmt: skip
    long = {sex: np.mean([look.hair_style in ("long", "bob", "ponytail", "bun") for look in drawn])
            for sex, drawn in looks.items()}  # fmt: skip
    assert long["female"] > 0.5 > 0.2 > long["male"] > 0
    assert not any(look.beard for look in looks["female"])
    assert 0.3 < np.mean([look.beard > 0 for look in looks["male"]]) < 0.7


def test_a_dressed_body_has_hair_and_shoes_and_no_skin_in_the_shoes():
    body, worn = appearance.dress_body(DATA, DATA.v_template, LOOK)
    assert (body.mask_id, *(a.surface.mask_id for a in worn)) == (BODY_ID, HAIR_ID, SHOES_ID)
    assert len(body.faces) < len(DATA.faces)
    assert body.uv.shape == (*body.faces.shape, 2)
    gone = np.setdiff1d(DATA.faces, body.faces)
    ankles = (DATA.joint_regressor @ DATA.v_template)[[7, 8], 1]
    assert DATA.v_template[gone, 1].max() < ankles.max()
    bare, worn = appearance.dress_body(DATA, DATA.v_template, dataclasses.replace(LOOK, hair=None, shoes=None))
    assert worn == ()
    np.testing.assert_array_equal(bare.faces, DATA.faces)


def test_unknown_styles_are_refused():
    with pytest.raises(ConfigError, match=r"hair_style is one of stubble, .* Received: 'mohawk'"):
        dataclasses.replace(LOOK, hair_style="mohawk")
