import dataclasses

import numpy as np
import pytest

from synthesis import garment_draping
from synthesis.cloth.engine import ClothResult, ClothScene, ClothStats
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.mesh import GarmentMesh


@pytest.fixture()
def scene():
    faces = np.array([[0, 1, 2]])
    uv = np.array([[[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]])
    garment = GarmentMesh("patch", 0, np.pad(uv[0], ((0, 0), (0, 1))), faces, uv)
    return ClothScene((garment,), (FABRICS["silk"],), np.zeros((2, 3, 3)), faces, 30.0)


@pytest.fixture()
def engine(monkeypatch):
    """Counts simulations, and makes each different."""

    class Engine:
        runs = 0

        def simulate(self, scene):
            Engine.runs += 1
            vertices = np.full((len(scene.body_vertices), 3, 3), Engine.runs, np.float32)
            return ClothResult((vertices,), ClothStats(0.0, 0.0, 0))

    monkeypatch.setattr(garment_draping, "ImplicitEngine", Engine)
    return Engine


def test_equal_scenes_are_simulated_once(scene, engine, tmp_path):
    first = garment_draping._simulated(scene, tmp_path)
    again = garment_draping._simulated(dataclasses.replace(scene), tmp_path)
    assert engine.runs == 1
    np.testing.assert_array_equal(first[0], again[0])


@pytest.mark.parametrize("change", ["fabrics", "body_vertices", "fps", "garments"])
def test_other_scenes_are_simulated_anew(scene, engine, tmp_path, change):
    moved = dataclasses.replace(scene.garments[0], vertices=scene.garments[0].vertices + 1e-6)
    changed = {
        "fabrics": (FABRICS["wool"],),
        "body_vertices": scene.body_vertices + 1e-6,
        "fps": 25.0,
        "garments": (moved,),
    }
    garment_draping._simulated(scene, tmp_path)
    garment_draping._simulated(dataclasses.replace(scene, **{change: changed[change]}), tmp_path)
    assert engine.runs == 2


def test_without_a_folder_nothing_is_kept(scene, engine, tmp_path):
    garment_draping._simulated(scene, None)
    garment_draping._simulated(scene, None)
    assert engine.runs == 2
