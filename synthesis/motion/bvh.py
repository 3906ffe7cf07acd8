"""Biovision Hierarchy files (BVH): joint offsets and channel values, and the forward kinematics that they mean."""

from __future__ import annotations

import pathlib

import numpy as np

from model import rotations
from model.errors import MotionError
from synthesis.motion.skeleton import SkeletonMotion, chain

_AXES = {"X": 0, "Y": 1, "Z": 2}
_CHANNELS = {f"{axis}{what}" for axis in _AXES for what in ("position", "rotation")}
Channels = tuple[tuple[str, ...], ...]


def read_bvh(path: str | pathlib.Path) -> SkeletonMotion:
    """Reads a BVH file of any hierarchy and channel order.

    The end site of joint X is called "X:end". Rotation channels multiply in the file's order, the first one outermost.
    Position channels take the place of the joint's offset, as exporters write them. The format states no unit.

    Raises:
        MotionError: the file cannot be read, its header does not follow the format, it holds fewer or more numbers than
            its header says, or numbers that are not finite. The message names the line, or the frame (from 0).
    """
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise MotionError(f"A readable BVH file is needed. Received: {path} ({error.strerror})") from error
    header, marker, motion = text.partition("MOTION")
    if not marker:
        raise MotionError(f"A BVH file has a MOTION section. Received: {path}, where there is none")
    names, parents, offsets, channels = _Header(path, header).parse()
    values, frame_time = _read_values(path, motion, sum(map(len, channels)), header.count("\n") + 1)
    rest = offsets.copy()
    for j, parent in enumerate(parents):
        if parent >= 0:
            rest[j] += rest[parent]
    with np.errstate(over="ignore", invalid="ignore"):
        world_rot, world_pos = chain(parents, *_local_transforms(offsets, channels, values))
    return SkeletonMotion(str(path), names, parents, rest, world_rot, world_pos, _frame_rate(frame_time))


def _local_transforms(offsets: np.ndarray, channels: Channels, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T, J, 3, 3] and offsets [T, J, 3] relative to the parents, of channel values [T, C]."""
    local_rot = np.empty((len(values), len(offsets), 3, 3))
    local_rot[:] = np.eye(3)
    local_offsets = np.tile(offsets, (len(values), 1, 1))
    column = 0
    for j, names in enumerate(channels):
        for channel in names:
            axis, value = _AXES[channel[0]], values[:, column]
            if channel.endswith("position"):
                local_offsets[:, j, axis] = value
            else:
                local_rot[:, j] = local_rot[:, j] @ rotations.rotation_about(axis, np.radians(value))
            column += 1
    return local_rot, local_offsets


def _frame_rate(frame_time: float) -> float:
    """Frames per second; a whole number where the file's rounded frame time (0.008333 s) means one."""
    fps = 1.0 / frame_time
    return float(round(fps)) if abs(fps - round(fps)) < 1e-3 * fps else fps


def _read_values(path: str | pathlib.Path, motion: str, columns: int, line: int) -> tuple[np.ndarray, float]:
    """Channel values [T, C] and the frame time of the section that begins on `line` of the file."""
    words = motion.split()
    try:
        if words[0] != "Frames:" or words[2:4] != ["Frame", "Time:"]:
            raise ValueError(" ".join(words[:5]))
        frames, frame_time = int(words[1]), float(words[4])
    except (IndexError, ValueError) as error:
        raise MotionError(
            f"MOTION holds `Frames: N`, `Frame Time: s` and numbers. Received: {error} after line {line} of {path}"
        ) from error
    if frames < 1 or not (np.isfinite(frame_time) and frame_time > 0):
        raise MotionError(
            f"A BVH file has at least one frame and a positive frame time. "
            f"Received: Frames: {frames}, Frame Time: {frame_time} in {path}"
        )
    try:
        values = np.array(words[5:], dtype=np.float64)
    except ValueError as error:
        raise MotionError(
            f"Channel values are numbers. Received: {error}, {_first_bad(motion, line)} of {path}"
        ) from error
    if len(values) != frames * columns:
        raise MotionError(
            f"{frames} frames of {columns} channels are {frames * columns} numbers. Received: {len(values)} in {path}, "
            f"which suffices for {len(values) // max(columns, 1)} frames"
        )
    values = values.reshape(frames, columns)
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(1)))
        raise MotionError(f"Channel values are finite. Received: NaN or infinity in frame {bad} of {path}")
    return values, frame_time


def _first_bad(motion: str, line: int) -> str:
    """Where the first word is that is no number, after the line of the frame time."""
    for number, row in enumerate(motion.split("\n"), start=line):
        if ":" not in row:
            for word in row.split():
                try:
                    float(word)
                except ValueError:
                    return f"line {number}"
    return "in the line of the frame time"


class _Header:
    """Recursive-descent reader of the HIERARCHY section, over words."""

    def __init__(self, path: str | pathlib.Path, text: str):
        self._path, self._at = path, 0
        self._words = [(word, line) for line, row in enumerate(text.split("\n"), start=1) for word in row.split()]
        self._names: list[str] = []
        self._parents: list[int] = []
        self._offsets: list[list[float]] = []
        self._channels: list[tuple[str, ...]] = []

    def parse(self) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray, Channels]:
        self._expect("HIERARCHY")
        self._expect("ROOT")
        try:
            self._joint(-1)
        except RecursionError as error:
            raise self._error("a skeleton", "joints nested without end") from error
        if self._at != len(self._words):
            raise self._error("one ROOT and then MOTION", self._next())
        return tuple(self._names), tuple(self._parents), np.array(self._offsets), tuple(self._channels)

    def _joint(self, parent: int) -> None:
        index = self._begin(self._name(), parent)
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

    def _name(self) -> str:
        """A joint's name up to the end of the line: 3ds Max writes names with spaces."""
        words = [self._next()]
        for word, line in self._words[self._at :]:
            if word == "{" or line != self._line():
                break
            words.append(self._next())
        name = " ".join(words)
        if name in self._names:
            raise self._error("joints with names of their own", f"{name} twice")
        return name

    def _begin(self, name: str, parent: int) -> int:
        self._expect("{")
        self._expect("OFFSET")
        self._names.append(name)
        self._parents.append(parent)
        self._offsets.append([self._number() for _ in range(3)])
        self._channels.append(())
        return len(self._names) - 1

    def _line(self) -> int:
        """Of the word read last."""
        return self._words[self._at - 1][1]

    def _next(self) -> str:
        if self._at == len(self._words):
            raise self._error("a whole HIERARCHY", "its end")
        self._at += 1
        return self._words[self._at - 1][0]

    def _expect(self, wanted: str) -> None:
        if (word := self._next()) != wanted:
            raise self._error(wanted, word)

    def _number(self) -> float:
        word = self._next()
        try:
            number = float(word)
        except ValueError as error:
            raise self._error("a number", word) from error
        if not np.isfinite(number):
            raise self._error("finite offsets", word)
        return number

    def _error(self, wanted: str, received: str) -> MotionError:
        line = self._line() if self._words else 1
        return MotionError(f"The BVH header wants {wanted}. Received: {received} (line {line}) in {self._path}")
