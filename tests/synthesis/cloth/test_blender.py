import dataclasses

import numpy as np
import pytest

from model.errors import ConfigError
from synthesis.blender.process import PYTHON_VARIABLE, BlenderError
from synthesis.cloth.blender import engine
from synthesis.cloth.blender.unsewn import UnsewnGarment
from synthesis.cloth.engine import ClothScene
from synthesis.cloth.wind import Wind
from synthesis.garments.fabrics import Fabric
from synthesis.garments.mesh import GarmentMesh

needs_bpy = pytest.mark.skipif(
    not engine.available(), reason=f"no bpy here: install mviper[blender], or set {PYTHON_VARIABLE}"
)
CLOTH = Fabric("cloth", 0.2, 300.0, 300.0, 30.0, 1e-5, 0.3, 1e-3)
FPS = 30.0


def sheet(columns: int, rows: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Pattern coordinates [V, 2] and faces of a rectangle."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    cell = (np.arange(columns - 1) + columns * np.arange(rows - 1)[:, None]).ravel()
    faces = [np.stack([cell, cell + 1, cell + columns], 1), np.stack([cell + 1, cell + columns + 1, cell + columns], 1)]
    return np.stack([x.ravel(), y.ravel()], 1) * spacing, np.concatenate(faces)


def level_sheet(size: int, spacing: float, height: float) -> GarmentMesh:
    uv, faces = sheet(size, size, spacing)
    centred = uv - uv.mean(0)
    vertices = np.stack([centred[:, 0], np.full(len(uv), height), -centred[:, 1]], 1)
    return GarmentMesh("sheet", 0, vertices, faces, uv[faces])


def sphere(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A closed ball about the origin, faces counter-clockwise from outside."""
    around, down = 32, 16
    polar, azimuth = np.pi * np.arange(1, down) / down, 2 * np.pi * np.arange(around) / around
    rings = np.stack(
        [
            np.outer(np.sin(polar), np.sin(azimuth)),
            np.repeat(np.cos(polar)[:, None], around, 1),
            np.outer(np.sin(polar), np.cos(azimuth)),
        ],
        2,
    ).reshape(-1, 3)
    vertices = radius * np.concatenate([rings, [[0, 1, 0], [0, -1, 0]]])
    i, j = np.meshgrid(np.arange(around), np.arange(down - 2))
    a, b = (around * j + i).ravel(), (around * j + (i + 1) % around).ravel()
    ring, following = np.arange(around), (np.arange(around) + 1) % around
    last = around * (down - 2)
    top, bottom = np.full(around, len(rings)), np.full(around, len(rings) + 1)
    faces = [
        np.stack([a, a + around, b], 1),
        np.stack([b, a + around, b + around], 1),
        np.stack([top, ring, following], 1),
        np.stack([bottom, last + following, last + ring], 1),
    ]
    return vertices, np.concatenate(faces)


def still_scene(garment: GarmentMesh, frames: int, radius: float = 0.1) -> ClothScene:
    body, faces = sphere(radius)
    return ClothScene((garment,), (CLOTH,), np.repeat(body[None], frames, 0), faces, FPS)


def pillowcase() -> GarmentMesh:
    """Two rectangles with the same pattern coordinates, welded along three sides."""
    uv, faces = sheet(5, 4, 0.02)
    free = uv[:, 1] < 0.05
    side = (uv[:, 0] < 0.01) | (uv[:, 0] > 0.07) | ~free
    back = np.arange(len(uv))
    back[~side] = len(uv) + np.arange((~side).sum())
    vertices = np.concatenate([np.pad(uv, ((0, 0), (0, 1))), np.pad(uv[~side], ((0, 0), (0, 1)))])
    return GarmentMesh(
        "pillowcase",
        0,
        vertices,
        np.concatenate([faces, back[faces[:, ::-1]]]),
        np.concatenate([uv[faces], uv[faces[:, ::-1]]]),
    )


def test_panels_cut_alike_come_apart_at_their_seams():
    garment = pillowcase()
    cut = UnsewnGarment.of(garment)
    panel = 20
    assert len(cut.origin) == 2 * panel
    np.testing.assert_array_equal(cut.origin[cut.faces], garment.faces)
    np.testing.assert_array_equal(cut.rest[cut.faces], garment.rest_uv)
    front, back = np.split(cut.faces, 2)
    assert not set(front.ravel()) & set(back.ravel())
    assert len(cut.seams) == 2 * panel - len(garment.vertices)
    assert (cut.origin[cut.seams[:, 0]] == cut.origin[cut.seams[:, 1]]).all()


def test_sewing_together_takes_the_mean_of_the_copies():
    garment = pillowcase()
    cut = UnsewnGarment.of(garment)
    positions = garment.vertices[cut.origin][None].repeat(2, 0)
    opened = positions.copy()
    opened[1, cut.seams[:, 0]] += 0.01
    opened[1, cut.seams[:, 1]] -= 0.01
    sewn = cut.sewn(opened, len(garment.vertices))
    np.testing.assert_allclose(sewn, np.stack([garment.vertices] * 2), atol=1e-7)


def test_without_bpy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv(PYTHON_VARIABLE, "/nowhere/python")
    assert not engine.available()
    with pytest.raises(BlenderError, match=r"mviper\[blender\].*Received: /nowhere/python"):
        engine.BlenderEngine().simulate(still_scene(level_sheet(3, 0.02, 0.2), 2))


def test_wind_is_refused():
    scene = dataclasses.replace(still_scene(level_sheet(3, 0.02, 0.2), 2), wind=Wind((1.0, 0.0, 0.0)))
    with pytest.raises(ConfigError, match="still air"):
        engine.BlenderEngine().simulate(scene)


@needs_bpy
def test_cloth_falls_as_bodies_fall():
    settings = engine.BlenderSettings(air_drag=0.0, drape_seconds=0.1)
    result = engine.BlenderEngine(settings).simulate(still_scene(level_sheet(5, 0.03, 9.0), 12))
    height = result.vertices[0][:, :, 1].mean(1, dtype=np.float64)
    np.testing.assert_allclose(np.diff(height, 2) * FPS**2, -9.81, rtol=0.01)


@needs_bpy
def test_a_sheet_comes_to_rest_on_a_sphere():
    garment, radius = level_sheet(13, 0.025, 0.11), 0.1
    result = engine.BlenderEngine().simulate(still_scene(garment, 20, radius))
    (vertices,) = result.vertices
    assert vertices.shape == (20, len(garment.vertices), 3)
    assert np.linalg.norm(vertices, axis=2).min() > radius
    assert np.linalg.norm(vertices[-1], axis=1).min() < radius + 0.008
    edges = vertices[-1][garment.faces[:, [1, 2, 0]]] - vertices[-1][garment.faces]
    rest = garment.rest_uv[:, [1, 2, 0]] - garment.rest_uv
    stretch = np.linalg.norm(edges, axis=2) / np.linalg.norm(rest, axis=2)
    assert np.percentile(stretch, 99) < 1.1
    assert result.stats.motion_cpu_seconds > 0


@needs_bpy
def test_the_pattern_is_the_rest_shape_and_waistbands_ride_on_the_body():
    garment, frames = level_sheet(5, 0.03, 0.11), 30
    held = np.array([12])  # its middle, on the top of the ball
    # Placed half as large again as its pattern.
    garment = dataclasses.replace(garment, vertices=garment.vertices * [1.5, 1.0, 1.5], attached=held)
    body, faces = sphere(0.1)
    ride = np.zeros((frames, 1, 3))
    ride[:, 0, 0] = np.linspace(0.0, 0.5, frames)
    scene = ClothScene((garment,), (CLOTH,), body + ride, faces, FPS)
    (vertices,) = engine.BlenderEngine().simulate(scene).vertices
    np.testing.assert_allclose(vertices[:, held] - ride, np.full((frames, 1, 3), [0.0, 0.104, 0.0]), atol=0.006)
    sides = vertices[-1][garment.faces[:, 1]] - vertices[-1][garment.faces[:, 0]]
    assert np.median(np.linalg.norm(sides, axis=1)) == pytest.approx(0.03, rel=0.03)
