import math

import cv2
import numpy as np
import pytest
from absl import logging

from model.errors import UserError
from synthesis.scene import backgrounds, cameras, lights, photo_folders

LENS = cameras.Lens(width=90, height=70)


def views(turns, lens=LENS):
    """Cameras in front of a body that turns by these angles, radians about +y."""
    viewpoint = cameras.Viewpoint("front", 0.4, 0.06, 0.0, 12.0, "rotating")
    return cameras.track(viewpoint, lens, np.zeros((len(turns), 3)), np.array(turns))


def seen(source, seed, turns=(0.0,), lens=LENS):
    return [backdrop.image for backdrop in backgrounds.find(str(source), seed).for_views(views(turns, lens))]


def photo(path, seed=0, size=(120, 90)):
    noise = np.random.default_rng(seed).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC))


def moved(before, after):
    """Pixels that a picture's content has moved to the right."""
    errors = {}
    for shift in range(-20, 21):
        common = slice(max(shift, 0), 90 + min(shift, 0))
        errors[shift] = np.abs(after[:, common] - np.roll(before, shift, 1)[:, common]).mean()
    return min(errors, key=errors.get)


@pytest.mark.parametrize("kind", backgrounds.KINDS)
def test_painted_backdrops_follow_their_seed(kind):
    first, again = (backgrounds.find(kind, 1).for_views(views([0.0]))[0] for _ in range(2))
    assert first.image.shape == (70, 90, 3) and first.image.dtype == np.uint8
    assert first.image.tobytes() == again.image.tobytes()
    assert first.ambient.tobytes() == again.ambient.tobytes()
    others = [seen(kind, seed)[0].astype(int) for seed in range(2, 6)]
    assert all(np.abs(first.image - other).mean() > 3 for other in others)


def test_cameras_that_do_not_turn_share_one_picture(tmp_path):
    photo(tmp_path / "a.png")
    standing = views([0.3, 0.3, 0.3])
    for source in ("room", tmp_path):
        backdrops = backgrounds.find(str(source), 4).for_views(standing)
        assert len(backdrops) == 3 and all(backdrop is backdrops[0] for backdrop in backdrops)


@pytest.mark.parametrize("seed", range(4))
def test_photo_moves_against_a_turning_camera(tmp_path, seed):
    """A camera that turns to its right sees the same things further left, mirrored cut or not."""
    photo(tmp_path / "a.png", size=(720, 540))
    # A body that turns by a falling angle about +y turns clockwise, and so does the camera.
    turns = np.array([0.0, -0.05, -0.1])
    images = [image.astype(np.float32).mean(2) for image in seen(tmp_path, seed, turns)]
    shifts = np.array([moved(images[0], image) for image in images[1:]])
    # Focal lengths that the shifts tell of lie in the range of fields that are drawn; half a pixel is not told apart.
    focal = shifts / turns[1:]
    assert np.all(focal > 45 / math.tan(math.radians(30)) - 10)
    assert np.all(focal < 45 / math.tan(math.radians(15)) + 10)
    assert shifts[1] == pytest.approx(2 * shifts[0], abs=1)


def test_photo_is_mirrored_beyond_its_edges(tmp_path):
    assert cv2.imwrite(str(tmp_path / "white.png"), np.full((120, 90, 3), 255, np.uint8))
    assert all((image == 255).all() for seed in range(5) for image in seen(tmp_path, seed, [0.0, 1.5, 3.0]))


def test_photos_are_cut_at_random(tmp_path):
    photo(tmp_path / "a.png")
    first, again, other = (seen(tmp_path, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 3
    # A single picture is a source too.
    assert seen(tmp_path / "a.png", 1)[0].std() > 1


def test_broken_photos_are_passed_over_with_a_warning(tmp_path, caplog):
    photo(tmp_path / "good.jpg")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (tmp_path / "sub" / "broken.exr").write_bytes(b"not a picture")
    (tmp_path / "empty.PNG").write_bytes(b"")
    assert cv2.imwrite(str(tmp_path / "line.png"), np.zeros((1, 50, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("not a photo")
    with caplog.at_level("WARNING", logger=logging.get_absl_logger().name):
        images = [seen(tmp_path, seed)[0] for seed in range(16)]
    assert all(image.std() > 1 for image in images)
    for name in ("broken.jpg", "broken.exr", "empty.PNG", "line.png (50 x 1 pixels)"):
        # A warning may name the size after the path.
        assert name.split(" ")[0] in caplog.text
    assert "50 x 1 pixels" in caplog.text


def test_sources_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="Received: moon"):
        backgrounds.find("moon", 0)
    with pytest.raises(UserError, match="no picture in it"):
        backgrounds.find(str(tmp_path), 0)
    with pytest.raises(UserError, match="not a folder"):
        photo_folders.find_pictures(str(tmp_path / "missing"))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    photo_folders.find_pictures.cache_clear()
    with pytest.raises(UserError, match=r"readable picture.*broken\.png"):
        backgrounds.find(str(tmp_path), 0)


def test_pictures_leave_the_area_lights_alone():
    drawn = lights.draw_lights(np.random.default_rng(0))
    assert backgrounds.find("park", 0).lights(drawn) == drawn


def test_ambient_light_of_a_uniform_surrounding_is_its_own_radiance():
    """Inside a uniform sphere of radiance L the irradiance is pi L from every side."""
    ambient = backgrounds.ambient_light(np.full((30, 20, 3), (255, 188, 0), np.uint8), gain=1.0)
    np.testing.assert_allclose(0.282095 * ambient[0], np.pi * np.array([1.0, 0.5029, 0.0]), atol=1e-3)
    np.testing.assert_array_equal(ambient[1:], 0)


def test_bright_sky_lights_from_above():
    image = np.zeros((30, 20, 3), np.uint8)
    image[:15] = 255
    ambient = backgrounds.ambient_light(image)
    assert np.all(ambient[1] > 0)
    # No direction may receive negative light.
    assert np.all(0.282095 * ambient[0] - 0.488603 * ambient[1] > 0)
