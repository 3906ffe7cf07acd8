import cv2
import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.annotate import Annotation
from synthesis.motion.builtin import stills
from synthesis.render.interface import Camera, RenderError
from synthesis.studio import Framing, Studio, floor_shadow, on_floor, project

WIDTH, HEIGHT = 140, 160
EYE = np.array([0.5, 8.0, -0.4])


@pytest.fixture(scope="module")
def studio():
    try:
        studio = Studio(WIDTH, HEIGHT)
    except RenderError as error:
        pytest.skip(str(error))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def person():
    data = load_body("neutral")
    return data, on_floor(NumpyBody(data), stills.pose("walk"), np.zeros(10))[0]


def test_a_fitted_figure_fills_the_picture(studio, person):
    _, vertices = person
    assert vertices[:, 1].min() == pytest.approx(0, abs=1e-5)
    for turn in (0.0, 1.2, np.pi):
        framing = studio.fit(vertices, turn)
        pixels = project(studio.camera(framing), vertices)
        low, high = pixels.min(0), pixels.max(0)
        assert (low > 0).all() and (high < [WIDTH, HEIGHT]).all()
        assert ((high - low) / [WIDTH, HEIGHT]).max() == pytest.approx(0.88, abs=0.02)
        np.testing.assert_allclose((low + high) / 2, [(WIDTH - 1) / 2, (HEIGHT - 1) / 2], atol=2)


def test_a_turned_body_shows_that_side(studio, person):
    """Turned to its left, a body's nose points to the picture's right."""
    data, vertices = person
    points = NumpyBody(data).keypoints(vertices)[[13, 14]]  # top of the head, nose
    for turn in (-0.8, 0.8):
        head, nose = project(studio.camera(studio.fit(vertices, turn)), points)
        assert np.sign(nose[0] - head[0]) == np.sign(turn)


def test_picture_is_the_same_each_time_and_has_a_figure(studio, person):
    data, vertices = person
    framing = studio.fit(vertices)
    first = studio.picture(data, vertices, framing)
    studio.picture(load_body("male"), load_body("male").v_template, framing)
    again = studio.picture(data, vertices, framing)
    assert first.tobytes() == again.tobytes()
    joints = NumpyBody(data).keypoints(vertices)[[2, 3, 12]]
    away = studio.picture(data, vertices + np.array([0, 0, 50]), framing)
    for column, row in np.rint(project(studio.camera(framing), joints)).astype(int):
        assert np.abs(first[row, column].astype(int) - away[row, column]).max() > 8


def test_shadow_lies_under_the_body_and_nowhere_else(person):
    _, vertices = person
    camera = _looking_down()
    shadow = floor_shadow(camera, vertices)
    rows, columns = np.indices(shadow.shape)
    # x and z in metres, at 40 pixels a metre.
    floor = np.stack([(columns - 79.5) / 40, (rows - 79.5) / 40], -1) + EYE[[0, 2]]
    soles = vertices[vertices[:, 1] < 0.03][:, [0, 2]]
    near = np.linalg.norm(floor - soles.mean(0), axis=-1)
    assert shadow[near < 0.1].min() > 0.15
    assert shadow[near > 1.6].max() < 0.02
    assert floor_shadow(camera, vertices + np.array([0, 30, 0])).max() < 0.05


def _looking_down():
    """A camera 8 m over the floor, 40 pixels a metre on the floor, image rows along +z."""
    rotation = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    focal = 40 * 8.0
    return Camera(
        np.array([[focal, 0, 79.5], [0, focal, 79.5], [0, 0, 1]]),
        np.column_stack([rotation, -rotation @ EYE]),
        160,
        160,
    )


def test_words_and_lines_land_on_their_pixels():
    note = Annotation(np.full((60, 100, 3), 255, np.uint8))
    note.dot((70, 20), "#ff0000", 8)
    note.line([(10, 50), (40, 50)], "#0000ff", 3)
    image = note.image()
    assert image.shape == (60, 100, 3)
    red = np.argwhere((image[..., 0] > 200) & (image[..., 1] < 60))
    np.testing.assert_allclose(red.mean(0), [20, 70], atol=0.6)
    blue = np.argwhere((image[..., 2] > 200) & (image[..., 0] < 60))
    np.testing.assert_allclose(blue.mean(0), [50, 25], atol=1)


def test_faint_body_lies_between_the_picture_and_the_backdrop(studio, person):
    data, vertices = person
    framing = Framing((0.0, 0.9, 0.0), 2.2)
    whole, faint = (studio.picture(data, vertices, framing, opacity).astype(int) for opacity in (1.0, 0.5))
    none = studio.picture(data, vertices, framing, 0.0).astype(int)
    np.testing.assert_allclose(faint, (whole + none) / 2, atol=1)
    assert cv2.absdiff(whole.astype(np.uint8), none.astype(np.uint8)).max() > 40
