import dataclasses
import json

import numpy as np

from model.body.files import load_body
from synthesis.scene import appearance

DATA = load_body("neutral")
LOOK = appearance.Appearance((0.8, 0.6, 0.5), (0.1, 0.1, 0.1), 0.6, (0.3, 0.2, 0.1), (0.1, 0.2, 0.9), 0)


def _colour_at(material, vertex: int) -> np.ndarray:
    """The texel that a vertex of the body shows, sRGB 0..1."""
    face, corner = np.argwhere(DATA.faces == vertex)[0]
    u, v = DATA.uv[DATA.uv_faces[face, corner]]
    size = len(material.albedo)
    return material.albedo[int((1 - v) * size), int(u * size)] / 255.0


def _skin_vertices() -> np.ndarray:
    return np.setdiff1d(np.arange(DATA.num_vertices), DATA.faces[DATA.face_parts == 1])


def test_atlas_knows_where_each_texel_lies_on_the_body():
    atlas = appearance.body_atlas(DATA)
    corners = DATA.uv[DATA.uv_faces].mean(1)
    centres = DATA.v_template[DATA.faces].mean(1)
    size = len(atlas.eye)
    found = atlas.position[((1 - corners[:, 1]) * size).astype(int), (corners[:, 0] * size).astype(int)]
    # Small faces may hold no texel's centre; then a neighbour answers.
    assert np.quantile(np.linalg.norm(found - centres, axis=1), 0.95) < 0.01


def test_hair_skin_and_shoes_are_where_they_belong():
    material = appearance.body_material(DATA, LOOK)
    skin = _skin_vertices()
    rest = DATA.v_template[skin]
    crown, sole = skin[rest[:, 1].argmax()], skin[rest[:, 1].argmin()]
    left_hand = skin[rest[:, 0].argmax()]
    np.testing.assert_allclose(_colour_at(material, crown), LOOK.hair, atol=0.08)
    np.testing.assert_allclose(_colour_at(material, left_hand), LOOK.skin, atol=0.1)
    shoe = _colour_at(material, sole)
    assert shoe[2] > 2 * shoe[0]
    nose = skin[np.where(np.abs(rest[:, 1] - appearance._landmarks(DATA).eyes[1]) < 0.06, rest[:, 2], -1).argmax()]
    assert _colour_at(material, nose)[0] > 0.6
    bare = appearance.body_material(DATA, dataclasses.replace(LOOK, hair=None, shoes=None))
    np.testing.assert_allclose(_colour_at(bare, crown), LOOK.skin, atol=0.1)
    np.testing.assert_allclose(_colour_at(bare, sole), LOOK.skin, atol=0.1)


def test_eyes_have_whites_irises_and_pupils():
    eye = appearance.body_atlas(DATA).eye
    grey = appearance.body_material(DATA, LOOK).albedo[eye].max(-1)
    assert grey.min() < 30
    assert grey.max() > 150


def test_looks_are_plain_data_drawn_by_seed():
    draw = lambda seed: appearance.draw_appearance(np.random.default_rng(seed))  # noqa: E731
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    plain = json.loads(json.dumps(dataclasses.asdict(draw(1))))
    assert tuple(plain["skin"]) == draw(1).skin
    material = [appearance.body_material(DATA, draw(seed)).albedo.tobytes() for seed in (1, 1, 2)]
    assert material[0] == material[1] != material[2]


def test_skin_covers_the_human_range():
    skin = np.array([appearance.draw_appearance(np.random.default_rng(seed)).skin for seed in range(300)])
    assert skin.min() >= 0 and skin.max() <= 1
    assert skin[:, 0].min() < 0.35 and skin[:, 0].max() > 0.85
    # Human skin is warm: red over green over blue.
    assert np.all(np.diff(skin, axis=1) < 0)


def test_surface_carries_the_body():
    surface = appearance.body_surface(DATA, LOOK)
    assert surface.mask_id == 1
    assert surface.uv.shape == (*surface.faces.shape, 2)
