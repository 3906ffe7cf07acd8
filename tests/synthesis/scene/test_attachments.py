import dataclasses

import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis import avatar
from synthesis.scene import attachments, hair, shoes
from synthesis.scene.scalp import find_scalp

DATA = load_body("neutral")
BODY = NumpyBody(DATA)
COLOUR = np.array([0.3, 0.2, 0.1])
_RNG = np.random.default_rng(0)
# Random people, and corners of the range: three standard deviations in every beta.
SHAPES = [avatar.random_betas(sex, _RNG) for sex in ("male", "female")]
SHAPES += [_RNG.choice([-3.0, 3.0], 10).astype(np.float32) for _ in range(4)]
HAIR = [name for name, style in hair.HAIR_STYLES.items() if style is not None]


def bent_pose() -> np.ndarray:
    """[T, 72]: head bowed, turned and leaning, knees and feet bent, the whole turned."""
    pose = np.zeros((4, 24, 3))
    pose[1, 15], pose[1, 12] = (0.5, 0, 0), (0.3, 0, 0)
    pose[2, 15] = 0, 0.9, 0.2
    pose[3, 0], pose[3, [4, 5]], pose[3, [7, 10]] = (0, 1.5, 0.3), (1.2, 0, 0), (0.4, 0, 0)
    return pose.reshape(4, 72)


def grown(style: str, betas: np.ndarray):
    rest, _ = BODY.shaped(betas)
    return rest, hair.grow(DATA, rest, style, COLOUR, 0.6, seed=1)


def test_rigid_motion_is_found_exactly():
    points = np.random.default_rng(0).normal(size=(20, 3))
    turn = rotations.axis_angle_to_matrix(np.array([[0.3, -2.0, 0.7]]))
    rotation, translation = attachments.rigid_motion(points, points[None] @ np.swapaxes(turn, 1, 2) + [1, 2, 3])
    np.testing.assert_allclose(rotation, turn, atol=1e-9)
    np.testing.assert_allclose(translation, [[1, 2, 3]], atol=1e-9)


def test_grid_faces_look_at_the_viewer_and_close():
    columns, rows = np.meshgrid(np.arange(4.0), np.arange(3.0))
    points = np.stack([columns.ravel(), -rows.ravel(), 0 * rows.ravel()], 1)
    a, b, c = (points[attachments.grid_faces(3, 4, closed=False)[:, k]] for k in range(3))
    assert np.all(np.cross(b - a, c - a)[:, 2] == 1)
    closed = attachments.grid_faces(3, 4, closed=True)
    assert len(closed) == 2 * 2 * 4
    assert attachments.grid_uv(np.arange(3.0), np.arange(5.0), closed=True).shape == (16, 3, 2)
    assert attachments.grid_uv(np.arange(3.0), np.arange(5.0), closed=True)[..., 0].max() == 4


@pytest.mark.parametrize("style", HAIR)
def test_hair_covers_the_scalp_of_any_head(style):
    """From the skull's middle outwards, hair comes after skin, and never far from it."""
    scalp = find_scalp(DATA)
    for betas in SHAPES:
        rest, worn = grown(style, betas)
        assert np.isfinite(worn.rest).all()
        cut = hair.HAIR_STYLES[style]
        columns = len(scalp.azimuth)
        # Rows 3 to 8 are well inside the hairline of every style.
        shell = worn.rest[3 * columns : 9 * columns]
        skin = scalp.on(rest.astype(np.float64)).reshape(-1, 3)
        centre = skin.mean(0)
        nearest = np.linalg.norm(shell[:, None] - skin[None], axis=-1).argmin(1)
        height = ((shell - skin[nearest]) * (skin[nearest] - centre)).sum(1) / np.linalg.norm(
            skin[nearest] - centre, axis=1
        )
        assert height.min() > 0
        assert np.linalg.norm(shell - skin[nearest], axis=1).max() < max(cut.top, cut.side) + 2 * cut.front + 0.035


def test_hair_and_shoes_follow_whatever_moves_the_body():
    """On a body moved as a whole everything moves as a whole."""
    turn = rotations.axis_angle_to_matrix(np.array([0.1, 2.0, 0.0]))
    for betas in SHAPES[:2]:
        rest, _ = BODY.shaped(betas)
        moved = (rest @ turn.T + [0.5, 1.0, -2.0])[None].astype(np.float32)
        pair, _ = shoes.fit(DATA, rest, "boot", COLOUR, 0)
        for worn in (pair, grown("crop", betas)[1]):
            np.testing.assert_allclose(worn.follow(moved)[0], worn.rest @ turn.T + [0.5, 1.0, -2.0], atol=2e-5)
            np.testing.assert_array_equal(worn.follow(moved), worn.follow(moved))


def test_long_hair_stays_off_the_body_in_every_pose():
    for betas in SHAPES[1::2]:
        _, worn = grown("long", betas)
        vertices, _ = BODY(bent_pose(), betas)
        moved = worn.follow(vertices)
        for posed, points in zip(vertices, moved, strict=True):
            pushed = points.copy()
            worn.cushion.push_out(pushed, posed)
            # Pushed off one place a lock may come near another: hardly any do, and by little.
            off = np.linalg.norm(pushed - points, axis=1)
            assert (off > 0.003).mean() < 0.03
            assert np.isfinite(points).all()


@pytest.mark.parametrize("style", shoes.SHOE_STYLES)
def test_shoes_hold_the_feet_of_any_body(style):
    shoe = shoes.SHOE_STYLES[style]
    for betas in SHAPES:
        rest, _ = BODY.shaped(betas)
        pair, inside = shoes.fit(DATA, rest, style, COLOUR, 0)
        floor = float(rest[:, 1].min())
        # Soles are under both feet, and no thicker than said.
        assert pair.rest[:, 1].min() == pytest.approx(floor - shoe.under, abs=0.006)
        assert shoe.under <= 0.015
        hidden = np.setdiff1d(DATA.faces[inside], DATA.faces[~inside])
        low, high = pair.rest.min(0), pair.rest.max(0)
        assert len(hidden) > 50
        assert np.all(rest[hidden] > low - 1e-3) and np.all(rest[hidden] < high + 1e-3)


def test_shoes_face_outwards():
    pair, _ = shoes.fit(DATA, DATA.v_template, "boot", COLOUR, 0)
    rows = len(pair.rest) // 2
    faces = pair.surface.faces
    corners = pair.rest[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for half in (slice(0, rows), slice(rows, None)):
        mine = (faces[:, 0] >= (half.start or 0)) & (faces[:, 0] < (half.stop or len(pair.rest)))
        centre = pair.rest[half].mean(0)
        outwards = ((corners.mean(1) - centre) * normals).sum(1)[mine]
        assert (outwards > 0).sum() > 4 * (outwards < 0).sum()


def test_toes_bend_the_shoe():
    rest, joints = BODY.shaped(np.zeros(10))
    pair, _ = shoes.fit(DATA, rest, "sneaker", COLOUR, 0)
    pose = np.zeros((1, 24, 3))
    pose[0, 10, 0] = -0.5  # toes of the left foot up
    moved = pair.follow(BODY(pose.reshape(1, 72), np.zeros(10))[0])[0]
    left = pair.rest[:, 0] > 0
    toes = left & (pair.rest[:, 2] > joints[10, 2] + 0.04)
    heel = left & (pair.rest[:, 2] < joints[7, 2])
    assert (moved - pair.rest)[toes, 1].min() > 0.005
    np.testing.assert_allclose(moved[heel], pair.rest[heel], atol=3e-3)
    np.testing.assert_allclose(moved[~left], pair.rest[~left], atol=1e-3)


def test_long_hair_hangs_when_the_body_bends_and_does_so_smoothly():
    betas = SHAPES[1]
    _, worn = grown("long", betas)
    pose = np.zeros((40, 24, 3))
    pose[:, 0, 0] = np.linspace(0, 1.4, 40)
    vertices, _ = BODY(pose.reshape(40, 72), betas)
    moved, rigid = worn.follow(vertices), dataclasses.replace(worn, strands=None).follow(vertices)
    tips = worn.strands.links[np.argsort(worn.rest[worn.strands.links[:, -1], 1])[:20], -1]
    np.testing.assert_allclose(moved[0], rigid[0], atol=1e-3)
    assert (rigid - moved)[-1, tips, 1].mean() > 0.05
    jerk = np.linalg.norm(np.diff(moved, 2, axis=0), axis=-1)
    assert jerk.max() < 0.03
