import cv2
import numpy as np
import pytest
from absl import logging

from model.errors import UserError
from synthesis.scene import backgrounds


@pytest.mark.parametrize("kind", backgrounds.KINDS)
def test_painted_backdrops_follow_their_seed(kind):
    first = backgrounds.make(kind, 1, 90, 70)
    assert first.image.shape == (70, 90, 3) and first.image.dtype == np.uint8
    again = backgrounds.make(kind, 1, 90, 70)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.ambient.tobytes() == again.ambient.tobytes()
    others = [backgrounds.make(kind, seed, 90, 70).image.astype(int) for seed in range(2, 6)]
    assert all(np.abs(first.image - other).mean() > 3 for other in others)


def test_unknown_kind_is_refused():
    with pytest.raises(UserError, match="Received: 'moon'"):
        backgrounds.make("moon", 0, 10, 10)


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


def _photo(path, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (90, 120), interpolation=cv2.INTER_CUBIC)
    assert cv2.imwrite(str(path), picture)


def test_photos_are_cut_at_random_and_never_show_a_border(tmp_path):
    path = tmp_path / "white.png"
    assert cv2.imwrite(str(path), np.full((120, 90, 3), 255, np.uint8))
    photos = backgrounds.find_photos(tmp_path)
    assert all((backgrounds.from_photos(photos, seed, 64, 64).image == 255).all() for seed in range(10))
    _photo(path, 0)
    cuts = [backgrounds.from_photos(photos, seed, 64, 64).image for seed in (1, 1, 2)]
    np.testing.assert_array_equal(cuts[0], cuts[1])
    assert np.abs(cuts[0].astype(int) - cuts[2]).mean() > 3


def test_broken_photos_are_skipped_with_a_warning(tmp_path, caplog):
    _photo(tmp_path / "good.jpg", 0)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a photo")
    photos = backgrounds.find_photos(tmp_path)
    assert [p.name for p in photos] == ["empty.png", "good.jpg", "broken.jpg"]
    with caplog.at_level("WARNING", logger=logging.get_absl_logger().name):
        images = [backgrounds.from_photos(photos, seed, 32, 32).image for seed in range(12)]
    assert all(image.std() > 1 for image in images)
    assert "broken.jpg" in caplog.text and "empty.png" in caplog.text


def test_folders_without_a_photo_are_refused(tmp_path):
    with pytest.raises(UserError, match="no photo in it"):
        backgrounds.find_photos(tmp_path)
    with pytest.raises(UserError, match="not a folder"):
        backgrounds.find_photos(tmp_path / "missing")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match="readable photo"):
        backgrounds.from_photos(backgrounds.find_photos(tmp_path), 0, 32, 32)
