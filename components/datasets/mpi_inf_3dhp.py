"""MPI-INF-3DHP (Mehta et al. 2017): markerless motion capture, eight subjects with two sequences each for training.

    S1/Seq1/annot.mat                      annot2, annot3: a cell a camera with [F, 56] pixels and [F, 84] mm
    S1/Seq1/camera.calibration             K and world to camera (mm) of 14 cameras
    S1/Seq1/imageSequence/video_0.avi      2048 x 2048, 25 or 50 frames a second, as its container says

The test set, TS1..TS6 beside S1 or in mpi_inf_3dhp_test_set/, is in components/datasets/mpi_inf_3dhp_test_set.py.

3D labels of both are `annot3`, metric and in the camera's frame; `univ_annot3` is scaled to one stature for all and is
not used: it does not project onto the image.
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
from components.datasets.mpi_inf_3dhp_test_set import TestSet, joints_of
from components.datasets.smpl_fits import SmplFits
from components.datasets.video_headers import read_header

SUBJECTS = tuple(f"S{number}" for number in range(1, 9))
SEQUENCES = ("Seq1", "Seq2")
NUM_JOINTS = 28

_VIDEO = re.compile(r"video_(\d+)\.avi")
# Left and right are swapped in these frames, says a public loader of the dataset, which leaves them out too.
_SWAPPED_AT_SOURCE = {"S4/Seq2": slice(3759, 5853)}
# K [3, 3] and world to camera [3, 4] in metres.
Camera = tuple[np.ndarray, np.ndarray]


class MPIInf3DHP:
    """Reader of MPI-INF-3DHP."""

    name = "mpi_inf_3dhp"
    page = "https://vcai.mpi-inf.mpg.de/3dhp-dataset"
    joint_map = "mpi_inf_3dhp"

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)
        self._settings = settings
        self._test_set = TestSet(self._root, settings, self.name)

    def check(self) -> Iterator[Finding]:
        """What is there, from listings and the headers of videos."""
        yield Finding("found", "3D labels: annot3, millimetres in the camera's frame; univ_annot3 is not used")
        yield Finding("found", f"joint order: {NUM_JOINTS} joints for training, 17 for test; 14 of the 19 keypoints")
        gone: dict[str, list[str]] = {}
        for subject in SUBJECTS:
            for sequence in SEQUENCES:
                folder, item = self._root / subject / sequence, f"{subject}/{sequence}"
                videos = _videos(folder)
                needed = [name for name in ("annot.mat", "camera.calibration") if not (folder / name).is_file()]
                needed += [] if videos else ["imageSequence/video_0.avi and so on"]
                if needed:
                    gone.setdefault(", ".join(needed), []).append(item)
                yield from self._check_videos(item, videos)
        for needed_files, items in gone.items():
            yield Finding("missing", f"{', '.join(items)} (train): {needed_files}; from {self.page}")
        yield from self._test_set.check(self.page)
        if self._settings.smpl:
            yield Finding("found", f"{SmplFits(self._settings.smpl).count()} files of SMPL fits")

    def _check_videos(self, item: str, videos: dict[str, pathlib.Path]) -> Iterator[Finding]:
        headers = {}
        for path in videos.values():
            try:
                headers[path.name] = read_header(path)
            except DatasetError as error:
                yield Finding("odd", f"{item}/{path.name}: {error}")
        if headers:
            rates = " and ".join(sorted({f"{header.fps:g}" for header in headers.values()}))
            yield Finding("found", f"{item} (train): {len(headers)} videos, {rates} fps")
            longest = max(header.frames for header in headers.values())
            for name, header in headers.items():
                if header.frames < longest:
                    yield Finding("odd", f"{item}/{name} has {header.frames} frames, others have {longest}")
            if item in _SWAPPED_AT_SOURCE:
                yield Finding("odd", f"{item}: frames with left and right swapped at the source are left out")

    def clips(self) -> Iterator[PersonClip | Fault]:
        """All clips, the training set first; see Reader."""
        fits = SmplFits(self._settings.smpl)
        there = [
            (subject, sequence)
            for subject in SUBJECTS
            for sequence in SEQUENCES
            if (self._root / subject / sequence / "annot.mat").is_file()
        ]
        if not there and not self._test_set.names():
            raise DatasetError(
                "A folder with S1/Seq1/annot.mat and so on, or TS1/annot_data.mat, is needed "
                f"(from {self.page}). Received: {self._root}"
            )
        for subject, sequence in there:
            try:
                yield from self._sequence(subject, sequence, fits)
            except DatasetError as error:
                yield Fault(f"{subject}/{sequence}", str(error))
        yield from self._test_set.clips(fits)

    def _sequence(self, subject: str, sequence: str, fits: SmplFits) -> Iterator[PersonClip | Fault]:
        folder = self._root / subject / sequence
        calibration = read_calibration(folder / "camera.calibration")
        cells = read_arrays(folder / "annot.mat", ("annot2", "annot3", "cameras"))
        if "annot2" not in cells or "annot3" not in cells:
            raise DatasetError("An annot.mat with annot2 and annot3 is needed. Received: another")
        annot2, annot3 = cells["annot2"].ravel(), cells["annot3"].ravel()
        # Cells are in the order of `cameras`; conversions leave it out.
        cameras = cells.get("cameras", np.arange(len(annot3))).ravel().astype(int)
        labels = {str(camera): cell for camera, *cell in zip(cameras, annot2, annot3, strict=False)}
        # Few have the videos of all 14 cameras.
        for camera, path in _videos(folder).items():
            item = f"{subject}/{sequence}.{camera}"
            if camera not in labels or camera not in calibration:
                yield Fault(item, "a video without labels or calibration")
                continue
            try:
                video = self._video(item, path, labels[camera], calibration[camera], fits)
            except DatasetError as error:
                yield Fault(item, str(error))
                continue
            if f"{subject}/{sequence}" in _SWAPPED_AT_SOURCE:
                yield Fault(item, "frames with left and right swapped at the source: left out")
            yield from video.clips(self._settings)

    def _video(
        self, item: str, path: pathlib.Path, labels: list[np.ndarray], lens: Camera, fits: SmplFits
    ) -> LabelledVideo:
        place, camera = item.rsplit(".", 1)
        subject, sequence = place.split("/")
        joints2d, joints3d = joints_of(labels[0], NUM_JOINTS, 2), joints_of(labels[1], NUM_JOINTS, 3) / 1000.0
        usable = np.ones(len(joints3d), bool)
        usable[_SWAPPED_AT_SOURCE.get(place, slice(0))] = False
        fields: dict[str, Any] = {
            "split": "train",
            "source": self.name,
            "media": path.relative_to(self._root).as_posix(),
            "subject": subject,
            "camera": camera,
            "intrinsics": lens[0].astype(np.float32),
            "extrinsics": lens[1].astype(np.float32),
        }
        header = read_header(path)
        return LabelledVideo(item, self.joint_map, header, joints2d, joints3d, fields, sequence, fits, usable)


def read_calibration(path: pathlib.Path) -> dict[str, Camera]:
    """Cameras of a calibration file by name.

    Seven lines a camera: name, sensor, size, animated, intrinsic and extrinsic (4 x 4, row by row, mm), radial (0: the
    videos are undistorted).

    Raises:
        DatasetError: the file is missing or of another layout. The message names no file.
    """
    cameras: dict[str, Camera] = {}
    name, intrinsics = "", np.eye(3)
    try:
        for word, *values in (line.split() for line in path.read_text().splitlines() if line.strip()):
            if word == "name":
                name = values[0]
            elif word == "intrinsic":
                intrinsics = np.array(values, np.float64).reshape(4, 4)[:3, :3]
            elif word == "extrinsic":
                extrinsics = np.array(values, np.float64).reshape(4, 4)[:3]
                extrinsics[:, 3] /= 1000.0
                cameras[name] = intrinsics, extrinsics
    except (OSError, ValueError, LookupError) as error:
        raise DatasetError("A camera.calibration of the dataset is needed. Received: none or another") from error
    return cameras


def _videos(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Videos of a sequence by camera, in the order of the cameras' numbers."""
    found = ((_VIDEO.fullmatch(path.name), path) for path in folder.glob("imageSequence/*.avi"))
    cameras = {int(match[1]): path for match, path in found if match}
    return {str(camera): cameras[camera] for camera in sorted(cameras)}
