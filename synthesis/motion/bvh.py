"""Biovision Hierarchy files (BVH): joint offsets and channel values, and the forward kinematics that they mean."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from model import rotations
from model.errors import MotionError

_AXES = {"X": 0, "Y": 1, "Z": 2}
_CHANNELS = {f"{axis}{what}" for axis in _AXES for what in ("position", "rotation")}


@dataclasses.dataclass(frozen=True, eq=False)
class BvhFile:
    """One parsed file with J nodes (joints and end sites, parents first), C channels and T frames.

    Attributes:
        path: where it came from, for messages.
        names: [J] as in the file; the end site of joint X is called "X:end".
        parents: [J] index of each node's parent, -1 for the root.
        offsets: [J, 3] from the parent in the rest pose, in the file's own unit.
        channels: [J] names of each node's channels, in the order in which they are applied.
        values: [T, C] positions in the file's unit, rotations in degrees.
        fps: frames per second.
    """

    path: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    values: np.ndarray
    fps: float

    def rest_positions(self) -> np.ndarray:
        """[J, 3] positions in the rest pose, all rotations zero and the root at its offset."""
        positions = self.offsets.copy()
        for j, parent in enumerate(self.parents):
            if parent >= 0:
                positions[j] += positions[parent]
        return positions

    def forward_kinematics(self) -> tuple[np.ndarray, np.ndarray]:
        """World rotations [T, J, 3, 3] relative to the rest pose, and world positions [T, J, 3] in the file's unit.

        Rotation channels multiply in the file's order, the first one outermost. Position channels take the place of the
        joint's offset, as exporters write them.
        """
        frames = len(self.values)
        world_rot = np.empty((frames, len(self.names), 3, 3))
        world_pos = np.empty((frames, len(self.names), 3))
        column = 0
        for j, parent in enumerate(self.parents):
            rot = np.broadcast_to(np.eye(3), (frames, 3, 3))
            offset = np.tile(self.offsets[j], (frames, 1))
            for channel in self.channels[j]:
                values, axis = self.values[:, column], _AXES[channel[0]]
                column += 1
                if channel.endswith("position"):
                    offset[:, axis] = values
                else:
                    rot = rot @ rotations.rotation_about(axis, np.radians(values))
            if parent < 0:
                world_rot[:, j], world_pos[:, j] = rot, offset
            else:
                world_rot[:, j] = world_rot[:, parent] @ rot
                world_pos[:, j] = world_pos[:, parent] + (world_rot[:, parent] @ offset[..., None])[..., 0]
        return world_rot, world_pos


def read_bvh(path: str | pathlib.Path) -> BvhFile:
    """Reads a BVH file of any hierarchy and channel order.

    Raises:
        MotionError: the file cannot be read, its header does not follow the format, it holds fewer or more numbers than
            its header says, or numbers that are not finite.
    """
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise MotionError(f"A readable BVH file is needed. Received: {path} ({error.strerror})") from error
    header, marker, motion = text.partition("MOTION")
    if not marker:
        raise MotionError(f"A BVH file has a MOTION section. Received: {path}, where there is none")
    names, parents, offsets, channels = _Header(path, header.split()).parse()
    values, frame_time = _read_values(path, motion, sum(map(len, channels)))
    return BvhFile(str(path), names, parents, offsets, channels, values, _frame_rate(frame_time))


def _frame_rate(frame_time: float) -> float:
    """Frames per second; a whole number where the file's rounded frame time (0.008333 s) means one."""
    fps = 1.0 / frame_time
    return float(round(fps)) if abs(fps - round(fps)) < 1e-3 * fps else fps


def _read_values(path: str | pathlib.Path, motion: str, columns: int) -> tuple[np.ndarray, float]:
    words = motion.split()
    try:
        if words[0] != "Frames:" or words[2:4] != ["Frame", "Time:"]:
            raise ValueError(" ".join(words[:5]))
        frames, frame_time = int(words[1]), float(words[4])
        values = np.array(words[5:], dtype=np.float64)
    except (IndexError, ValueError) as error:
        raise MotionError(
            f"MOTION holds `Frames: N`, `Frame Time: s` and numbers. Received: {error} in {path}"
        ) from error
    if frames < 1 or not (np.isfinite(frame_time) and frame_time > 0):
        raise MotionError(
            f"A BVH file has at least one frame and a positive frame time. "
            f"Received: Frames: {frames}, Frame Time: {frame_time} in {path}"
        )
    if len(values) != frames * columns:
        raise MotionError(
            f"{frames} frames of {columns} channels are {frames * columns} numbers. Received: {len(values)} in {path}"
        )
    values = values.reshape(frames, columns)
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(1)))
        raise MotionError(f"Channel values are finite. Received: NaN or infinity in frame {bad} of {path}")
    return values, frame_time


class _Header:
    """Recursive-descent reader of the HIERARCHY section, over words."""

    def __init__(self, path: str | pathlib.Path, words: list[str]):
        self._path, self._words, self._at = path, words, 0
        self._names: list[str] = []
        self._parents: list[int] = []
        self._offsets: list[list[float]] = []
        self._channels: list[tuple[str, ...]] = []

    def parse(self) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray, tuple[tuple[str, ...], ...]]:
        self._expect("HIERARCHY")
        self._expect("ROOT")
        try:
            self._joint(-1)
        except RecursionError as error:
            raise self._error("a skeleton", "joints nested without end") from error
        if self._at != len(self._words):
            raise self._error("one ROOT and then MOTION", self._words[self._at])
        offsets = np.array(self._offsets)
        if not np.isfinite(offsets).all():
            raise self._error("finite offsets", "NaN or infinity")
        return tuple(self._names), tuple(self._parents), offsets, tuple(self._channels)

    def _joint(self, parent: int) -> None:
        index = self._begin(self._next(), parent)
        self._expect("CHANNELS")
        count = self._next()
        if not count.isdecimal():
            raise self._error("a number of channels", count)
        channels = tuple(self._next() for _ in range(int(count)))
        if not set(channels) <= _CHANNELS or len(set(channels)) != len(channels):
            raise self._error("CHANNELS out of " + ", ".join(sorted(_CHANNELS)), " ".join(channels))
        self._channels[index] = channels
        while (word := self._next()) != "}":
            if word == "JOINT":
                self._joint(index)
            elif word == "End":
                self._expect("Site")
                self._begin(f"{self._names[index]}:end", index)
                self._expect("}")
            else:
                raise self._error("JOINT, End Site or }", word)

    def _begin(self, name: str, parent: int) -> int:
        if name in self._names and not name.endswith(":end"):
            raise self._error("joints with names of their own", f"{name} twice")
        self._expect("{")
        self._expect("OFFSET")
        self._names.append(name)
        self._parents.append(parent)
        self._offsets.append([self._number() for _ in range(3)])
        self._channels.append(())
        return len(self._names) - 1

    def _next(self) -> str:
        if self._at == len(self._words):
            raise self._error("a whole HIERARCHY", "its end")
        self._at += 1
        return self._words[self._at - 1]

    def _expect(self, wanted: str) -> None:
        if (word := self._next()) != wanted:
            raise self._error(wanted, word)

    def _number(self) -> float:
        word = self._next()
        try:
            return float(word)
        except ValueError as error:
            raise self._error("a number", word) from error

    def _error(self, wanted: str, received: str) -> MotionError:
        return MotionError(f"The BVH header wants {wanted}. Received: {received} (word {self._at}) in {self._path}")
