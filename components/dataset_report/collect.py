"""One pass over a dataset's records: counts and histograms accumulated, samples drawn, memory bounded.

What grows with the data: one 8-byte fingerprint for each person. Everything else has a fixed size.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable

import numpy as np

from components import records
from components.dataset_report.histogram import Histogram
from components.reservoir import Reservoir
from model import conventions, rotations
from model.errors import RecordError

SPLITS = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much of a dataset is kept to be looked at.

    Attributes:
        seed: of all samples.
        frames: in the contact sheet.
        clips: that loop.
        people: whose size is measured.
        poses: in the map of poses.
    """

    seed: int = 0
    frames: int = 48
    clips: int = 6
    people: int = 1000
    poses: int = 1200


@dataclasses.dataclass(frozen=True, eq=False)
class FrameSample:
    """One frame of the contact sheet: its JPEG file and what it shows."""

    jpeg: bytes
    title: str


@dataclasses.dataclass(frozen=True, eq=False)
class PoseSample:
    """One pose of the map: rotations of the joints below the root [23, 3, 3], and the action it is from."""

    rotations: np.ndarray
    action: str


class Statistics:
    """What is known of the records read so far.

    Attributes:
        clips: Counter by split.
        frames: Counter by split.
        tables: feature -> Counter of frames.
        joint_angles: degrees of rotation of each of the 23 joints below the root.
        azimuth: degrees of the camera about the person, 0 before it, towards its own left.
        elevation: degrees of the camera above the person.
        betas: each person once.
        height_share: height of the keypoints' box over the frame's.
        visible: [19] frames in which each keypoint is visible.
        labelled: frames with 2D labels.
        sheet, loops, poses, shapes: samples.
        damaged: (file, what is wrong) of shards that could not be read to their end.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.clips: collections.Counter[str] = collections.Counter()
        self.frames: collections.Counter[str] = collections.Counter()
        self.tables: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.joint_angles = Histogram(0, 180, 90, conventions.NUM_JOINTS - 1)
        self.azimuth = Histogram(-180, 180, 72)
        self.elevation = Histogram(-90, 90, 90)
        self.betas = Histogram(-5, 5, 80, conventions.NUM_BETAS)
        self.height_share = Histogram(0, 1, 40)
        self.visible = np.zeros(conventions.NUM_KEYPOINTS, np.int64)
        self.labelled = 0
        self.bytes = 0
        self.shards = 0
        self.damaged: list[tuple[str, str]] = []
        self.sheet: Reservoir[FrameSample] = self._reservoir(settings.frames, 0)
        self.loops: Reservoir[records.Clip] = self._reservoir(settings.clips, 1)
        self.poses: Reservoir[PoseSample] = self._reservoir(settings.poses, 2)
        self.shapes: Reservoir[np.ndarray] = self._reservoir(settings.people, 3)
        self._people: dict[str, set[bytes]] = collections.defaultdict(set)

    def _reservoir(self, capacity: int, stream: int) -> Reservoir:
        return Reservoir(capacity, np.random.default_rng([self.settings.seed, stream]))

    @property
    def people(self) -> dict[str, int]:
        """Different subjects by split."""
        return {split: len(found) for split, found in self._people.items()}

    @property
    def shared_people(self) -> int:
        """Subjects that are in more than one split."""
        return sum(len(found) for found in self._people.values()) - len(set().union(*self._people.values()))

    def add(self, split: str, clip: records.Clip) -> None:
        """Counts one clip."""
        self.clips[split] += 1
        self.frames[split] += clip.length
        for feature, value in (
            ("action", clip.action), ("camera", clip.camera), ("source", clip.source), ("body", clip.body_id),
            ("frames a second", f"{clip.fps:g}"), ("frames a clip", str(clip.length)),
            ("frame size", f"{clip.frame_size[1]} x {clip.frame_size[0]}"),
        ):  # fmt: skip
            self.tables[feature][value] += clip.length
        self._add_keypoints(clip)
        if clip.subject:
            self._add_person(split, clip)
        if clip.has_smpl:
            self._add_poses(clip)
        for number, jpeg in enumerate(clip.frames):
            title = f"{clip.title} frame {number}"
            self.sheet.offer(lambda jpeg=jpeg, title=title: FrameSample(jpeg, title))  # type: ignore[misc]
        self.loops.offer(lambda: clip)

    def _add_keypoints(self, clip: records.Clip) -> None:
        self.labelled += clip.length
        self.visible += (clip.keypoints2d[..., 2] > 0).sum(0)
        some = clip.labelled.any(1)
        rows, labelled = clip.keypoints2d[some, :, 1], clip.labelled[some]
        heights = np.where(labelled, rows, -np.inf).max(1) - np.where(labelled, rows, np.inf).min(1)
        self.height_share.add(heights / clip.frame_size[0])

    def _add_person(self, split: str, clip: records.Clip) -> None:
        known = self._people[split]
        name = hashlib.blake2b(f"{clip.source}/{clip.subject}".encode(), digest_size=8).digest()
        if name not in known:
            known.add(name)
            if clip.has_smpl:
                self.betas.add(clip.betas)
                self.shapes.offer(lambda: clip.betas)

    def _add_poses(self, clip: records.Clip) -> None:
        matrices = rotations.axis_angle_to_matrix(clip.pose.reshape(clip.length, -1, 3).astype(np.float64))
        self.joint_angles.add(np.degrees(_angle(matrices[:, 1:])))
        azimuth, elevation = viewpoint(matrices[:, 0], clip.trans, clip.extrinsics)
        self.azimuth.add(np.degrees(azimuth))
        self.elevation.add(np.degrees(elevation))
        for frame in matrices:
            self.poses.offer(lambda frame=frame: PoseSample(frame[1:].copy(), clip.action))  # type: ignore[misc]


def viewpoint(root: np.ndarray, trans: np.ndarray, extrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From where a person is seen.

    Args:
        root: [T, 3, 3] global rotation in the camera frame.
        trans: [T, 3] metres, camera frame.
        extrinsics: [T, 3, 4] world to camera.

    Returns:
        Azimuth [T], radians about the world's up from where the person faces towards its own left, and elevation [T],
        radians above the horizontal plane through the person.
    """
    to_world = np.swapaxes(extrinsics[:, :, :3], 1, 2)
    outward = np.einsum("tab,tb->ta", to_world, -trans)
    forward = np.einsum("tab,tb->ta", to_world, root[:, :, 2])
    azimuth = np.arctan2(outward[:, 0], outward[:, 2]) - np.arctan2(forward[:, 0], forward[:, 2])
    elevation = np.arctan2(outward[:, 1], np.hypot(outward[:, 0], outward[:, 2]))
    return (azimuth + np.pi) % (2 * np.pi) - np.pi, elevation


def _angle(matrices: np.ndarray) -> np.ndarray:
    """Rotation angle of matrices [..., 3, 3], radians 0..pi."""
    return np.arccos(np.clip((np.trace(matrices, axis1=-2, axis2=-1) - 1) / 2, -1, 1))


def find_splits(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Shards by split: of the folders train and eval, or of the folder itself under its own name.

    Raises:
        RecordError: the folder is missing or holds no shard.
    """
    splits = {name: folder / name for name in SPLITS if (folder / name).is_dir()} or {folder.name: folder}
    found = {name: sorted(path.glob(f"*{records.SUFFIX}")) for name, path in splits.items()}
    if not any(found.values()):
        raise RecordError(f"A folder with *{records.SUFFIX} shards, or with {' and '.join(SPLITS)} of them, is needed. "
                          f"Received: {folder}")  # fmt: skip
    return found


def collect(splits: dict[str, list[pathlib.Path]], settings: Settings, progress=iter) -> Statistics:
    """Reads all shards once. A damaged shard is counted to where it breaks, and named.

    Args:
        splits: of `find_splits`.
        settings: sizes of the samples.
        progress: wraps the list of (split, shard), as tqdm does.

    Raises:
        RecordError: no shard holds a readable clip.
    """
    statistics = Statistics(settings)
    shards: Iterable[tuple[str, pathlib.Path]] = [(s, path) for s, paths in splits.items() for path in paths]
    for split, path in progress(shards):
        statistics.shards += 1
        statistics.bytes += path.stat().st_size
        try:
            for clip in records.read(path):
                statistics.add(split, clip)
        except RecordError as error:
            statistics.damaged.append((f"{split}/{path.name}", str(error)))
    if not statistics.clips:
        wrong = statistics.damaged[0][1] if statistics.damaged else "empty shards"
        raise RecordError(f"Readable clips are needed. Received: {statistics.shards} shards without any; {wrong}")
    return statistics
