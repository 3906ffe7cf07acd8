"""Measurements, and garments placed around bodies of the whole range."""

import dataclasses

import dress_forms as people
import numpy as np
import pytest

from model.errors import ConfigError
from synthesis.cloth.proximity import Surface
from synthesis.garments.dress import dress, make
from synthesis.garments.measurements import girth, measure
from synthesis.garments.pattern import known_garments, load_pattern


def test_girth_of_a_circle():
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    assert girth(0.15 * np.stack([np.cos(angles), np.sin(angles)], 1)) == pytest.approx(2 * np.pi * 0.15, rel=1e-4)


@pytest.mark.parametrize(("gender", "betas"), [("male", ()), ("female", ()), *people.extremes(4, seed=3)])
def test_measurements_are_a_persons(gender, betas):
    form = people.form(gender, betas)
    m = measure(form)
    assert m["floor_y"] < m["ankle_y"] < m["knee_y"] < m["crotch_y"] - 0.1
    assert m["crotch_y"] < m["hip_y"] <= m["waist_y"] < m["armpit_y"] < m["shoulder_tip_y"] <= m["shoulder_y"] + 0.04
    # Close under the hip joints, also where heavy thighs touch further down.
    assert 0.0 < form.joint("L_hip")[1] - m["crotch_y"] < 0.08
    assert m["wrist_girth"] < m["biceps_girth"] < m["thigh_girth"] < m["waist_girth"] < m["hip_girth"] < 1.8
    assert m["neck_half"] < m["shoulder_half"] < m["elbow_x"] < m["wrist_x"]


def test_measurements_scale_with_the_body():
    form = people.form("female")
    twice = dataclasses.replace(form, vertices=2 * form.vertices, joints=2 * form.joints)
    assert measure(twice)["crotch_y"] == pytest.approx(2 * measure(form)["crotch_y"])
    assert measure(twice)["waist_girth"] == pytest.approx(2 * measure(form)["waist_girth"], rel=1e-6)


@pytest.mark.parametrize(("gender", "betas"), people.extremes(4, seed=11))
def test_every_garment_fits_every_body(gender, betas):
    form = people.form(gender, betas)
    measurements = measure(form)
    skin = Surface(form.faces, len(form.vertices))
    for name in known_garments():
        garment = make(load_pattern(name), form, measurements, edge_length=0.045)
        distance, _ = skin.signed_distance(garment.vertices, form.vertices)
        assert (distance < 0).mean() < 0.005 and distance.min() > -0.01, name
        corners = garment.vertices[garment.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        _, outwards = skin.signed_distance(corners.mean(1), form.vertices)
        assert ((normals * outwards).sum(1) > 0).mean() > 0.85, name
        size = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2)
        rest = np.linalg.norm(garment.rest_uv - np.roll(garment.rest_uv, 1, 1), axis=2)
        assert np.percentile(size / rest, 99) < 1.7, name


def test_outer_garments_start_further_out():
    body = people.body("female")
    inner, outer = dress("tshirt_trousers", body, np.zeros(10), edge_length=0.04)
    assert inner.layer < outer.layer
    assert inner.translated([0, 1, 0]).vertices.mean(0) == pytest.approx(inner.vertices.mean(0) + np.array([0, 1, 0]))
    skin = Surface(people.form("female").faces, body.data.num_vertices)
    rest, _ = body.shaped(np.zeros(10))
    assert skin.signed_distance(outer.vertices, rest)[0].min() > skin.signed_distance(inner.vertices, rest)[0].min()


def test_edge_lengths_that_no_garment_can_have_are_refused():
    with pytest.raises(ConfigError, match=r"edge length.*Received: 0.5"):
        dress("tshirt", people.body("female"), np.zeros(10), edge_length=0.5)
