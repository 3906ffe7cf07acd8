"""What the tests of all readers of stills ask of a clip."""

import re

import numpy as np
import writers_stills

from components.datasets.base import PersonClip
from model import conventions


def theirs(keypoint: str) -> str:
    """The writer's name of one of our keypoints."""
    return keypoint.replace("L_", "left ").replace("R_", "right ").replace("_", " ")


def assert_on_discs(root, clip: PersonClip, person: writers_stills.Figure, joints) -> None:
    """Each keypoint of a still lies on the disc of its joint, to a third of a pixel; others are unlabelled."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", clip.clip_id)
    assert clip.keypoints2d.shape == (1, 19, 3)
    for index, keypoint in enumerate(conventions.KEYPOINTS):
        x, y, visible = clip.keypoints2d[0, index]
        joint = theirs(keypoint)
        if joint not in joints or joint in person.unlabelled:
            assert (x, y, visible) == (0.0, 0.0, 0.0), keypoint
            continue
        np.testing.assert_allclose((x, y), person.places[joint], err_msg=keypoint)
        assert writers_stills.distance_to_disc(root / clip.media, joint, np.array([x, y])) < 0.34, keypoint
        assert visible == (joint not in person.hidden), keypoint
