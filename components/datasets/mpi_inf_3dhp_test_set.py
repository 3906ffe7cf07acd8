"""The test set of MPI-INF-3DHP (Mehta et al. 2017): six sequences of images, indoors and outdoors.

    TS1/annot_data.mat                 annot2, annot3 [F, 1, 17, 2 or 3], valid_frame, activity_annotation [F, 1] (HDF5)
    TS1/imageSequence/img_000001.jpg   frame 1; 2048 x 2048, or 1920 x 1080 in TS5 and TS6

Its cameras lie apart from its labels, and the lens of TS5 and TS6 is bent: K is fitted to the labels. No frame rate is
said anywhere.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings
from components.datasets.labelled_videos import LabelledVideo
from components.datasets.matlab_files import read_arrays
from components.datasets.pinhole_fit import fit_intrinsics
from components.datasets.smpl_fits import SmplFits
from components.datasets.video_headers import VideoHeader

SEQUENCES = tuple(f"TS{number}" for number in range(1, 7))
# mpii_get_activity_name.m of the test set; its numbers begin at 1.
ACTIVITIES = (
    "Standing/Walking", "Exercising", "Sitting", "Reaching/Crouching", "On The Floor", "Sports", "Miscellaneous",
)  # fmt: skip
# The rate of most of the training set, for want of another.
FPS = 25.0
NUM_JOINTS = 17
JOINT_MAP = "mpi_inf_3dhp_test"
# One camera, of no name.
CAMERA = "0"

_LABELS = "annot_data.mat"
_IMAGE = re.compile(r"img_(\d{6})\.jpg")


class TestSet:
    """TS1..TS6 below a folder, as part of the reader of the whole dataset.

    Args:
        root: of the dataset.
        settings: of the reader.
        source: name of the dataset.
    """

    __test__ = False  # for pytest, which takes the name for its own

    def __init__(self, root: pathlib.Path, settings: ReaderSettings, source: str):
        self._root, self._settings, self._source = root, settings, source

    def names(self) -> list[str]:
        """Sequences that have labels."""
        return [name for name in SEQUENCES if (self._folder(name) / _LABELS).is_file()]

    def check(self, page: str) -> Iterator[Finding]:
        """What is there, from listings."""
        gone = []
        for name in SEQUENCES:
            folder = self._folder(name)
            numbers = _numbers(folder)
            if not numbers or not (folder / _LABELS).is_file():
                gone.append(name)
                continue
            yield Finding("found", f"{name} (eval): {len(numbers)} images; {FPS:g} fps is assumed, none is said")
            if numbers[-1] != len(numbers):
                yield Finding("odd", f"{name}: {numbers[-1] - len(numbers)} images between are not there")
        if gone:
            needed = f"{_LABELS}, imageSequence/img_000001.jpg and so on"
            yield Finding("missing", f"{', '.join(gone)} (eval): {needed}; from {page}")

    def clips(self, fits: SmplFits) -> Iterator[PersonClip | Fault]:
        """Clips of valid frames of one activity each."""
        for name in self.names():
            try:
                yield from self._sequence(name, fits)
            except DatasetError as error:
                yield Fault(name, str(error))

    def _sequence(self, name: str, fits: SmplFits) -> Iterator[PersonClip | Fault]:
        folder = self._folder(name)
        numbers = _numbers(folder)
        if not numbers:
            raise DatasetError("Images img_000001.jpg and so on are needed. Received: none")
        arrays = read_arrays(folder / _LABELS, ("annot2", "annot3", "valid_frame", "activity_annotation"))
        if not {"annot2", "annot3", "valid_frame"} <= set(arrays):
            raise DatasetError("annot2, annot3 and valid_frame are needed. Received: another annot_data.mat")
        # To MATLAB they are [2 or 3, 17, 1, F].
        joints2d = joints_of(arrays["annot2"].T, NUM_JOINTS, 2)
        joints3d = joints_of(arrays["annot3"].T, NUM_JOINTS, 3) / 1000.0
        common = min(len(joints2d), len(joints3d))
        header = VideoHeader(numbers[-1], FPS, *_image_size(folder, numbers))
        there = np.zeros(header.frames, bool)
        there[np.array(numbers) - 1] = True
        valid = there & (_row(arrays["valid_frame"], len(there)) > 0)
        activities = _row(arrays.get("activity_annotation", np.zeros(0)), len(there)).astype(int)
        activities[(activities < 0) | (activities > len(ACTIVITIES))] = 0
        actions = np.array(["", *ACTIVITIES])[activities]
        fields: dict[str, Any] = {
            "split": "eval",
            "source": self._source,
            "media": (folder / "imageSequence" / "img_%06d.jpg").relative_to(self._root).as_posix(),
            "subject": name,
            "camera": CAMERA,
            "intrinsics": fit_intrinsics(joints3d[:common], joints2d[:common]).astype(np.float32),
        }
        video = LabelledVideo(
            name, JOINT_MAP, header, joints2d, joints3d, fields, name, fits, valid, actions, first_number=1
        )
        yield from video.clips(self._settings)

    def _folder(self, name: str) -> pathlib.Path:
        places = (self._root / name, self._root / "mpi_inf_3dhp_test_set" / name)
        return next((place for place in places if place.is_dir()), places[0])


def joints_of(stored: np.ndarray, count: int, dimensions: int) -> np.ndarray:
    """[F, count, dimensions] of an array of F times as many numbers; float32, since 14 cameras of float64 are much.

    Raises:
        DatasetError: it holds another number of them.
    """
    if not np.issubdtype(stored.dtype, np.number) or stored.size != len(stored) * count * dimensions:
        raise DatasetError("The joints of every frame are needed. Received: another number")
    return stored.reshape(-1, count, dimensions).astype(np.float32)


def _row(stored: np.ndarray, length: int) -> np.ndarray:
    """One number for each of so many frames, 0 where none is stored."""
    row = np.zeros(length)
    values = stored.ravel()[:length]
    row[: len(values)] = values
    return row


def _numbers(folder: pathlib.Path) -> list[int]:
    """Numbers of the images, ascending from 1."""
    matches = (_IMAGE.fullmatch(path.name) for path in folder.glob("imageSequence/*.jpg"))
    return sorted(number for match in matches if match and (number := int(match[1])) > 0)


def _image_size(folder: pathlib.Path, numbers: list[int]) -> tuple[int, int]:
    """Width and height by the header of the first image that has one."""
    import PIL.Image

    for number in numbers:
        try:
            with PIL.Image.open(folder / "imageSequence" / f"img_{number:06d}.jpg") as image:
                return image.size
        except OSError:
            continue
    raise DatasetError("Images that can be opened are needed. Received: damaged ones")
