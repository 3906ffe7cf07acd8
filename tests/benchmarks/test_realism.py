import numpy as np
import pytest

from benchmarks import realism
from components.pose_detector.client import LANDMARK, Detections, DetectorError, detect
from model import conventions


def looks(count: int, view: str = "front") -> list[realism.Look]:
    """People whose torso is 100 pixels long, all keypoints visible but the left wrist."""
    keypoints = np.random.default_rng(0).uniform(0, 200, (count, conventions.NUM_KEYPOINTS, 3))
    keypoints[:, conventions.keypoint("L_shoulder"), :2] = 50, 20
    keypoints[:, conventions.keypoint("R_hip"), :2] = 50, 120
    keypoints[..., 2] = 1
    keypoints[:, conventions.keypoint("L_wrist"), 2] = 0
    return [realism.Look(b"", f"someone{i}", "walk", view, k) for i, k in enumerate(keypoints)]


def answer(shown: list[realism.Look], shift: float = 0.0) -> Detections:
    """A detector that is `shift` pixels off."""
    order = [conventions.keypoint(name) for name in LANDMARK]
    points = np.stack([look.keypoints[order] for look in shown])
    points[..., 0] += shift
    return Detections(np.ones(len(shown), bool), points)


def test_a_fifth_of_the_torso_is_the_limit():
    shown = looks(4)
    for shift, share in ((0.0, 1.0), (19.9, 1.0), (20.1, 0.0)):
        figures = realism.compare(shown, answer(shown, shift))
        assert figures["pck_02_torso"] == share == figures["pck_02_torso_front"] and figures["detected_share"] == 1
    assert (figures["frames"], figures["people"]) == (4, 4)


def test_hidden_keypoints_do_not_count_and_people_not_found_do():
    shown = looks(4)
    found = answer(shown)
    found.points[:, list(LANDMARK).index("L_wrist")] += 500
    assert realism.compare(shown, found)["pck_02_torso"] == 1
    found.detected[0] = False
    figures = realism.compare(shown, found)
    assert figures["detected_share"] == figures["pck_02_torso"] == 0.75 and figures["pck_02_torso_detected"] == 1


def test_exchanged_sides_are_told_from_other_errors():
    shown = looks(2, "back")
    order = [conventions.keypoint(name) for name in LANDMARK]
    points = np.stack([look.keypoints[conventions.KEYPOINT_MIRROR[order]] for look in shown])
    figures = realism.compare(shown, Detections(np.ones(2, bool), points))
    assert figures["pck_02_torso"] < 0.5 and figures["pck_02_torso_mirrored_too"] == 1


def test_a_python_without_mediapipe_is_named():
    with pytest.raises(DetectorError, match=r"mviper\[video\].*Received: /nowhere/python"):
        detect([b""], python="/nowhere/python")
