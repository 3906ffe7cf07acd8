"""A library of motions: one npz file a clip, and an index that says where each came from and on what terms.

    LIBRARY/index.json          {"format": "mviper motion library", "version": 1, "clips": [entry, ...]}
    LIBRARY/clips/NAME.npz      pose [T, 72] and root [T, 3] float32, fps, name, kind: the fields of `Motion`

Clips are free of any particular body. One process writes a library at a time.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import zipfile
import zlib
from typing import Any

import numpy as np

from model.errors import MotionError
from model.storage import write_json, written_aside
from synthesis.motion.motion import Motion

INDEX = "index.json"
_CLIPS = "clips"
_FORMAT, _VERSION = "mviper motion library", 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}")
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One clip of a library.

    Attributes:
        name: of its own in the library.
        kind: of motion, as in `Motion`.
        frames: T.
        fps: frames per second.
        seconds: from the first frame to the last.
        source: name of the file that the clip was read from, or how it was made.
        sha256: of what the clip was made from; the same source is not taken twice.
        licence: terms on which the clip may be used.
        credit: what these terms ask to be said, or empty.
    """

    name: str
    kind: str
    frames: int
    fps: float
    seconds: float
    source: str
    sha256: str
    licence: str
    credit: str

    @property
    def file(self) -> str:
        """Path of the clip within the library."""
        return f"{_CLIPS}/{self.name}.npz"


class ClipLibrary:
    """The clips of one folder.

    Example:
        library = ClipLibrary.open("motions", create=True)
        library.add(motion, source="01_01.bvh", sha256=digest, licence="CMU", credit="mocap.cs.cmu.edu")
        walk = library.load("07_01")
    """

    def __init__(self, folder: pathlib.Path, entries: tuple[Entry, ...]):
        """Use `open`."""
        self.folder = folder
        self._entries = {entry.name: entry for entry in entries}

    @classmethod
    def open(cls, folder: str | pathlib.Path, create: bool = False) -> ClipLibrary:
        """Opens a library; a new one has no file until something is added.

        Raises:
            MotionError: there is no library and none is to be made, or its index is damaged or of another version.
        """
        folder = pathlib.Path(folder)
        if not is_library(folder):
            if create and not folder.is_file():
                return cls(folder, ())
            raise MotionError(f"A motion library, a folder with {INDEX}, is needed. Received: {folder}")
        path = folder / INDEX
        try:
            stored = json.loads(path.read_bytes())
            if (stored["format"], stored["version"]) != (_FORMAT, _VERSION):
                raise ValueError(f"format {stored['format']!r}, version {stored['version']!r}")
            entries = tuple(Entry(**_checked(entry)) for entry in stored["clips"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise MotionError(
                f"An index of {_FORMAT!r}, version {_VERSION}, is needed. "
                f"Received: {path} ({type(error).__name__}: {error})"
            ) from error
        if len({entry.name for entry in entries}) != len(entries):
            raise MotionError(f"Clips have names of their own. Received: a name twice in {path}")
        return cls(folder, entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All clips, by name."""
        return tuple(sorted(self._entries.values(), key=lambda entry: entry.name))

    def path(self, name: str) -> pathlib.Path:
        """The file of a clip.

        Raises:
            MotionError: there is no such clip.
        """
        if name not in self._entries:
            raise MotionError(f"A clip of {self.folder} is needed: {_some(self._entries)}. Received: {name!r}")
        return self.folder / self._entries[name].file

    def load(self, name: str) -> Motion:
        """Reads a clip.

        Raises:
            MotionError: there is no such clip, or its file is missing or damaged.
        """
        return read_clip(self.path(name))

    def holding(self, sha256: str) -> Entry | None:
        """The clip that was made from this source, if there is one."""
        return next((entry for entry in self._entries.values() if entry.sha256 == sha256), None)

    def free_name(self, *wishes: str) -> str:
        """The first of some names that no clip has, else a numbered one, in letters that every file system takes."""
        tidy = [re.sub(r"[^A-Za-z0-9._+-]+", "-", wish).strip("-.")[:120] or "clip" for wish in wishes]
        numbered = (f"{tidy[-1]}-{number}" for number in range(2, len(self._entries) + 3))
        # Some file systems take 01A and 01a for one name.
        taken = {name.lower() for name in self._entries}
        return next(name for name in (*tidy, *numbered) if name.lower() not in taken)

    def add(self, motion: Motion, source: str, sha256: str, licence: str, credit: str = "") -> Entry:
        """Adds a motion under its own name: first the clip, then the index, which so never names what is not there.

        Raises:
            MotionError: the name is taken or cannot be a file's, or the source is there already.
            OSError: the folder cannot be written.
        """
        if not _NAME.fullmatch(motion.name) or motion.name in self._entries:
            raise MotionError(f"A clip has a name of its own, of letters, digits and ._+-. Received: {motion.name!r}")
        if twin := self.holding(sha256):
            raise MotionError(f"A source is taken into a library once. Received: {source}, there as {twin.name}")
        entry = Entry(
            name=motion.name, kind=motion.kind, frames=len(motion), fps=float(motion.fps),
            seconds=round(motion.seconds, 4), source=source, sha256=sha256, licence=licence, credit=credit,
        )  # fmt: skip
        write_clip(self.folder / entry.file, motion)
        entries = {**self._entries, entry.name: entry}
        clips = [
            {**dataclasses.asdict(entries[name]), "file": entries[name].file} for name in sorted(entries)
        ]  # the path is said for other programs' sake
        write_json(self.folder / INDEX, {"format": _FORMAT, "version": _VERSION, "clips": clips})
        self._entries = entries
        return entry


def is_library(folder: str | pathlib.Path) -> bool:
    """Whether a folder holds a library's index."""
    return (pathlib.Path(folder) / INDEX).is_file()


def write_clip(path: str | pathlib.Path, motion: Motion) -> None:
    """Writes one clip, whole or not at all; the same motion gives the same bytes."""
    arrays = {name: getattr(motion, name).astype(np.float32) for name in ("pose", "root")}
    with written_aside(path) as aside:
        np.savez_compressed(aside, **arrays, fps=float(motion.fps), name=motion.name, kind=motion.kind)


def is_clip(path: str | pathlib.Path) -> bool:
    """Whether an npz file has the arrays of a clip (AMASS files have others)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{field.name}.npy" for field in dataclasses.fields(Motion)} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_clip(path: str | pathlib.Path) -> Motion:
    """Reads one clip.

    Raises:
        MotionError: the file is missing, damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            pose, root = (np.asarray(file[name], np.float32) for name in ("pose", "root"))
            name, kind, fps = str(file["name"]), str(file["kind"]), float(file["fps"])
    except _UNREADABLE as error:
        raise MotionError(
            f"A clip of a motion library (pose, root, fps, name, kind) is needed. Received: {path} ({error})"
        ) from error
    return Motion(name, kind, pose, root, fps)


def _checked(stored: dict) -> dict:
    """Values of one entry of an index.

    Raises:
        ValueError: a value has another type, or the name could lead out of the library.
    """
    types: dict[str, Any] = {"frames": int, "fps": (int, float), "seconds": (int, float)}
    values = {field.name: stored[field.name] for field in dataclasses.fields(Entry)}
    wrong = [name for name, value in values.items() if not isinstance(value, types.get(name, str))]
    if wrong or not _NAME.fullmatch(values["name"]):
        raise ValueError(f"{wrong[0] if wrong else 'name'} {str(values[wrong[0] if wrong else 'name'])[:80]!a}")
    return values


def _some(names: dict[str, Entry]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "") or "it has none"
