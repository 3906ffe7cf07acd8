import math

import cv2
import numpy as np
import pytest

from model.errors import UserError
from synthesis.scene import backgrounds, cameras, hdri, lights, panorama, spherical_harmonics


def sphere(radiance, width=256):
    """A panorama [h, w, 3] and what a light integral needs of it, from a function of directions."""
    directions = panorama.directions(width, width // 2)
    return radiance(directions)[..., None] * np.ones(3), directions, panorama.solid_angles(width, width // 2)


def test_solid_angles_cover_the_sphere():
    assert panorama.solid_angles(64, 32).sum() == pytest.approx(4 * math.pi)


def test_uniform_surroundings_send_pi_l_from_every_side():
    ambient = spherical_harmonics.irradiance_coefficients(*sphere(lambda d: np.full(d.shape[:2], 2.0)))
    normals = spherical_harmonics.spread(50)
    np.testing.assert_allclose(spherical_harmonics.irradiance(ambient, normals), 2 * math.pi, rtol=1e-3)


def test_light_that_falls_with_the_cosine_is_irradiance_in_closed_form():
    """L = d . a gives E = (2 pi / 3) n . a; L = 1 + d . a keeps it positive."""
    axis = np.array([0.48, 0.6, 0.64])
    ambient = spherical_harmonics.irradiance_coefficients(*sphere(lambda d: 1 + d @ axis))
    normals = spherical_harmonics.spread(50)
    wanted = math.pi + 2 * math.pi / 3 * normals @ axis
    received = spherical_harmonics.irradiance(ambient, normals)
    np.testing.assert_allclose(received, np.repeat(wanted[:, None], 3, 1), atol=5e-3)


def test_half_a_bright_sphere_lights_as_the_view_factor_says():
    """A bright upper hemisphere sends pi (1 + n_y) / 2: degree 2 has no part in it, higher ones are left out."""
    ambient = spherical_harmonics.irradiance_coefficients(*sphere(lambda d: (d[..., 1] > 0).astype(float)))
    normals = spherical_harmonics.spread(50)
    received = spherical_harmonics.irradiance(ambient, normals)[:, 0]
    np.testing.assert_allclose(received, math.pi * (1 + normals[:, 1]) / 2, atol=0.02)


def test_a_sun_makes_no_negative_light():
    def sun(directions):
        return np.where(directions @ [0, 0.6, 0.8] > 0.998, 1000.0, 0.01)

    ambient = spherical_harmonics.irradiance_coefficients(*sphere(sun))
    received = spherical_harmonics.irradiance(ambient, spherical_harmonics.spread(500))
    assert received.min() > -1e-3 * received.max()
    towards = spherical_harmonics.irradiance(ambient, np.array([0, 0.6, 0.8]))
    assert np.all(towards > 0.95 * received.max())


def striped(width=1024):
    """Brightness says the azimuth that a texel shows: 0..1 for -pi..pi."""
    azimuth = np.arctan2(*np.moveaxis(panorama.directions(width, width // 2)[..., [0, 2]], -1, 0))
    return np.repeat((azimuth / (2 * math.pi) + 0.5)[..., None], 3, -1).astype(np.float16)


def test_view_shows_what_lies_in_each_direction():
    """The image centre looks along the camera's axis; to its right azimuth falls, by the field in all."""
    around = panorama.Panorama(striped(), np.random.default_rng(3))
    around._turn, around._exposure, around._blur = 0.0, 0.5, 0.01
    camera = cameras.track(cameras.Viewpoint("front", 0.6, 0.0, 0.0, 12.0), cameras.Lens(), np.zeros((1, 3)))[0]
    image = around.for_views([camera])[0].image.astype(float) / 255
    linear = np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    azimuth = (linear[124, :, 0] / 0.5 - 0.5) * 2 * math.pi
    # A camera in front of a body, to its left by 0.6, looks back along the opposite azimuth.
    assert azimuth[124:126].mean() == pytest.approx(0.6 - math.pi, abs=0.02)
    assert azimuth[2] - azimuth[247] == pytest.approx(around.field(camera), rel=0.05)
    assert np.all(np.diff(azimuth) < 0.02)


def test_large_panoramas_are_seen_through_the_lens_and_small_ones_wider():
    camera = cameras.track(cameras.Viewpoint("front", 0, 0, 0, 12.0), cameras.Lens(), np.zeros((1, 3)))[0]
    lens = 2 * math.atan(0.016 / 0.18)
    fields = {}
    for width in (512, 8192):
        around = panorama.Panorama(np.ones((width // 2, width, 3), np.float16), np.random.default_rng(0))
        fields[width] = []
        for share in (0.0, 1.0):
            around._field_share = share
            fields[width].append(around.field(camera))
    assert fields[8192] == pytest.approx([lens, panorama.WIDEST_FIELD])
    assert fields[512] == pytest.approx([panorama.WIDEST_FIELD] * 2)


def test_exposure_is_for_the_figure_and_colours_go_towards_grey():
    blue = np.ones((32, 64, 3)) * [1.0, 2.0, 8.0]
    for scale in (1e-3, 1.0, 1e3):
        around = panorama.Panorama((scale * blue).astype(np.float32), np.random.default_rng(1))
        received = spherical_harmonics.irradiance(around.ambient, np.array([[0, 0, 1.0]]))[0] / math.pi
        assert 0.32 < received @ [0.2126, 0.7152, 0.0722] < 0.51
        assert 1 < received[2] / received[0] < 4


def test_area_lights_are_dimmed_and_lean_to_the_bright_side():
    bright = (panorama.directions(128, 64)[..., 0] > 0)[..., None] * np.ones(3)
    around = panorama.Panorama(bright, np.random.default_rng(0))
    drawn = lights.draw_lights(np.random.default_rng(0), std_power=0)
    dimmed = around.lights(drawn)
    shares = np.array([now.radiance / before.radiance for now, before in zip(dimmed, drawn, strict=True)])
    assert shares.mean() == pytest.approx(panorama.AREA_LIGHT_SHARE)
    received = spherical_harmonics.irradiance(around.ambient, np.array([light.position for light in drawn]) / 35)[:, 0]
    assert np.argmax(shares) == np.argmax(received) and shares.max() > 1.3 * shares.min()
    assert [light.position for light in dimmed] == [light.position for light in drawn]


def gradient():
    rng = np.random.default_rng(0)
    return (cv2.resize(rng.random((4, 8, 3), np.float32), (64, 32)) * 20 + 0.1).astype(np.float32)


def test_radiance_files_are_read(tmp_path):
    path = tmp_path / "a.hdr"
    assert cv2.imwrite(str(path), gradient()[..., ::-1])
    np.testing.assert_allclose(hdri.read_panorama(path), gradient(), rtol=0.02, atol=0.2)


@pytest.mark.parametrize("names", [("RGB",), ("R", "G", "B"), ("Y",)])
def test_exr_files_are_read(tmp_path, names):
    import OpenEXR

    path, image = tmp_path / "a.exr", gradient()
    channels = (
        {"RGB": image} if names == ("RGB",) else {n: np.ascontiguousarray(image[..., i]) for i, n in enumerate(names)}
    )
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, channels).write(str(path))
    wanted = np.repeat(image[..., :1], 3, -1) if names == ("Y",) else image
    np.testing.assert_allclose(hdri.read_panorama(path), wanted, rtol=1e-3)


def test_panorama_photos_are_told_by_their_shape(tmp_path):
    wide = np.full((512, 1024, 3), (0, 0, 255), np.uint8)
    assert cv2.imwrite(str(tmp_path / "around.png"), wide)
    around = backgrounds.find(str(tmp_path), 0)
    assert isinstance(around, panorama.Panorama)
    np.testing.assert_allclose(hdri.read_panorama(tmp_path / "around.png")[0, 0], [1, 0, 0])
    assert not hdri.is_panorama(wide[:, :1000])


def test_damaged_hdris_are_refused(tmp_path):
    for name in ("a.hdr", "a.exr"):
        (tmp_path / name).write_bytes(b"#?RADIANCE nonsense")
        with pytest.raises(UserError, match="Received"):
            hdri.read_panorama(tmp_path / name)
    for name, image in (("square.hdr", np.ones((32, 32, 3))), ("black.hdr", np.zeros((32, 64, 3)))):
        assert cv2.imwrite(str(tmp_path / name), image.astype(np.float32))
        with pytest.raises(UserError, match=r"twice as wide|not black"):
            hdri.read_panorama(tmp_path / name)
