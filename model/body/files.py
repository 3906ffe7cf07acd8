"""Finding body models: the embedded free bodies, or the user's SMPL files."""

from __future__ import annotations

import functools
import os
import pathlib
import re

from absl import logging

from model.body.data import SHAPES, BodyData, check_arrays, make_body
from model.body.smpl_files import read_npz, read_smpl
from model.errors import BodyFileError

__all__ = ["ASSETS", "BODY_VARIABLE", "FREE", "GENDERS", "BodyData", "body_source", "genders", "load_body", "read_body"]

ASSETS = pathlib.Path(__file__).parent / "assets"
GENDERS = ("male", "female", "neutral")
FREE = "free"
BODY_VARIABLE = "MVIPER_BODY"

# Where the releases' archives, and the layout of the smplx package, keep the files.
_FOLDERS = (".", "models", "smpl/models", "smpl")


def load_body(gender: str = "neutral", source: str | os.PathLike[str] | None = None) -> BodyData:
    """Loads one body model; a second call for the same file returns the same object.

    Args:
        gender: "male", "female" or "neutral".
        source: "free" for the embedded bodies (CC0, built from MakeHuman data by tools/build_body.py), a folder with
            SMPL files under the names of the releases, or one file in SMPL's layout. A file serves the gender that its
            name says, and "neutral" where it says none. None: what the environment variable MVIPER_BODY says, else
            "free".

    Raises:
        BodyFileError: the gender is unknown or not there, there is no such source, or its file is damaged, refuses to
            be plain data or is of another layout.
    """
    if gender not in GENDERS:
        raise BodyFileError(f"A body is one of {', '.join(GENDERS)}. Received: {gender!r}")
    place = _place(source)
    if place is None:
        return _load_free(gender)
    found = _find(place)
    if gender not in found:
        wanted = f"a file with {gender!r} in its name"
        if place.is_dir():
            below = ", ".join(f"{folder}/" for folder in _FOLDERS[1:])
            wanted = f"one of {', '.join(_release_names(gender))}, there or in {below},"
        there = ", ".join(f"{other} ({paths[0].name})" for other, paths in found.items()) or "no body file"
        raise BodyFileError(f"For a {gender} body {wanted} is needed. Received: {place} with {there}")
    chosen, *others = found[gender]
    body = _load_smpl(chosen.absolute(), gender)
    if others:
        logging.log_first_n(logging.INFO, "Of several %s bodies, %s is taken, not %s", 1, gender, chosen, others)
    return body


def body_source(configured: str = "") -> str:
    """Where bodies come from: what MVIPER_BODY says (the flag --body sets it), else the configuration, else "free"."""
    return os.environ.get(BODY_VARIABLE) or configured or FREE


def genders(source: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """The genders that `load_body` finds in a source, in the order of GENDERS; nothing is read.

    Raises:
        BodyFileError: there is no such source.
    """
    place = _place(source)
    found = GENDERS if place is None else _find(place)
    return tuple(gender for gender in GENDERS if gender in found)


def read_body(path: str | os.PathLike[str], gender: str) -> BodyData:
    """Reads one `.npz` of a free body.

    Raises:
        BodyFileError: the file is missing, truncated, or an array is absent, misshapen or not of a body.
    """
    path = pathlib.Path(path)
    arrays = read_npz(path, SHAPES)
    try:
        check_arrays(arrays)
    except BodyFileError as error:
        raise BodyFileError(f"{error} in {path}") from error
    return make_body(arrays, gender, "free")


@functools.lru_cache(maxsize=len(GENDERS))
def _load_free(gender: str) -> BodyData:
    return read_body(ASSETS / f"free_{gender}.npz", gender)


@functools.lru_cache(maxsize=len(GENDERS))
def _load_smpl(path: pathlib.Path, gender: str) -> BodyData:
    return read_smpl(path, gender)


def _place(source: str | os.PathLike[str] | None) -> pathlib.Path | None:
    """The file or folder of a source; None for the free bodies."""
    said_by = ""
    if source is None:
        source = body_source()
        said_by = f" (from {BODY_VARIABLE})"
    if source == FREE:
        return None
    place = pathlib.Path(source).expanduser()
    if not place.exists():
        raise BodyFileError(
            f"A body is {FREE!r}, a folder with SMPL files or one such file. Received: {os.fspath(source)!r}{said_by}"
        )
    return place


def _find(place: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Body files by gender, the one to take first. Names are compared without regard to case."""
    if not place.is_dir():
        return {_gender_of(place): [place]}
    found: dict[str, list[pathlib.Path]] = {}
    try:
        there = [
            {path.name.lower(): path for path in sorted(folder.iterdir())}
            for folder in (place / below for below in _FOLDERS)
            if folder.is_dir()
        ]
    except OSError as error:
        raise BodyFileError(f"A folder with SMPL files is needed. Received: {place} ({error})") from error
    for gender in GENDERS:
        paths = [files[name] for name in _release_names(gender) for files in there if name in files]
        if paths:
            found[gender] = paths
    return found


def _release_names(gender: str) -> tuple[str, ...]:
    """Lower-case file names of a gender's body: the releases, newest first, then smplx's names, which say none."""
    short = {"male": "m", "female": "f"}.get(gender, gender)
    releases = (f"basicmodel_{short}_lbs_10_207_0_v{release}.pkl" for release in ("1.1.0", "1.0.0"))
    return (*releases, f"smpl_{gender}.npz", f"smpl_{gender}.pkl")


def _gender_of(path: pathlib.Path) -> str:
    """The gender that a file's name says, else "neutral"."""
    name = path.name.lower()
    words = re.split("[^a-z]+", name)
    for gender in GENDERS:
        if gender in words or name in _release_names(gender):
            return gender
    return "neutral"
