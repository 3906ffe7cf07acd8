"""Contact sheets and films of motions: their size, what moves in them, and files that are whole."""

import cv2
import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis import motion_sheets
from synthesis.motion import builtin

CELL = motion_sheets.Cell(40, 72)


@pytest.fixture(scope="module")
def stage():
    stage = motion_sheets.MotionStage(NumpyBody(load_body("neutral")), CELL)
    yield stage
    stage.close()


def test_sheets_hold_skeleton_and_body_of_the_first_and_the_last_frame(stage):
    motion = builtin.make("jump", 1, 1.0, fps=10.0)
    sheet = stage.sheet(motion, frames=4)
    assert sheet.shape == (34 + CELL.height, 6 * 2 * CELL.width, 3) and sheet.dtype == np.uint8
    cells = sheet[34:-20].reshape(CELL.height - 20, 6, 2, CELL.width, 3).transpose(1, 2, 0, 3, 4).astype(int)
    # Bones are saturated colours on grey; the body is a shade of clay that is darker than the backdrop.
    colourful = np.ptp(cells, axis=-1) > 60
    assert colourful[:4, 0].any((1, 2)).all() and not colourful[4:].any()
    assert (cells[:4, 1].min((1, 2, 3)) < 130).all()
    assert np.abs(cells[0, 1] - cells[3, 1]).max() > 40


def test_films_have_a_frame_for_each_of_the_motion_and_play_at_its_rate(stage, tmp_path):
    motion = builtin.make("wave", 0, 0.4, fps=10.0)
    motion_sheets.write_film(tmp_path / "wave.mp4", stage.film(motion), motion.fps)
    video = cv2.VideoCapture(str(tmp_path / "wave.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["wave.mp4"]
