import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.datasets.base import PersonClip, from_values, to_values
from components.datasets.person_window import Window, window_of
from model import conventions


def clip_at(points, visible=1.0, **more):
    """A clip with its first keypoints at [T, N, 2]."""
    keypoints = np.zeros((len(points), conventions.NUM_KEYPOINTS, 3))
    keypoints[:, : len(points[0]), :2] = points
    keypoints[:, : len(points[0]), 2] = visible
    frames = tuple(range(len(points))) if len(points) > 1 else ()
    return PersonClip("a", "train", "test", "a", keypoints.astype(np.float32), frames=frames, **more)


coordinate = st.floats(1, 400)


@settings(deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=8), st.integers(40, 320))
def test_pixels_move_as_keypoints_do(points, side):
    """A ramp image holds its own coordinates: what lies under a moved keypoint tells where it was."""
    clip = clip_at([points])
    window = window_of(clip, (401, 401), side)
    ramp = np.stack([*np.meshgrid(np.arange(401.0), np.arange(401.0)), np.zeros((401, 401))], -1).astype(np.float32)
    kept = window.cut(ramp)
    assert kept.shape[:2] == (window.height, window.width) and max(kept.shape[:2]) <= side
    x, y = window.keypoints(clip.keypoints2d)[0, : len(points), :2].T
    # What a whole factor leaves over at the far edges is cut off: less than one stored pixel.
    assert (x > -1).all() and (x < window.width + 1).all() and (y > -1).all() and (y < window.height + 1).all()
    inside = (x >= 0) & (x <= window.width - 1) & (y >= 0) & (y <= window.height - 1)
    for px, py, (wanted_x, wanted_y) in zip(x[inside], y[inside], np.array(points)[inside], strict=True):
        column, row = int(px), int(py)
        right, below = min(column + 1, window.width - 1), min(row + 1, window.height - 1)
        a, b = px - column, py - row
        found = (
            kept[row, column] * (1 - a) * (1 - b) + kept[row, right] * a * (1 - b)
            + kept[below, column] * (1 - a) * b + kept[below, right] * a * b
        )  # fmt: skip
        assert found[:2] == pytest.approx([wanted_x, wanted_y], abs=1e-3)


def test_the_camera_moves_with_the_window():
    matrix = np.array([[500.0, 0, 320], [0, 480, 250], [0, 0, 1]])
    points = np.array([[-0.3, -0.9, 4.0], [0.2, 0.8, 4.4], [0.4, 0.1, 3.8]])
    pixels = points @ matrix.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    clip = clip_at([pixels], intrinsics=matrix)
    window = window_of(clip, (600, 800), 128)
    moved = points @ window.intrinsics(matrix).T
    assert window.shrink > 1
    assert moved[:, :2] / moved[:, 2:] == pytest.approx(window.keypoints(clip.keypoints2d)[0, :3, :2], abs=1e-4)


def test_one_window_holds_a_person_who_walks_and_nothing_else_moves_it():
    walk = [[(100 + 10 * t, 100), (110 + 10 * t, 180)] for t in range(5)]
    window = window_of(clip_at(walk), (400, 600), 1000)
    # Half a side is 1.3 x 1.4 / 0.92 / 2 of the box's 80 pixels, around centres from (105, 140) to (145, 140).
    assert window == Window(105 - 80, 60, 201, 161, 1)
    whole = window_of(clip_at([[(0, 0)]], visible=0.0), (400, 600), 300)
    assert whole == Window(0, 0, 300, 200, 2)


def test_clips_survive_the_plan():
    clip = clip_at(
        [[(10.25, 20.5), (30, 40)]] * 2, fps=25.0, action="walk", protocols=("1", "2"), betas=np.arange(10) / 8,
    )  # fmt: skip
    again = from_values(to_values(clip))
    assert to_values(again) == to_values(clip) and again.protocols == ("1", "2") and again.frames == (0, 1)
    assert again.keypoints2d == pytest.approx(clip.keypoints2d) and again.pose is None
    assert again.betas == pytest.approx(np.arange(10) / 8)
