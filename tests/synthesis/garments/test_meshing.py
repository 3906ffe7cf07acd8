"""Sewn meshes of the library's garments: manifold, even, symmetric, with rest shapes from the pattern."""

import numpy as np
import pytest
from dress_forms import mean_measurements

from synthesis.garments.checks import first_crossing
from synthesis.garments.darts import GradedDart, cut
from synthesis.garments.grading import grade, length
from synthesis.garments.meshing import sew
from synthesis.garments.pattern import known_garments, load_pattern
from synthesis.garments.triangulation import inside_polygon, signed_area

EDGE = 0.03
OPENINGS = {"tshirt": 4, "shirt": 4, "tank_top": 4, "trousers": 3, "shorts": 3, "skirt": 2, "flounce_dress": 4,
            "sleeveless_dress": 4}  # fmt: skip


@pytest.fixture(scope="module", params=known_garments())
def sewn(request):
    return sew(grade(load_pattern(request.param), mean_measurements("female")), EDGE)


def test_seam_partners_agree_in_length(sewn):
    for seam in sewn.graded.seams:
        ratio = sewn.graded.edge_length(seam.partner) / sewn.graded.edge_length(seam.edge)
        assert 0.9 < ratio / seam.gather < 1.1, seam


def test_meshes_are_manifold_with_even_triangles(sewn):
    faces, corner = sewn.faces, sewn.rest_uv
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    # Consistent orientation: no directed edge twice; two faces an edge at most.
    assert len(np.unique(directed, axis=0)) == len(directed)
    assert len(np.unique(faces)) == sewn.num_vertices
    size = np.linalg.norm(corner - np.roll(corner, 1, 1), axis=2)
    assert 0.9 * EDGE < size.mean() < 1.1 * EDGE
    assert size.max() < 2.2 * EDGE and size.min() > 0.3 * EDGE
    ahead, behind = np.roll(corner, -1, 1) - corner, np.roll(corner, 1, 1) - corner
    lengths = np.linalg.norm(ahead, axis=2) * np.linalg.norm(behind, axis=2)
    angle = np.degrees(np.arccos(np.clip((ahead * behind).sum(2) / lengths, -1, 1)))
    assert angle.min() > 15 and np.percentile(angle, 1) > 30


def test_rest_shapes_fill_the_outlines_without_the_darts(sewn):
    corner = sewn.rest_uv
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert (cross > 0).all()
    area = sum(_area(sewn.graded.outline(panel)) for panel in sewn.graded.outlines)
    assert 0.5 * cross.sum() == pytest.approx(area, rel=0.02)


def _area(polygon):
    following = np.roll(polygon, -1, 0)
    return 0.5 * (polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum()


def test_garments_have_the_openings_that_they_should(sewn):
    faces = sewn.faces
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    border = edges[count == 1]
    assert (np.bincount(border.ravel())[np.unique(border)] == 2).all()
    group = np.arange(sewn.num_vertices)
    for _ in range(len(border)):
        low = np.minimum(group[border[:, 0]], group[border[:, 1]])
        np.minimum.at(group, border[:, 0], low)
        np.minimum.at(group, border[:, 1], low)
    assert len(np.unique(group[np.unique(border)])) == OPENINGS[sewn.graded.pattern.name]


def test_symmetric_panels_have_symmetric_points_and_twins_are_mirror_images(sewn):
    for name, panel in sewn.panels.items():
        source = sewn.graded.pattern.panels[name].mirror_of
        twin = sewn.panels[source] if source else panel
        if source is None and sewn.graded.pattern.panels[name].around != "torso":
            continue
        gap = np.abs(panel.points[:, None] - twin.points[None] * [-1.0, 1.0]).max(2).min(1)
        assert gap.max() < 1e-3 * EDGE if source else gap.max() < 0.05 * EDGE, name
        assert (signed_area(panel.points, panel.faces) > 0).all()


def test_elastics_are_shorter_than_the_cloth_and_lie_on_the_waist(sewn):
    pairs, relaxed = sewn.elastic()
    if not sewn.graded.bands:
        assert not len(pairs)
        return
    assert relaxed.sum() == pytest.approx(0.95 * mean_measurements("female")["waist_girth"])
    assert set(np.unique(pairs)) == set(sewn.attached.tolist())
    # A closed band: each of its vertices joins two pieces of rubber.
    assert (np.bincount(pairs.ravel())[np.unique(pairs)] == 2).all()


def test_darts_take_their_width_out_of_the_edge_and_have_equal_legs():
    drawn = {"waist": np.array([[0.0, 0.0], [1.0, 0.0]]), "back": np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])}
    outline, pieces, seams = cut(drawn, [GradedDart("waist", 0.3, 0.04, 0.1), GradedDart("waist", 0.6, 0.001, 0.1)])
    assert pieces["waist"] == ("waist", "waist_1")
    assert sum(length(outline[piece]) for piece in pieces["waist"]) == pytest.approx(0.96)
    (legs,) = seams
    assert [length(outline[leg]) for leg in legs] == pytest.approx([np.hypot(0.02, 0.1)] * 2)
    assert outline[legs[0]][1] == pytest.approx([0.3, 0.1])


def test_a_dart_closes_the_waist_of_the_skirt():
    skirt = sew(grade(load_pattern("skirt"), mean_measurements("female")), EDGE)
    front = skirt.panels["front"]
    assert {"waist_dart0_down", "waist_dart1_up"} <= set(front.edges)
    down, up = front.index[front.edges["waist_dart0_down"]], front.index[front.edges["waist_dart0_up"]]
    assert (down == up[::-1]).all()


def test_crossings():
    polygon = np.array([[0, 0], [2, 0], [2, 2], [1, 0.5], [0, 2]], float)
    assert first_crossing(polygon) is None
    polygon[3] = [1, -0.5]
    assert first_crossing(polygon) == (0, 2)
    assert first_crossing(np.array([[0, 0], [2, 0], [1, 0], [1, 1]], float)) is not None


def test_inside_polygon_on_a_concave_outline():
    polygon = np.array([[0, 0], [2, 0], [2, 2], [1, 0.5], [0, 2]], float)
    points = np.array([[0.2, 1.0], [1.0, 1.0], [1.8, 1.0], [3, 1]])
    assert inside_polygon(points, polygon).tolist() == [True, False, True, False]
