import dataclasses
import json
import math

import numpy as np
import pytest

from model.errors import UserError
from synthesis.scene import cameras

PELVIS = np.array([[0.2, 0.9, -0.3], [1.4, 0.8, 2.0], [-0.5, 1.6, 0.1]])


def _pixels(camera, points):
    seen = np.asarray(points) @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]
    assert np.all(seen[..., 2] > 0)
    return (seen @ camera.intrinsics.T)[..., :2] / seen[..., 2:]


@pytest.mark.parametrize("mode", ["translating", "rotating"])
def test_pelvis_stays_at_the_image_centre_at_its_distance(mode):
    for viewpoint in cameras.draw_viewpoints(np.random.default_rng(3), 12.0, modes=[mode]):
        views = cameras.track(viewpoint, cameras.Lens(), PELVIS, np.array([0.7, 1.0, 1.4]))
        for camera, pelvis in zip(views, PELVIS, strict=True):
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


def _yaw(camera):
    return math.atan2(camera.extrinsics[2, 0], camera.extrinsics[2, 2])


def test_only_rotating_cameras_turn_and_they_turn_with_the_body():
    facing = np.array([0.3, 0.8, 1.9])
    turned = {}
    for mode in cameras.MODES:
        viewpoint = cameras.Viewpoint("left", 1.4, 0.1, 0.02, 11.0, mode)
        turned[mode] = np.unwrap([_yaw(c) for c in cameras.track(viewpoint, cameras.Lens(), PELVIS, facing)])
    np.testing.assert_allclose(np.diff(turned["rotating"]), np.diff(facing))
    for mode in ("fixed", "translating"):
        np.testing.assert_allclose(turned[mode], turned["rotating"][0])


@pytest.mark.parametrize("size", [(250, 250), (320, 200)])
def test_fixed_camera_stands_still_and_just_sees_the_whole_motion(size):
    lens = cameras.Lens(width=size[0], height=size[1])
    for viewpoint in cameras.draw_viewpoints(np.random.default_rng(4), 12.0, modes=["fixed"]):
        views = cameras.track(viewpoint, lens, PELVIS, 0.7)
        assert all(np.array_equal(view.extrinsics, views[0].extrinsics) for view in views)
        right, down, _ = views[0].extrinsics[:, :3]
        reach = 12.0 * 0.016 / 0.18 * min(size) / size[0] * viewpoint.distance / 12.0
        around = np.concatenate([PELVIS + side * reach * axis for side in (-1, 1) for axis in (right, down)])
        # Distance to the nearest edge of the image, whose edges lie half a pixel outside the outer pixels' centres.
        room = (np.array(size) / 2 - np.abs(_pixels(views[0], around) - (np.array(size) - 1) / 2)).min()
        np.testing.assert_allclose(room, 0, atol=1e-6)
        alone = cameras.track(viewpoint, lens, PELVIS[:1], 0.7)[0]
        seen = alone.extrinsics[:, :3] @ PELVIS[0] + alone.extrinsics[:, 3]
        np.testing.assert_allclose(seen, [0, 0, viewpoint.distance], atol=1e-9)


def test_headings_follow_turns_smoothly_past_a_whole_turn():
    turns = np.linspace(0, 2.5 * np.pi, 60)
    # Hips that swing by 0.2 rad twice a second, and a moment face down.
    swing = 0.2 * np.sin(2 * np.pi * 2 * np.arange(60) / 30)
    rotations = np.stack([np.zeros(60), turns + swing, np.zeros(60)], 1)
    smooth = cameras.headings(rotations, 30.0)
    np.testing.assert_allclose(smooth[20:40], turns[20:40], atol=0.03)
    assert np.abs(np.diff(smooth)).max() < 0.2
    lying = np.tile([np.pi / 2, 0.0, 0.0], (30, 1))
    lying[[0, 10, 20]] = [0, 0.6, 0]
    np.testing.assert_allclose(cameras.headings(lying, 30.0), 0.6, atol=1e-6)


def test_modes_are_drawn_from_those_allowed_and_checked():
    rng = np.random.default_rng(0)
    drawn = [view.mode for _ in range(100) for view in cameras.draw_viewpoints(rng, 12.0)]
    for mode, share in cameras.MODE_SHARES.items():
        assert drawn.count(mode) / len(drawn) == pytest.approx(share, abs=0.08)
    assert {view.mode for view in cameras.draw_viewpoints(rng, 12.0, modes=["fixed"])} == {"fixed"}
    for modes in ([], ["handheld"]):
        with pytest.raises(UserError, match="Received"):
            cameras.draw_viewpoints(rng, 12.0, modes=modes)
    with pytest.raises(UserError, match="Received: 'handheld'"):
        cameras.Viewpoint("front", 0, 0, 0, 10.0, "handheld")


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


def test_viewpoints_are_plain_data_drawn_by_seed():
    draw = lambda seed: cameras.draw_viewpoints(np.random.default_rng(seed), 12.0)  # noqa: E731
    assert draw(5) == draw(5)
    assert draw(5) != draw(6)
    plain = json.loads(json.dumps([dataclasses.asdict(v) for v in draw(5)]))
    assert tuple(cameras.Viewpoint(**v) for v in plain) == draw(5)
