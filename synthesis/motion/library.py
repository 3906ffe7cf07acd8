"""Folders of motion files."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from model.errors import MotionError
from synthesis.motion import bvh, retarget
from synthesis.motion.motion import Motion


def _load_bvh(path: pathlib.Path) -> Motion:
    return retarget.to_smpl(bvh.read_bvh(path), path.stem)


_READERS: dict[str, Callable[[pathlib.Path], Motion]] = {".bvh": _load_bvh}


def find_motion_files(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """All motion files below a folder, sorted by path.

    Raises:
        MotionError: the folder is missing or holds no motion file.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise MotionError(f"A folder of motion files is needed. Received: {folder}, which is not a folder")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _READERS and path.is_file())
    if not files:
        raise MotionError(f"A folder with files of the kinds {', '.join(_READERS)} is needed. Received: {folder}")
    return files


def load_motion(path: str | pathlib.Path) -> Motion:
    """Reads a motion file and maps it to SMPL's joints; the reader is chosen by the file's suffix.

    Raises:
        MotionError: the kind of file is unknown, or the file cannot be read or mapped.
    """
    path = pathlib.Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise MotionError(f"A motion file ends in {', '.join(_READERS)}. Received: {path}")
    return reader(path)
