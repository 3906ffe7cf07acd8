import dataclasses
import json
import math

import numpy as np
import pytest

from synthesis.scene import cameras

PELVIS = np.array([[0.2, 0.9, -0.3], [1.4, 0.8, 2.0], [-0.5, 1.6, 0.1]])


def _pixels(camera, points):
    seen = np.asarray(points) @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]
    assert np.all(seen[..., 2] > 0)
    return (seen @ camera.intrinsics.T)[..., :2] / seen[..., 2:]


def test_pelvis_stays_at_the_image_centre_at_its_distance():
    for viewpoint in cameras.draw_viewpoints(np.random.default_rng(3), 12.0):
        for camera, pelvis in zip(cameras.track(viewpoint, cameras.Lens(), PELVIS, 0.7), PELVIS, strict=True):
            np.testing.assert_allclose(_pixels(camera, pelvis), [124.5, 124.5])
            seen = camera.extrinsics[:, :3] @ pelvis + camera.extrinsics[:, 3]
            np.testing.assert_allclose(seen, [0, 0, viewpoint.distance], atol=1e-9)
            np.testing.assert_allclose(np.linalg.det(camera.extrinsics[:, :3]), 1)


@pytest.mark.parametrize("facing", [0.0, 0.8, -2.5])
def test_four_views_see_front_left_back_and_right(facing):
    """The avatar's forward, left and up as steps on the image: towards the viewer a step grows, away it shrinks."""
    forward = np.array([math.sin(facing), 0, math.cos(facing)])
    left = np.array([math.cos(facing), 0, -math.sin(facing)])
    towards = {"front": forward, "left": left, "back": -forward, "right": -left}
    # Whoever looks at a face sees the person's left hand on the right.
    rightwards = {"front": left, "left": -forward, "back": -left, "right": forward}
    still = cameras.Jitter(0, 0, 0, 0, 0)
    for viewpoint in cameras.draw_viewpoints(np.random.default_rng(0), 12.0, still):
        camera = cameras.track(viewpoint, cameras.Lens(), PELVIS[:1], facing)[0]
        eye = -camera.extrinsics[:, :3].T @ camera.extrinsics[:, 3]
        np.testing.assert_allclose(eye, PELVIS[0] + 12 * towards[viewpoint.name], atol=1e-9)
        step = _pixels(camera, PELVIS[0] + rightwards[viewpoint.name]) - 124.5
        np.testing.assert_allclose(step, [250 * 180 / 32 / 12, 0], atol=1e-9)
        assert _pixels(camera, PELVIS[0] + [0, 1, 0])[1] < 124.5


def test_elevation_lifts_the_camera_and_roll_turns_it_clockwise():
    high = cameras.track(cameras.Viewpoint("front", 0, 0.3, 0, 10.0), cameras.Lens(), PELVIS[:1])[0]
    eye = -high.extrinsics[:, :3].T @ high.extrinsics[:, 3]
    np.testing.assert_allclose(eye[1] - PELVIS[0, 1], 10 * math.sin(0.3))
    rolled = cameras.track(cameras.Viewpoint("front", 0, 0, 0.1, 10.0), cameras.Lens(), PELVIS[:1])[0]
    # The camera's top leans to its right, so the world's up leans left in the image.
    above = _pixels(rolled, PELVIS[0] + [0, 1, 0]) - 124.5
    np.testing.assert_allclose(math.atan2(above[0], -above[1]), -0.1, atol=1e-9)


def test_person_with_raised_arms_fits_at_the_fitting_distance():
    lens = cameras.Lens()
    still = cameras.Jitter(0, 0, 0, 0, 0)
    viewpoint = cameras.draw_viewpoints(np.random.default_rng(0), lens.fitting_distance(1.8), still)[0]
    camera = cameras.track(viewpoint, lens, np.array([[0, 0.95, 0]]))[0]
    reach = _pixels(camera, [[0, 0, 0], [0, 2.2, 0], [0.95, 1.4, 0], [-0.95, 1.4, 0]])
    assert reach.min() > 0 and reach.max() < 249


def test_heading_is_where_the_body_faces():
    np.testing.assert_allclose(cameras.heading(np.array([0, 0.6, 0])), 0.6)
    np.testing.assert_allclose(cameras.heading(np.array([0.4, 0, 0])), 0.0)
    assert cameras.heading(np.array([-math.pi / 2, 0, 0])) == 0.0


def test_viewpoints_are_plain_data_drawn_by_seed():
    draw = lambda seed: cameras.draw_viewpoints(np.random.default_rng(seed), 12.0)  # noqa: E731
    assert draw(5) == draw(5)
    assert draw(5) != draw(6)
    plain = json.loads(json.dumps([dataclasses.asdict(v) for v in draw(5)]))
    assert tuple(cameras.Viewpoint(**v) for v in plain) == draw(5)
