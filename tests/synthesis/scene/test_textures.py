import cv2
import numpy as np
import pytest
from absl import logging

from model.errors import UserError
from synthesis.scene import fabric_structures as structures
from synthesis.scene import texture_folders, textures
from synthesis.scene.relief import normal_map


@pytest.mark.parametrize("kind", textures.KINDS)
def test_fabrics_follow_their_seed(kind):
    first, again, other = textures.find(kind, 3), textures.find(kind, 3), textures.find(kind, 4)
    for picture in (first.image, first.normals):
        assert picture.dtype == np.uint8 and picture.shape == (textures.TEXTURE_SIZE,) * 2 + (3,)
    assert first.image.tobytes() == again.image.tobytes() and first.normals.tobytes() == again.normals.tobytes()
    assert first.metres == again.metres
    assert first.image.tobytes() != other.image.tobytes()
    assert 0.02 < first.metres < 2.0
    assert 0.3 < first.roughness <= 1.0


def seam_ratio(image):
    """The step across the repeat's edge, over the largest usual step inside; along both axes."""
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(image.astype(int), axis=axis, append=np.take(image, [0], axis).astype(int)))
        steps = steps.mean((1 - axis, 2))
        ratios.append((steps[-1] - 2) / np.quantile(steps, 0.99))
    return max(ratios)


@pytest.mark.parametrize("kind", textures.KINDS)
def test_fabrics_and_their_relief_tile(kind):
    for seed in range(2):
        fabric = textures.make(kind, seed)
        assert seam_ratio(fabric.image) <= 1.5
        assert seam_ratio(fabric.normals) <= 1.5


@pytest.mark.parametrize("kind", textures.KINDS)
def test_relief_points_out_and_shows_the_cloth(kind):
    normals = textures.make(kind, 0).normals.astype(float) / 127 - 128 / 127
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=0.02)
    assert normals[..., 2].min() > 0
    # The slopes of a relief that repeats cancel; it is not flat.
    np.testing.assert_allclose((normals[..., :2] / normals[..., 2:]).mean((0, 1)), 0, atol=0.02)
    assert normals[..., :2].std() > 0.005


def test_weaves_show_their_draft():
    cloth = structures.weave(240, 0.05, 20, structures.TWILL_3_1)
    assert cloth.warp_on_top.mean() == pytest.approx(0.75, abs=0.06)
    centres = np.arange(20) * 12 + 6
    np.testing.assert_array_equal(cloth.warp_on_top[np.ix_(centres, centres)], np.tile(structures.TWILL_3_1, (5, 5)))


def test_houndstooth_has_as_much_of_either_colour():
    """Four and four threads in a balanced twill: half of each check's 64 crossings show each."""
    cloth = structures.weave(320, 0.1, 40, structures.TWILL_2_2)
    dark = (np.arange(40) // 4) % 2 == 0
    shown = np.where(cloth.warp_on_top, dark[cloth.warp][None], dark[cloth.weft][:, None])
    assert shown.mean() == pytest.approx(0.5, abs=0.01)


def test_normals_of_a_ridge_lean_away_from_it():
    """Height a sin(2 pi u) over one metre of columns: slope 2 pi a cos(2 pi u)."""
    columns = np.arange(256) / 256
    height = np.tile(0.05 * np.sin(2 * np.pi * columns), (256, 1))
    normals = normal_map(height, 256.0).astype(float) / 127 - 128 / 127
    slope = 0.05 * 2 * np.pi * np.cos(2 * np.pi * columns)
    np.testing.assert_allclose(normals[0, :, 0], -slope / np.hypot(slope, 1), atol=0.01)
    np.testing.assert_allclose(normals[..., 1], 0, atol=0.01)


def test_material_repeats_by_metres():
    fabric = textures.make("plaid", 0)
    material = fabric.material()
    assert material.uv_scale * fabric.metres == pytest.approx(1)
    assert material.two_sided
    assert material.normals is fabric.normals


def test_unknown_kinds_are_refused():
    with pytest.raises(UserError, match="Received: 'steel'"):
        textures.make("steel", 0)
    with pytest.raises(UserError, match="Received: steel"):
        textures.find("steel", 0)


def ramp(size=200):
    """A picture whose opposite edges differ as much as can be, with grain."""
    image = np.linspace(40, 210, size)[None, :, None] + np.zeros((size, size, 3))
    return (image + np.random.default_rng(0).normal(0, 8, image.shape)).clip(0, 255).astype(np.uint8)


def test_blending_makes_a_picture_tile_and_keeps_its_contrast():
    grain = np.random.default_rng(0).normal(128, 25, (200, 200, 3)).clip(0, 255).astype(np.uint8)
    blended = texture_folders.tileable(grain)
    assert blended.shape == (160, 160, 3)
    assert blended[:, :40].std() == pytest.approx(grain.std(), rel=0.05)
    assert seam_ratio(ramp()) > 3
    assert seam_ratio(texture_folders.tileable(ramp())) <= 1.5


def test_folder_gives_one_of_its_pictures_as_cloth(tmp_path, caplog):
    (tmp_path / "banded").mkdir()
    for name in ("banded_1.jpg", "banded_2.jpg"):
        cv2.imwrite(str(tmp_path / "banded" / name), ramp())
    cv2.imwrite(str(tmp_path / "thin.png"), np.zeros((300, 2, 3), np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8")
    with caplog.at_level("WARNING", logger=logging.get_absl_logger().name):
        fabrics = [textures.find(str(tmp_path), seed) for seed in range(12)]
    assert {fabric.name for fabric in fabrics} == {"banded_1.jpg", "banded_2.jpg"}
    assert "thin.png" in caplog.text and "broken.jpg" in caplog.text
    assert all(seam_ratio(fabric.image) <= 1.5 and seam_ratio(fabric.normals) <= 1.5 for fabric in fabrics)
    assert all(0.05 < fabric.metres < 0.6 for fabric in fabrics)
    assert fabrics[0].image.tobytes() == textures.find(str(tmp_path), 0).image.tobytes()


def test_albedo_takes_the_normals_beside_it(tmp_path):
    cv2.imwrite(str(tmp_path / "s1_albedo.png"), ramp())
    leaning = np.full((200, 200, 3), (232, 128, 200), np.uint8)
    cv2.imwrite(str(tmp_path / "s1_normals.png"), leaning[..., ::-1])
    for seed in range(4):
        fabric = textures.find(str(tmp_path), seed)
        assert fabric.name == "s1_albedo.png"
        np.testing.assert_allclose(fabric.normals.reshape(-1, 3).mean(0), [232, 128, 200], atol=1)
    (tmp_path / "s1_albedo.png").unlink()
    texture_folders.photo_folders.find_pictures.cache_clear()
    with pytest.raises(UserError, match="normals only"):
        textures.find(str(tmp_path), 0)
