"""Pictures of patterns, and the verb that makes them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis import garment_sheets
from synthesis.garments.grading import grade
from synthesis.garments.measurements import DressForm, measure
from synthesis.garments.pattern import LIBRARY, load_pattern
from synthesis.pattern_drawing import draw_patterns


@pytest.fixture(scope="module")
def measurements():
    return measure(DressForm.of(NumpyBody(load_body("female")), np.zeros(10)))


def test_flat_patterns_fill_the_page_to_one_scale(measurements):
    graded = [grade(load_pattern(name), measurements) for name in ("skirt", "tank_top")]
    page = draw_patterns(graded, 500, 400, "skirt + tank top")
    assert page.shape == (400, 500, 3) and page.dtype == np.uint8
    cloth = (page == (226, 233, 240)).all(-1)
    metres = sum(_area(g.outline(name)) for g in graded for name in g.outlines)
    # The page's tallest shelf layout leaves the scale free; area tells it, and 10 cm lines lie at its multiples.
    scale = np.sqrt(cloth.sum() / metres)
    lines = np.flatnonzero((page[395] == (222, 226, 230)).all(-1))
    assert np.diff(lines).mean() == pytest.approx(0.1 * scale, rel=0.06)


def _area(polygon):
    following = np.roll(polygon, -1, 0)
    return 0.5 * (polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum()


def test_sheets_show_the_pattern_and_the_garment_on_the_body():
    body = NumpyBody(load_body("female"))
    sheet = garment_sheets.sheet([load_pattern("tank_top")], body, np.zeros(10), 0.055, "tank top")
    front, back = sheet[:, 780:1110].astype(int), sheet[:, 1110:].astype(int)
    for picture in (front, back):
        # Clay and backdrop are grey; the garment is green, and covers the chest, not the legs.
        green = picture[..., 1] - picture[..., [0, 2]].max(-1) > 12
        assert green[180:300].sum() > 8000 and not green[420:].any()


def _mviper(*words):
    command = [sys.executable, "-m", "pipeline.cli.main", "garment", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_list_names_garments_with_panels_and_measurements(tmp_path):
    (tmp_path / "wrap.json").write_text((LIBRARY / "skirt.json").read_text())
    listed = json.loads(_mviper("list", tmp_path, "--json").stdout)
    (facts,) = listed["garments"].values()
    assert facts["panels"] == ["front", "back"] and facts["darts"] == 4 and facts["elastic"]
    assert "waist_girth" in facts["measurements"] and not listed["outfits"]


def test_show_refuses_a_bad_pattern_and_writes_nothing(tmp_path):
    tree = json.loads((LIBRARY / "skirt.json").read_text())
    tree["panels"]["front"]["edges"]["side_left"][1] = "waist_right"
    (tmp_path / "wrap.json").write_text(json.dumps(tree))
    done = _mviper("show", tmp_path / "wrap.json", f"--out={tmp_path}/wrap.jpg")
    assert done.returncode == 2 and "Panel 'front' of 'wrap': edge 'side_left' must end" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wrap.json"]
