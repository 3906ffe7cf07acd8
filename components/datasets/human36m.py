"""Human3.6M (Ionescu et al. 2014): videos of a motion capture studio, four cameras.

The official tree of a subject, in one of three layouts of the same archives:

    S1/MyPoseFeatures/D3_Positions_mono/Directions 1.54138969.cdf    [1, F, 96] mm in the camera's frame
    S1/MyPoseFeatures/D2_Positions/Directions 1.54138969.cdf         [1, F, 64] pixels
    S1/MyPoseFeatures/D3_Positions/Directions 1.cdf                  [1, F, 96] mm in the world
    S1/Videos/Directions 1.54138969.mp4                              50 frames a second
    metadata.xml                                                     cameras; in the code archive of the release

also as S1/Poses_D2_Positions/... and D2_Positions/S1/..., and the conversions `.cdf.mat` (`data`, a cell with [F, 96])
and S1/MyPoses/3D_positions/*.h5 (`3D_positions` [96, F], world). What is missing of D3_Positions_mono and D2_Positions
is computed from the world and metadata.xml. Without metadata.xml K is fitted to the labels and there are no extrinsics.

2D labels are taken as they are, as public readers do; none says whether their pixels begin at 0 or at 1. They contain
the lens's distortion, which K of a record does not. With the release's coefficients K of metadata.xml alone is off by
1.0 px in the mean and 3.6 px at most for a body 4 m away in the middle of the image, by up to 6 px in the image's
middle half and by 31 px in its corners; a fitted K by 0.4 px and 1.4 px for that body.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings
from components.datasets.human36m_cameras import CAMERAS, LensCamera, find_metadata, read_cameras
from components.datasets.labelled_videos import LabelledVideo
from components.datasets.matlab_files import read_arrays
from components.datasets.pinhole_fit import fit_intrinsics
from components.datasets.smpl_fits import SmplFits
from components.datasets.video_headers import SUFFIXES, read_header

# The split of Kanazawa et al. 2018 and most others.
SPLITS = {"S1": "train", "S5": "train", "S6": "train", "S7": "train", "S8": "train", "S9": "eval", "S11": "eval"}
# Protocol 2 takes the frontal camera only.
FRONTAL_CAMERA = "60457274"
ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting",
    "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether",
)  # fmt: skip
NUM_JOINTS = 32

# S1 calls some actions by other names than the rest.
_OTHER_NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog", "WalkingTogether": "WalkTogether"}
# Whole sessions of a subject, without an action.
_WHOLE_SESSION = "ALL"
_DAMAGED_AT_SOURCE = {("S11", "Directions", "54138969")}
# Their labels lie 200 mm beside the person (found by Iskakov et al. 2019 and Sárándi et al. 2020); published figures
# contain them as they are.
_SHIFTED_AT_SOURCE = (("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1"))
_LABEL_SUFFIXES = (".cdf", ".mat", ".h5")
_FOLDERS = {
    "D3_Positions_mono": ("{s}/MyPoseFeatures/{k}", "{s}/Poses_{k}", "{k}/{s}"),
    "D2_Positions": ("{s}/MyPoseFeatures/{k}", "{s}/Poses_{k}", "{k}/{s}"),
    "D3_Positions": ("{s}/MyPoseFeatures/{k}", "{s}/Poses_{k}", "{k}/{s}", "{s}/MyPoses/3D_positions"),
    "Videos": ("{s}/Videos", "{k}/{s}"),
}
# Files of one kind: (sequence as "Directions 1", camera or "") -> path.
Files = dict[tuple[str, str], pathlib.Path]


class Human36M:
    """Reader of Human3.6M."""

    name = "human36m"
    page = "http://vision.imar.ro/human3.6m"
    joint_map = "human36m"

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)
        self._settings = settings

    def check(self) -> Iterator[Finding]:
        """What is there, from listings and the header of one video a subject."""
        metadata = find_metadata(self._root)
        if metadata:
            yield Finding("found", f"cameras of {metadata.relative_to(self._root)}")
        else:
            yield Finding("missing", f"metadata.xml: K is fitted, no extrinsics; it comes with the code of {self.page}")
        yield Finding("found", f"joint order: the release's skeleton of {NUM_JOINTS}; 14 of the 19 keypoints")
        gone: dict[str, list[str]] = {}
        for subject in SPLITS:
            kinds = {kind: self._files(subject, kind) for kind in _FOLDERS}
            takes = _takes(kinds, bool(metadata))
            if takes and kinds["Videos"]:
                yield from self._check_subject(subject, kinds, takes)
            else:
                gone.setdefault("labels" if kinds["Videos"] else "videos", []).append(subject)
        for what, subjects in gone.items():
            yield Finding("missing", f"{what} of {', '.join(subjects)}; they come from {self.page}")
        if self._settings.smpl:
            yield Finding("found", f"{SmplFits(self._settings.smpl).count()} files of SMPL fits")

    def _check_subject(self, subject: str, kinds: dict[str, Files], takes: list[tuple[str, str]]) -> Iterator[Finding]:
        videos = kinds["Videos"]
        used = [take for take in takes if take in videos]
        kind = "D3_Positions_mono" if kinds["D3_Positions_mono"] else "D3_Positions seen through metadata.xml"
        counts = f"{len(used)} of {len(takes)} labelled takes have their video"
        yield Finding("found", f"{subject} ({SPLITS[subject]}): {counts}; labels of {kind}")
        whole = sum(sequence.startswith(_WHOLE_SESSION) for sequence, _ in {*takes, *videos})
        if whole:
            yield Finding("odd", f"{subject}: {whole} takes named _{_WHOLE_SESSION}, whole sessions, are left out")
        for take in used:
            if (subject, *take) in _DAMAGED_AT_SOURCE:
                yield Finding("odd", f"{subject}/{'.'.join(take)} is damaged at the source and left out")
        for _, sequence in (entry for entry in _SHIFTED_AT_SOURCE if entry[0] == subject):
            if any(take[0] == sequence for take in used):
                yield Finding("odd", f"{subject}/{sequence}: labels lie 200 mm beside the person at the source; kept")
        if used:
            try:
                header = read_header(videos[used[0]])
                size = f"{header.width} x {header.height}"
                yield Finding("found", f"{subject}: {videos[used[0]].name}: {header.fps:g} fps, {size} pixels")
            except DatasetError as error:
                yield Finding("odd", f"{videos[used[0]].relative_to(self._root)}: {error}")

    def clips(self) -> Iterator[PersonClip | Fault]:
        """All clips, a subject after the other; see Reader."""
        metadata = find_metadata(self._root)
        cameras = read_cameras(metadata) if metadata else {}
        fits = SmplFits(self._settings.smpl)
        empty = True
        for subject in SPLITS:
            kinds = {kind: self._files(subject, kind) for kind in _FOLDERS}
            takes = _takes(kinds, bool(cameras))
            for take in takes:
                empty = False
                yield from self._take(subject, take, kinds, cameras.get((subject, take[1])), fits)
            for sequence, camera in sorted(set(kinds["Videos"]) - set(takes)):
                if not sequence.startswith(_WHOLE_SESSION):
                    yield Fault(f"{subject}/{sequence}.{camera}", "a video without labels")
        if empty:
            raise DatasetError(
                "A folder with S1/MyPoseFeatures/D3_Positions_mono and so on is needed, or D3_Positions with "
                f"metadata.xml and S1/Videos (from {self.page}). Received: {self._root}"
            )

    def _take(
        self, subject: str, take: tuple[str, str], kinds: dict[str, Files], lens: LensCamera | None, fits: SmplFits
    ) -> Iterator[PersonClip | Fault]:
        sequence, camera = take
        item, action = f"{subject}/{sequence}.{camera}", sequence.partition(" ")[0]
        reason = _unusable(subject, take, action)
        if sequence.startswith(_WHOLE_SESSION):
            return
        if reason or take not in kinds["Videos"]:
            yield Fault(item, reason or "labels without a video")
            return
        video = kinds["Videos"][take]
        try:
            header = read_header(video)
            joints3d, joints2d = _labels(take, kinds, lens)
            common = min(len(joints3d), len(joints2d))
            intrinsics = lens.intrinsics if lens else fit_intrinsics(joints3d[:common], joints2d[:common])
        except DatasetError as error:
            yield Fault(item, str(error))
            return
        fields: dict[str, Any] = {
            "split": SPLITS[subject],
            "source": self.name,
            "media": video.relative_to(self._root).as_posix(),
            "subject": subject,
            "action": action,
            "camera": camera,
            "intrinsics": intrinsics.astype(np.float32),
            "extrinsics": lens.extrinsics.astype(np.float32) if lens else None,
            "protocols": ("1", "2") if camera == FRONTAL_CAMERA else ("1",),
        }
        labelled = LabelledVideo(item, self.joint_map, header, joints2d, joints3d, fields, sequence, fits)
        yield from labelled.clips(self._settings)

    def _files(self, subject: str, kind: str) -> Files:
        places = (self._root / place.format(s=subject, k=kind) for place in _FOLDERS[kind])
        folder = next((place for place in places if place.is_dir()), None)
        suffixes = SUFFIXES if kind == "Videos" else _LABEL_SUFFIXES
        files: Files = {}
        for path in sorted(folder.iterdir()) if folder else ():
            if path.suffix.lower() in suffixes and not path.name.startswith("."):
                files.setdefault(_parsed(path.name), path)
        return files


def _parsed(name: str) -> tuple[str, str]:
    """File name -> sequence and camera: "WalkingDog_1.54138969.cdf.mat" -> ("WalkDog 1", "54138969")."""
    sequence, *rest = name.split(".")
    action, *number = sequence.replace("_", " ").split() or [""]
    camera = rest[0] if rest[0].isdigit() else ""
    return " ".join([_OTHER_NAMES.get(action, action), *number]), camera


def _takes(kinds: dict[str, Files], world: bool) -> list[tuple[str, str]]:
    """Sequences and cameras with 3D labels, sorted; of those in the world the ones with a video."""
    takes = {take for take in kinds["D3_Positions_mono"] if take[1]}
    if world:
        takes |= {take for take in kinds["Videos"] if (take[0], "") in kinds["D3_Positions"] and take[1] in CAMERAS}
    return sorted(takes)


def _unusable(subject: str, take: tuple[str, str], action: str) -> str:
    """Why a take gives nothing, or ""."""
    if (subject, *take) in _DAMAGED_AT_SOURCE:
        return "damaged at the source"
    if action not in ACTIONS:
        return "a name that is none of the 15 actions"
    return "" if take[1] in CAMERAS else "a camera that is none of the four"


def _labels(take: tuple[str, str], kinds: dict[str, Files], lens: LensCamera | None) -> tuple[np.ndarray, np.ndarray]:
    """3D [F, 32, 3] metres in the camera's frame and 2D [F', 32, 2] pixels of one video."""
    if take in kinds["D3_Positions_mono"]:
        joints3d = read_positions(kinds["D3_Positions_mono"][take], 3) / 1000.0
    elif lens:
        joints3d = lens.seen(read_positions(kinds["D3_Positions"][take[0], ""], 3) / 1000.0)
    if take in kinds["D2_Positions"]:
        return joints3d, read_positions(kinds["D2_Positions"][take], 2)
    if lens is None:
        raise DatasetError("D2_Positions or metadata.xml is needed. Received: neither")
    return joints3d, lens.project(joints3d)


def read_positions(path: pathlib.Path, dimensions: int) -> np.ndarray:
    """Joints [F, 32, dimensions] of one file in the release's units.

    Raises:
        DatasetError: the file is damaged or of another layout. The message names no file.
    """
    stored = _stored(path)
    numeric = np.issubdtype(stored.dtype, np.number)
    if not numeric or stored.ndim != 2 or stored.shape[1] != NUM_JOINTS * dimensions:
        raise DatasetError("Positions of 32 joints in each frame are needed. Received: another number")
    return stored.reshape(len(stored), NUM_JOINTS, dimensions).astype(np.float64)


def _stored(path: pathlib.Path) -> np.ndarray:
    """[F, 32 * dimensions] as the file has it."""
    if path.suffix.lower() == ".mat":
        array = read_arrays(path, ["data"]).get("data", np.empty(0))
        return np.asarray(array.flat[0]) if array.dtype == object and array.size else array
    try:
        if path.suffix.lower() == ".h5":
            import h5py

            with h5py.File(path, "r") as file:
                return file["3D_positions"][()].T
        import cdflib

        return np.asarray(cdflib.CDF(path).varget("Pose"))[0]
    except Exception as error:  # cdflib and h5py let errors of many kinds through
        raise DatasetError("A file of positions that can be read is needed. Received: a damaged one") from error
