"""Pieces of the body builder that know their answer in closed form."""

import numpy as np
import pytest

from model import conventions, rotations
from tools.body_builder import dual_quaternions, survey
from tools.body_builder.elastic import ElasticSurface
from tools.body_builder.intersections import intersecting_faces

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
FACES = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])


def test_intersections_are_found_where_they_are():
    spike = np.array([[0, 0, -1], [0.1, 0, 1], [0, 0.1, 1]], float)
    sheet = np.array([[-1, -1, 0], [2, -1, 0], [-1, 2, 0]], float)
    faces = np.arange(9).reshape(3, 3)
    far = np.add(sheet, [0, 0, 5])
    np.testing.assert_array_equal(intersecting_faces(np.concatenate([spike, sheet, far]), faces), [[0, 1]])
    assert len(intersecting_faces(np.concatenate([np.add(spike, [0, 0, 1.5]), sheet, far]), faces)) == 0
    # Faces with a common vertex are neighbours, not an intersection.
    assert len(intersecting_faces(np.concatenate([spike, sheet]), np.array([[0, 1, 2], [0, 4, 5]]))) == 0


def test_elastic_surface_keeps_rigid_motion_and_fights_stretch():
    surface = ElasticSurface(OCTAHEDRON, FACES, np.full(6, 0.1))
    turned = OCTAHEDRON @ rotations.axis_angle_to_matrix(np.array([0.3, -1.0, 0.5])).T + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(surface.relax(turned, 3), turned, atol=1e-9)
    stretched = surface.relax(OCTAHEDRON * [1.5, 1.0, 1.0], 5)
    assert 1.0 < stretched[:, 0].max() < 1.2


def test_dual_quaternions_keep_the_radius_of_a_twisted_limb():
    """Half way along a twist of 180 degrees, where linear skinning shrinks a limb to its axis, these turn it by 90."""
    world = np.tile(np.eye(3), (conventions.NUM_JOINTS, 1, 1))
    world[1] = rotations.axis_angle_to_matrix(np.array([np.pi - 1e-6, 0.0, 0.0]))
    weights = np.zeros((1, conventions.NUM_JOINTS))
    weights[0, :2] = 0.5
    point = dual_quaternions.skin(np.array([[0.3, 1.0, 0.0]]), weights, world, np.zeros((conventions.NUM_JOINTS, 3)))
    np.testing.assert_allclose(point, [[0.3, 0.0, 1.0]], atol=1e-5)


def test_dual_quaternions_of_one_joint_are_its_rigid_motion():
    world = np.tile(rotations.axis_angle_to_matrix(np.array([0.2, 0.7, -1.1])), (conventions.NUM_JOINTS, 1, 1))
    shift = np.tile([0.1, -0.2, 0.3], (conventions.NUM_JOINTS, 1))
    points = np.random.default_rng(0).normal(size=(5, 3))
    weights = np.full((5, conventions.NUM_JOINTS), 1 / conventions.NUM_JOINTS)
    np.testing.assert_allclose(dual_quaternions.skin(points, weights, world, shift), points @ world[0].T + shift[0])


def test_survey_gives_its_published_percentiles():
    women = survey.POPULATIONS["female"]
    assert women.statures(np.array(0.5)) == pytest.approx(1.635)
    share = np.linspace(0, 1, 2001)[1:-1]
    bmi = women.bmis(share)
    assert survey.BMI_RANGE[0] <= bmi[0] < bmi[-1] <= survey.BMI_RANGE[1]
    # Between the ends that are left out, two published percentiles enclose the published share of people.
    within = np.mean((bmi > 22.2) & (bmi < 31.6))
    left_out = 0.017 + 0.097
    assert within * (1 - left_out) == pytest.approx(0.50, abs=0.01)
