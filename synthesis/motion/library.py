"""Motion files of every kind: which ones a folder holds, and reading any of them."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator

from absl import logging

from model.errors import MotionError
from synthesis.motion import clips
from synthesis.motion.motion import Motion


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a motion file does not say itself.

    Attributes:
        mapping: JSON file that maps SMPL's joints to the joints of files with a naming of their own, or None.
        fps: frames per second of the formats that do not state them (AMC); None takes the format's usual rate.
        markers: marker set of C3D files: a name or a JSON file (`synthesis.motion.mosh.marker_sets`).
    """

    mapping: pathlib.Path | None = None
    fps: float | None = None
    markers: str = "cmu41"


def _load_bvh(path: pathlib.Path, reading: Reading) -> Motion:
    from synthesis.motion import bvh, retarget

    return retarget.to_smpl(bvh.read_bvh(path), path.stem, _names(reading))


def _load_amc(path: pathlib.Path, reading: Reading) -> Motion:
    from synthesis.motion import asf_amc, retarget

    skeleton = asf_amc.read_amc(path, fps=reading.fps or asf_amc.CMU_FPS)
    return retarget.to_smpl(skeleton, path.stem, _names(reading))


def _load_c3d(path: pathlib.Path, reading: Reading) -> Motion:
    from synthesis.motion.mosh import MoshSettings, load_c3d_motion

    return load_c3d_motion(path, MoshSettings(reading.markers))


def _load_npz(path: pathlib.Path, reading: Reading) -> Motion:
    from synthesis.motion import amass

    return clips.read_clip(path) if clips.is_clip(path) else amass.read_amass(path, path.stem)


def _names(reading: Reading) -> dict[str, str] | None:
    from synthesis.motion import skeletons

    return skeletons.read_mapping(reading.mapping) if reading.mapping else None


_READERS: dict[str, Callable[[pathlib.Path, Reading], Motion]] = {
    ".bvh": _load_bvh,
    ".amc": _load_amc,
    ".c3d": _load_c3d,
    ".npz": _load_npz,
}


def find_motion_files(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """All motion files below a folder, sorted by path; of a motion library, the clips that its index names.

    Raises:
        MotionError: the folder is missing or holds no motion file.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise MotionError(f"A folder of motion files is needed. Received: {folder}, which is not a folder")
    if clips.is_library(folder):
        library = clips.ClipLibrary.open(folder)
        files = [library.path(entry.name) for entry in library.entries]
    else:
        files = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in _READERS and not path.name.startswith(".") and path.is_file()
        )
    if not files:
        raise MotionError(f"A folder with files of the kinds {', '.join(_READERS)} is needed. Received: {folder}")
    return files


def load_motion(path: str | pathlib.Path, reading: Reading | None = None) -> Motion:
    """Reads a motion file and maps it to SMPL's joints; the reader is chosen by the file's suffix.

    Raises:
        MotionError: the kind of file is unknown, or the file cannot be read or mapped.
    """
    path = pathlib.Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise MotionError(f"A motion file ends in {', '.join(_READERS)}. Received: {path}")
    return reader(path, reading or Reading())


def load_motions(folder: str | pathlib.Path, fps: float) -> Iterator[tuple[pathlib.Path, Motion]]:
    """All motions of a folder or motion library at one frame rate; files that cannot be read are named and left out.

    Raises:
        MotionError: the folder is missing, empty, or none of its files can be read.
    """
    read, problems = 0, []
    for path in find_motion_files(folder):
        try:
            motion = load_motion(path).resample(fps)
        except MotionError as error:
            logging.warning("left out: %s", error)
            problems.append(str(error))
            continue
        read += 1
        yield path, motion
    if not read:
        raise MotionError(f"A folder with readable motion files is needed. Received: {folder}: {problems[0]}")


def digest(path: str | pathlib.Path, reading: Reading | None = None) -> str:
    """SHA-256 of a motion file and of how it is read: what a library knows a source by.

    Raises:
        OSError: a file cannot be read.
    """
    reading = reading or Reading()
    parts = [pathlib.Path(path).read_bytes()]
    if reading.mapping:
        parts.append(reading.mapping.read_bytes())
    if reading.fps:
        parts.append(repr(float(reading.fps)).encode())
    if reading.markers != Reading.markers:
        parts.append(reading.markers.encode())
    return hashlib.sha256(b"".join(parts) if len(parts) == 1 else repr(parts).encode()).hexdigest()
