import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.cloth.proximity import Surface
from synthesis.garments.dress import dress
from synthesis.garments.expressions import PatternError, evaluate
from synthesis.garments.grading import grade, length
from synthesis.garments.library import OUTFITS
from synthesis.garments.measurements import DressForm, girth, measure
from synthesis.garments.meshing import inside_polygon, sew
from synthesis.garments.pattern import load_pattern, parse_pattern

GARMENTS = sorted({name for outfit in OUTFITS.values() for name in outfit})


@pytest.fixture(scope="module")
def forms():
    return {gender: DressForm.of(NumpyBody(load_body(gender)), np.zeros(10)) for gender in ("male", "female")}


@pytest.fixture(scope="module")
def graded(forms):
    measurements = {gender: measure(form) for gender, form in forms.items()}
    return [(name, grade(load_pattern(name), m)) for name in GARMENTS for m in measurements.values()]


def test_expressions():
    assert evaluate("chest / 4 * (1 + 0.1) - -min(a, 2)", {"chest": 1.0, "a": 3.0}) == pytest.approx(2.275)


@pytest.mark.parametrize("text", ["__import__('os')", "a.b", "chest ** 2", "missing", "1 +", "'a'", "min(a=1)"])
def test_expressions_refuse_everything_else(text):
    with pytest.raises(PatternError, match="Received"):
        evaluate(text, {"chest": 1.0, "a": 1.0})


def test_girth_of_a_circle():
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    assert girth(0.15 * np.stack([np.cos(angles), np.sin(angles)], 1)) == pytest.approx(2 * np.pi * 0.15, rel=1e-4)


def test_measurements_are_a_persons(forms):
    for form in forms.values():
        m = measure(form)
        assert m["floor_y"] < m["ankle_y"] < m["knee_y"] < m["crotch_y"] < m["hip_y"] < m["waist_y"] < m["armpit_y"]
        assert m["armpit_y"] < m["shoulder_tip_y"] <= m["shoulder_y"] + 0.02
        assert m["wrist_girth"] < m["biceps_girth"] < m["thigh_girth"] < m["waist_girth"] < m["hip_girth"] < 1.5


def test_measurements_scale_with_the_body(forms):
    form = forms["female"]
    twice = DressForm(2 * form.vertices, form.faces, 2 * form.joints, form.arm, form.head)
    assert measure(twice)["thigh_girth"] > 1.8 * measure(form)["thigh_girth"]


def test_seam_partners_agree_in_length(graded):
    for name, pattern in graded:
        for a, b in pattern.pattern.seams:
            ratio = length(pattern.edge(a)) / length(pattern.edge(b))
            assert 0.9 < ratio < 1.1, (name, a, b, ratio)


def test_sewn_meshes_are_manifold_with_even_edges(graded):
    wanted = 0.035
    for name, pattern in graded:
        sewn = sew(pattern, wanted)
        faces = sewn.faces
        directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        # Consistent orientation: no directed edge twice; two faces an edge at most.
        assert len(np.unique(directed, axis=0)) == len(directed), name
        assert len(np.unique(faces)) == sewn.num_vertices, name
        corner = sewn.rest_uv
        edge = np.linalg.norm(corner - np.roll(corner, 1, 1), axis=2)
        assert 0.7 * wanted < edge.mean() < 1.2 * wanted
        assert edge.max() < 2.2 * wanted and edge.min() > 0.2 * wanted, (name, edge.min(), edge.max())
        cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        assert (cross > 0).all()
        outline_area = sum(_area(np.concatenate(list(o.values()))) for o in pattern.outlines.values())
        assert 0.5 * cross.sum() == pytest.approx(outline_area, rel=0.02)


def _area(polygon):
    following = np.roll(polygon, -1, 0)
    return 0.5 * (polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum()


def test_seams_leave_the_openings_that_a_garment_has(graded):
    openings = {"tshirt": 4, "trousers": 3, "shorts": 3}
    for name, pattern in graded:
        assert _border_loops(sew(pattern, 0.035).faces) == openings[name]


def _border_loops(faces):
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    neighbours: dict[int, list[int]] = {}
    for a, b in edges[count == 1].tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    assert all(len(n) == 2 for n in neighbours.values())
    loops, seen = 0, set()
    for start in neighbours:
        if start not in seen:
            loops += 1
            stack = [start]
            while stack:
                v = stack.pop()
                if v not in seen:
                    seen.add(v)
                    stack += neighbours[v]
    return loops


def test_inside_polygon_on_a_concave_outline():
    polygon = np.array([[0, 0], [2, 0], [2, 2], [1, 0.5], [0, 2]], float)
    assert inside_polygon(np.array([[0.2, 1.0], [1.0, 1.0], [1.8, 1.0], [3, 1]]), polygon).tolist() == [
        True,
        False,
        True,
        False,
    ]


def test_garments_fit_small_and_large_bodies():
    rng = np.random.default_rng(7)
    for gender in ("male", "female"):
        body = NumpyBody(load_body(gender))
        for betas in (np.zeros(10), *rng.choice([-2.0, 2.0], (2, 10)), [2.0] + [0] * 9, [-2.0] + [0] * 9):
            vertices, _ = body.shaped(np.asarray(betas))
            skin = Surface(body.data.faces[body.data.face_parts == 0], len(vertices))
            for outfit in OUTFITS:
                for garment in dress(outfit, body, np.asarray(betas), edge_length=0.045):
                    distance, _ = skin.signed_distance(garment.vertices, vertices)
                    assert distance.min() > 0.0, (gender, betas, garment.name)
                    assert garment.vertices[:, 1].min() > vertices[:, 1].min()


def test_unknown_pattern_lists_the_known_ones():
    with pytest.raises(PatternError, match=r"tshirt.*Received: 'toga'"):
        load_pattern("toga")


def test_open_outline_is_refused():
    panel = {"around": "torso", "side": "front", "points": {}, "edges": {"a": [[0, 0], [1, 0]], "b": [[1, 1], [0, 0]]}}
    with pytest.raises(PatternError, match="must end where"):
        parse_pattern("broken", {"layer": 0, "top": 0, "panels": {"p": panel}, "seams": []})


def test_seam_to_nowhere_is_refused():
    edges = {"a": [[0, 0], [1, 0]], "b": [[1, 0], [0, 1]], "c": [[0, 1], [0, 0]]}
    panel = {"around": "torso", "side": "front", "points": {}, "edges": edges}
    with pytest.raises(PatternError, match=r"Received: 'p\.d'"):
        parse_pattern("broken", {"layer": 0, "top": 0, "panels": {"p": panel}, "seams": [["p.a", "p.d"]]})
