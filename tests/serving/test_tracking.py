"""People are found in a real video, as `mviper predict` does it without --box."""

import pathlib

import numpy as np
import pytest

from serving import tracking, video

MEDIA = pathlib.Path(__file__).parents[3] / "shared" / "media" / "person_cam01.mp4"


@pytest.mark.skipif(not MEDIA.is_file(), reason="no ../shared/media/person_cam01.mp4 here")
def test_somebody_is_found_in_a_real_video_and_followed_smoothly():
    clip = video.read_video(MEDIA, 12)
    squares = tracking.detect_people(clip.frames)
    assert len(squares) == len(clip.frames)
    centres = np.array([(square.left + square.side / 2, square.top + square.side / 2) for square in squares])
    height, width = clip.frames[0].shape[:2]
    assert ((centres > 0) & (centres < (width, height))).all()
    # 12 frames are a fifth of a second.
    assert np.ptp(centres, axis=0).max() < 100
    assert squares[0].cut(clip.frames[0], 64).shape == (64, 64, 3)


def test_nobody_is_an_error():
    from model.errors import VideoError

    with pytest.raises(VideoError, match="Received: nobody"):
        tracking.detect_people([np.full((240, 320, 3), 128, np.uint8)] * 3)
