import contextlib
import dataclasses
import os
import signal
import sys

import numpy as np
import pytest

from model.errors import ConfigError
from synthesis.blender.process import PYTHON_VARIABLE
from synthesis.render import backends, checks
from synthesis.render.blender import client, passes, scene
from synthesis.render.interface import AreaLight, Backdrop, Camera, Material, RenderError, Surface

needs_bpy = pytest.mark.skipif(
    not client.available(), reason=f"no bpy here: install mviper[blender], or set {PYTHON_VARIABLE}"
)
CAMERA = Camera(np.array([[80.0, 0.0, 15.5], [0.0, 80.0, 15.5], [0.0, 0.0, 1.0]]), np.eye(4)[:3], 32, 32)
FACES = np.array([[0, 1, 2], [0, 2, 3]])
QUAD = np.array([[-0.5, -0.5, 4.0], [-0.5, 0.5, 4.0], [0.5, 0.5, 4.0], [0.5, -0.5, 4.0]])
THING = Surface("thing", 1, FACES, np.zeros((2, 3, 2)), Material(np.full((2, 2, 3), 200, np.uint8), two_sided=True))
SCENE = Backdrop(np.zeros((32, 32, 3), np.uint8), np.repeat(0.5 * np.eye(9)[:, :1], 3, 1))


def irradiance(ambient: np.ndarray, normals: np.ndarray) -> np.ndarray:
    x, y, z = normals.T
    harmonics = np.stack([
        0.282095 + 0 * x, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
        0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ], -1)  # fmt: skip
    return harmonics @ ambient


@pytest.mark.parametrize("lobes", [0.1, 0.45])
def test_the_sky_has_the_irradiance_of_its_harmonics_and_is_nowhere_negative(lobes):
    """Also where the harmonics' own radiance, cut off at degree 2, is below zero in places."""
    rng = np.random.default_rng(3)
    directions = rng.normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    shine = np.exp(3 * directions @ rng.normal(size=(3, 3)) * lobes)
    # The irradiance of lamps all around, as somebody measures it: from radiance, degree by degree.
    basis, _ = scene._sky_basis()
    harmonics = irradiance(np.eye(9), directions)
    ambient = scene._COSINE_LOBE[:, None] * (4 * np.pi / 400 * harmonics.T @ shine)
    if lobes > 0.3:
        assert (basis @ (ambient / scene._COSINE_LOBE[:, None])).min() < 0
    sky = scene.sky(ambient)
    assert sky.min() >= 0
    rows, columns = sky.shape[:2]
    polar, azimuth = np.meshgrid(
        np.pi * (1 - (np.arange(rows) + 0.5) / rows),
        np.pi * (1 - 2 * (np.arange(columns) + 0.5) / columns),
        indexing="ij",
    )
    around = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], -1)
    weight = np.sin(polar)[..., None] * sky * (np.pi / rows) * (2 * np.pi / columns)
    normals = directions[:20]
    received = np.einsum("nhw,hwc->nc", np.maximum(np.einsum("nd,hwd->nhw", normals, around), 0), weight)
    # Degree 4 and up, which the coefficients leave out, is the difference.
    expected = irradiance(ambient, normals)
    np.testing.assert_allclose(received, expected, atol=0.02 * expected.mean())


def test_shares_decide_the_mask_and_ties_go_to_the_nearer():
    shares = np.array([[0.5, 0.25, 0.2, 0.3, 0.0], [0.5, 0.25, 0.1, 0.4, 0.0], [0.0, 0.25, 0.1, 0.3, 0.0]])
    depths = shares * np.array([3.0, 2.0, 1.0])[:, None]
    mask, depth = passes.identify(shares[:, None], depths[:, None], np.array([1, 4, 1]))
    # Two surfaces with one id count together.
    np.testing.assert_array_equal(mask, [[4, 1, 0, 1, 0]])
    np.testing.assert_allclose(depth, [[2.0, 2.0, np.inf, 2.0, np.inf]])


def test_the_picture_is_light_over_the_backdrop():
    light = np.zeros((1, 3, 4))
    light[0, 1] = 0.25, 0.25, 0.25, 0.5
    light[0, 2] = 5.0, 0.2, 0.0, 1.0
    behind = np.full((1, 3, 3), 100, np.uint8)
    rgb = passes.develop(light, behind)
    assert rgb[0, 0].tolist() == [100, 100, 100]
    # Half of linear 0.5, half of sRGB 100 (linear 0.1274): 0.3137.
    assert rgb[0, 1].tolist() == [152, 152, 152]
    assert rgb[0, 2].tolist() == [255, 124, 0]


def test_a_camera_that_blender_does_not_know_is_refused():
    scene.camera_properties(CAMERA)
    for change in ({(0, 1): 2.0}, {(0, 0): 0.1}, {(1, 1): -80.0}):
        intrinsics = CAMERA.intrinsics.copy()
        for place, value in change.items():
            intrinsics[place] = value
        with pytest.raises(RenderError, match=r"without skew and focal lengths of 0\.1 to 500 picture widths"):
            scene.camera_properties(dataclasses.replace(CAMERA, intrinsics=intrinsics))


def test_without_bpy_the_error_says_what_to_install_and_a_fallback_starts(monkeypatch):
    monkeypatch.setenv(PYTHON_VARIABLE, "/nowhere/python")
    assert not client.available()
    with pytest.raises(RenderError, match=r"mviper\[blender\].*Received: /nowhere/python"):
        backends.make_renderer("blender", 8, 8)
    if not backends.is_available("gl"):
        pytest.skip("no OpenGL here")
    with contextlib.closing(backends.make_renderer("blender", 8, 8, fallback="gl")) as renderer:
        assert type(renderer).__name__ == "GlRenderer"


def test_an_unknown_renderer_is_refused():
    with pytest.raises(ConfigError, match=r"one of gl, blender\. Received: 'eevee'"):
        backends.make_renderer("eevee", 8, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask_id": 300}, "mask ids 1 to 255"),
        ({"faces": np.array([[0, 1, -2]])}, r"Faces \[F, 3\]"),
        ({"faces": np.zeros((0, 3), int)}, r"Faces \[F, 3\]"),
        ({"uv": np.zeros((3, 3, 2))}, r"Finite texture coordinates \[2, 3, 2\]"),
        ({"uv": np.full((2, 3, 2), np.nan)}, "with 12 that are not"),
        ({"material": Material(np.zeros((0, 4, 3), np.uint8))}, r"albedo of thing. Received: uint8 \(0, 4, 3\)"),
        ({"material": Material(np.zeros((4, 4, 3)))}, "albedo of thing. Received: float64"),
        ({"material": dataclasses.replace(THING.material, normals=np.zeros((4, 4), np.uint8))}, "normals of thing"),
        ({"material": dataclasses.replace(THING.material, roughness=-0.1)}, "Roughness and subsurface within 0..1"),
    ],
)
def test_surfaces_that_cannot_be_shown_are_refused(change, message):
    checks.check_surfaces([THING], 255)
    with pytest.raises(RenderError, match=message):
        checks.check_surfaces([dataclasses.replace(THING, **change)], 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lights": [AreaLight((0.0, 1.0, 2.0), (0.0, 1.0, 2.0), 1.0, 1.0)]}, "a direction"),
        ({"lights": [AreaLight((0.0, 1.0, 2.0), (0.0, 0.0, 0.0), np.nan, 1.0)]}, "no negative radiance"),
        ({"camera": dataclasses.replace(CAMERA, extrinsics=np.full((3, 4), np.inf))}, "Finite extrinsics"),
        ({"backdrop": Backdrop(SCENE.image, np.zeros((4, 3)))}, r"ambient light \[9, 3\]"),
        ({"surfaces": []}, "Vertices"),
    ],
)
def test_frames_that_cannot_be_shown_are_refused(change, message):
    given = {"surfaces": [THING], "vertices": [QUAD], "camera": CAMERA, "lights": [], "backdrop": SCENE}
    checks.check_frame(**given, size=(32, 32))
    with pytest.raises(RenderError, match=message):
        checks.check_frame(**{**given, **change}, size=(32, 32))


@pytest.fixture
def renderer():
    with contextlib.closing(client.BlenderRenderer(32, 32, samples=4)) as renderer:
        yield renderer


@needs_bpy
def test_a_killed_process_is_replaced_and_gives_the_same_pixels(renderer):
    renderer.load([THING])
    before = renderer.render([QUAD], CAMERA, [], SCENE)
    assert before.mask.any()
    os.kill(renderer._process._running._process.pid, signal.SIGKILL)
    after = renderer.render([QUAD], CAMERA, [], SCENE)
    np.testing.assert_array_equal(after.rgb, before.rgb)
    np.testing.assert_array_equal(after.depth, before.depth)


@needs_bpy
def test_the_number_of_threads_does_not_change_pixels(renderer):
    light = AreaLight((1.0, -2.0, 0.0), (0.0, 0.0, 4.0), 20.0, 1.0)
    renderer.load([THING])
    one = renderer.render([QUAD], CAMERA, [light], SCENE)
    with contextlib.closing(client.BlenderRenderer(32, 32, samples=4, threads=2)) as other:
        other.load([THING])
        two = other.render([QUAD], CAMERA, [light], SCENE)
    np.testing.assert_array_equal(two.rgb, one.rgb)
    np.testing.assert_array_equal(two.mask, one.mask)


@needs_bpy
def test_a_figure_out_of_view_leaves_the_backdrop(renderer):
    renderer.load([THING])
    for place in ([30.0, 0.0, 0.0], [0.0, 0.0, -20.0]):
        frame = renderer.render([QUAD + place], CAMERA, [], SCENE)
        np.testing.assert_array_equal(frame.rgb, SCENE.image)
        assert not frame.mask.any()


@needs_bpy
def test_blender_is_never_loaded_here(renderer):
    renderer.load([THING])
    assert "bpy" not in sys.modules
