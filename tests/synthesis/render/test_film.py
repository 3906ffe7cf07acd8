import dataclasses
import json

import cv2
import numpy as np
import pytest

from model.errors import ConfigError
from synthesis.render import film
from synthesis.render.film import Film
from synthesis.render.interface import Frame

SIZE = 64
PICTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8), (0, 0), 2.0)


def frame_with(rgb: np.ndarray, figure: slice = slice(24, 40), depth: float = 10.0) -> Frame:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, figure] = 1
    return Frame(rgb, mask, np.where(mask > 0, np.float32(depth), np.float32(np.inf)))


def grey(level: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), level, np.uint8)


def test_defaults_change_nothing():
    frame = frame_with(PICTURE)
    taken = film.photograph(lambda _: frame, Film())
    np.testing.assert_array_equal(taken.rgb, PICTURE)
    np.testing.assert_array_equal(taken.mask, frame.mask)


def test_exposure_is_the_mean_of_light_not_of_grey_levels():
    """Half the time white, half the time black: linear 0.5 is sRGB 188."""
    times = []

    def render_at(time: float) -> Frame:
        times.append(time)
        return frame_with(grey(255 if time < 0 else 0))

    exposed = film.expose(render_at, Film(shutter=0.5, sub_frames=4))
    assert np.all(exposed.rgb == 188)
    np.testing.assert_allclose(sorted(times), [-0.1875, -0.0625, 0, 0.0625, 0.1875])


def test_labels_are_those_of_the_shutters_middle():
    moving = lambda time: frame_with(PICTURE, slice(24 + round(20 * time), 40 + round(20 * time)), 10 + time)  # noqa: E731
    exposed = film.expose(moving, Film(shutter=0.8, sub_frames=4))
    np.testing.assert_array_equal(exposed.mask, moving(0.0).mask)
    np.testing.assert_array_equal(exposed.depth, moving(0.0).depth)


def test_a_stop_of_exposure_doubles_the_light():
    linear = lambda level: ((level / 255 + 0.055) / 1.055) ** 2.4  # noqa: E731
    brighter = film.develop(grey(100), Film(exposure=1.0))[0, 0, 1]
    assert linear(brighter) == pytest.approx(2 * linear(100), rel=0.01)
    red, green, blue = film.develop(grey(100), Film(white_balance=0.3))[0, 0]
    assert red > green > blue
    assert linear(red) / linear(blue) == pytest.approx(2**0.3, rel=0.02)


def test_noise_has_the_strength_it_says_and_differs_between_frames():
    settings = Film(noise=0.02, seed=3)
    level = round(255 * float(film.srgb_from_linear(np.array(0.18))))
    noisy = film.develop(grey(level), settings)
    light = ((noisy / 255 + 0.055) / 1.055) ** 2.4
    assert light.std() == pytest.approx(0.02, rel=0.1)
    np.testing.assert_array_equal(noisy, film.develop(grey(level), settings))
    assert (noisy != film.develop(grey(level), settings, 1)).any()


def test_out_of_focus_the_backdrop_blurs_and_the_figure_does_not():
    stripes = grey(0)
    stripes[::2] = 255
    seen = film.defocus(frame_with(stripes, depth=3.0), Film(f_number=1.4, focal_length=0.18))
    figure, backdrop = np.s_[:, 26:38], np.s_[8:-8, :18]
    np.testing.assert_array_equal(seen.rgb[figure], stripes[figure])
    assert np.ptp(seen.rgb[backdrop]) < 10
    assert abs(int(seen.rgb[32, 4, 0]) - 188) < 4
    np.testing.assert_array_equal(film.defocus(frame_with(stripes), Film()).rgb, stripes)


def test_a_bright_figure_does_not_bleed_into_the_backdrop():
    picture = grey(20)
    picture[:, 24:40] = 250
    seen = film.defocus(frame_with(picture, depth=3.0), Film(f_number=1.4, focal_length=0.18))
    assert seen.rgb[:, :24].max() <= 21


def test_worse_jpeg_is_smaller():
    sizes = [
        len(film.encode(PICTURE, Film(jpeg_quality=q, subsampling=s)))
        for q, s in ((95, "444"), (95, "420"), (40, "420"))
    ]
    assert sizes == sorted(sizes, reverse=True)
    decoded = cv2.imdecode(np.frombuffer(film.encode(PICTURE, Film(jpeg_quality=98, subsampling="444")), np.uint8), 1)
    assert np.abs(decoded[..., ::-1].astype(int) - PICTURE).mean() < 2


def test_films_are_plain_data_drawn_by_seed():
    draw = lambda seed: film.draw_film(np.random.default_rng(seed))  # noqa: E731
    assert draw(1) == draw(1) != draw(2)
    assert Film(**json.loads(json.dumps(dataclasses.asdict(draw(5))))) == draw(5)
    many = [draw(seed) for seed in range(200)]
    assert 0.2 < np.mean([f.shutter == 0 for f in many]) < 0.8
    assert all(f.sub_frames > 1 for f in many if f.shutter)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="shutter"):
        Film(shutter=1.5)
    with pytest.raises(ConfigError, match="subsampling"):
        Film(subsampling="411")
