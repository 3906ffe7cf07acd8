"""The Python that has mediapipe, and pictures given to it through a temporary folder."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import numpy as np

from model.errors import UserError

PYTHON_VARIABLE = "MVIPER_VIDEO_PYTHON"
WORKER = pathlib.Path(__file__).with_name("worker.py")
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('mediapipe') is None)"
# A frame takes 0.04 s; a slow machine with a cold disk is still far below these.
_START_SECONDS, _SECONDS_PER_FRAME = 120.0, 5.0

# BlazePose's landmark for each of our keypoints that it defines alike; it knows no neck and no top of the head.
LANDMARK = {
    "R_ankle": 28, "R_knee": 26, "R_hip": 24, "L_hip": 23, "L_knee": 25, "L_ankle": 27, "R_wrist": 16, "R_elbow": 14,
    "R_shoulder": 12, "L_shoulder": 11, "L_elbow": 13, "L_wrist": 15, "nose": 0, "L_eye": 2, "R_eye": 5, "L_ear": 7,
    "R_ear": 8,
}  # fmt: skip


class DetectorError(UserError):
    """The detector is not installed, or its process failed."""


@dataclasses.dataclass(frozen=True, eq=False)
class Detections:
    """What the detector found in N pictures.

    Attributes:
        detected: bool [N], whether it found a person.
        points: [N, 17, 3] pixels x, y and its own visibility 0..1 in the order of LANDMARK; 0 where nobody was found.
    """

    detected: np.ndarray
    points: np.ndarray


def find_python(python: str | None = None) -> str | None:
    """The interpreter that runs the detector, or None where there is none with `mediapipe`.

    Args:
        python: a path; None: the environment variable MVIPER_VIDEO_PYTHON, else the running interpreter (the `video`
            extra installs mediapipe there).
    """
    candidate = python or os.environ.get(PYTHON_VARIABLE) or sys.executable
    return candidate if _has_mediapipe(candidate) else None


@functools.lru_cache
def _has_mediapipe(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", _LOOK], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def detect(jpegs: Sequence[bytes], python: str | None = None, confidence: float = 0.5) -> Detections:
    """Looks for one person in each picture (BlazePose full of mediapipe 0.10.21, each frame on its own).

    Args:
        jpegs: pictures as JPEG files.
        python: see `find_python`.
        confidence: least score 0..1 of a person; 0.5 is mediapipe's own default.

    Raises:
        DetectorError: no interpreter with mediapipe, or its process failed.
    """
    found = find_python(python)
    if found is None:
        raise DetectorError(
            "The detector needs a Python with mediapipe 0.10.21: the extra mviper[video], or the path of such a python "
            f"in {PYTHON_VARIABLE}. Received: {python or os.environ.get(PYTHON_VARIABLE) or sys.executable}"
        )
    with tempfile.TemporaryDirectory(prefix="mviper-detector-") as name:
        folder = pathlib.Path(name)
        for number, jpeg in enumerate(jpegs):
            (folder / f"{number:08d}.jpg").write_bytes(jpeg)
        _run([found, "-P", str(WORKER), name, str(confidence)], _START_SECONDS + _SECONDS_PER_FRAME * len(jpegs))
        with np.load(folder / "result.npz") as result:
            return Detections(result["detected"], result["points"][:, list(LANDMARK.values())])


def _run(command: list[str], timeout: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise DetectorError(f"A detector done within {timeout:g} s was wanted. Received: one still busy") from error
    if done.returncode:
        said = " | ".join(done.stderr.strip().splitlines()[-3:]) or "nothing"
        raise DetectorError(f"A detector that ends well was wanted. Received: status {done.returncode}: {said}")
