import dataclasses

import numpy as np

from model.body.files import load_body
from synthesis.scene import skin
from synthesis.scene.landmarks import find_landmarks
from synthesis.scene.look import Appearance

DATA = load_body("neutral")
LOOK = Appearance((0.8, 0.6, 0.5), (0.1, 0.1, 0.1), 0.6, (0.3, 0.2, 0.1), None, 0)


def _colour_at(material, vertex: int) -> np.ndarray:
    """The texel that a vertex of the body shows, sRGB 0..1."""
    face, corner = np.argwhere(DATA.faces == vertex)[0]
    u, v = DATA.uv[DATA.uv_faces[face, corner]]
    size = len(material.albedo)
    return material.albedo[int((1 - v) * size), int(u * size)] / 255.0


def _skin_vertices() -> np.ndarray:
    return np.setdiff1d(np.arange(DATA.num_vertices), DATA.faces[DATA.face_parts == 1])


def _nearest(point) -> int:
    vertices = _skin_vertices()
    return int(vertices[np.linalg.norm(DATA.v_template[vertices] - point, axis=1).argmin()])


def test_atlas_knows_where_each_texel_lies_on_the_body():
    atlas = skin.body_atlas(DATA)
    corners = DATA.uv[DATA.uv_faces].mean(1)
    centres = DATA.v_template[DATA.faces].mean(1)
    size = len(atlas.eye)
    found = atlas.position[((1 - corners[:, 1]) * size).astype(int), (corners[:, 0] * size).astype(int)]
    # Small faces may hold no texel's centre; then a neighbour answers.
    assert np.quantile(np.linalg.norm(found - centres, axis=1), 0.95) < 0.01


def test_hair_is_on_the_head_and_skin_elsewhere():
    material = skin.body_material(DATA, LOOK)
    vertices = _skin_vertices()
    rest = DATA.v_template[vertices]
    crown, left_hand = vertices[rest[:, 1].argmax()], vertices[rest[:, 0].argmax()]
    np.testing.assert_allclose(_colour_at(material, crown), LOOK.hair, atol=0.16)
    np.testing.assert_allclose(_colour_at(material, left_hand), LOOK.skin, atol=0.16)
    bald = skin.body_material(DATA, dataclasses.replace(LOOK, hair=None))
    np.testing.assert_allclose(_colour_at(bald, crown), LOOK.skin, atol=0.12)


def test_beards_grow_on_chins_only():
    marks = find_landmarks(DATA)
    chin = _nearest(marks.eyes + marks.unit * np.array([0.0, -3.6, 0.3]))
    forehead = _nearest(marks.eyes + marks.unit * np.array([0.0, 1.3, 0.5]))
    shaven, bearded = (skin.body_material(DATA, dataclasses.replace(LOOK, beard=b)) for b in (0.0, 1.0))
    assert _colour_at(bearded, chin).mean() < 0.5 * _colour_at(shaven, chin).mean()
    np.testing.assert_allclose(_colour_at(bearded, forehead), _colour_at(shaven, forehead), atol=0.01)


def test_flushed_elbows_are_redder_and_palms_of_dark_skin_lighter():
    joints = DATA.joint_regressor @ DATA.v_template
    elbow = _nearest(joints[18] - [0, 0, 0.05])
    pale, flushed = (
        _colour_at(skin.body_material(DATA, dataclasses.replace(LOOK, flush=f)), elbow) for f in (0.0, 1.5)
    )
    assert flushed[0] / flushed[1] > 1.05 * pale[0] / pale[1]
    dark = skin.body_material(DATA, dataclasses.replace(LOOK, skin=(0.3, 0.2, 0.15)))
    hand = joints[20] + [0.06, 0, 0]
    back, palm = (_colour_at(dark, _nearest(hand + np.array([0, y, 0]))) for y in (0.04, -0.04))
    assert palm.mean() > 1.3 * back.mean()


def test_eyes_have_whites_irises_and_pupils_and_no_relief():
    eye = skin.body_atlas(DATA).eye
    material = skin.body_material(DATA, LOOK)
    grey = material.albedo[eye].max(-1)
    assert grey.min() < 30
    assert grey.max() > 150
    assert material.normals[~eye].std() > 1


def test_seeds_change_the_pixels():
    painted = [skin.body_material(DATA, dataclasses.replace(LOOK, seed=s)).albedo.tobytes() for s in (1, 1, 2)]
    assert painted[0] == painted[1] != painted[2]
