"""Files that are either whole or absent: everything is written aside, then renamed.

What is being written lies beside its target as ".aside-<random>-<name>", so that no two processes write the same file,
be they on machines that share the folder. Readers of folders pass over names that begin with a dot. A process that is
killed leaves its file; later writers into the same folder remove it once nobody can be writing it any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

_PREFIX = ".aside-"
# Far longer than any file takes to write; younger ones may belong to a process that lives.
LEFTOVER_SECONDS = 24 * 3600.0


def aside_path(path: str | pathlib.Path) -> pathlib.Path:
    """A name beside `path` that nobody else has; it keeps the suffix, by which some writers choose their format."""
    path = pathlib.Path(path)
    return path.with_name(f"{_PREFIX}{uuid.uuid4().hex[:12]}-{path.name}")


@contextlib.contextmanager
def written_aside(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; renames it to `path` on success and removes it on any failure."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, _PREFIX)
    aside = aside_path(path)
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: str | pathlib.Path, content: bytes) -> None:
    """Writes a whole file or nothing."""
    with written_aside(path) as aside:
        aside.write_bytes(content)


def write_json(path: str | pathlib.Path, value: Any) -> None:
    """Writes JSON, indented, or nothing."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def remove_leftovers(folder: str | pathlib.Path, prefix: str = "") -> None:
    """Removes the files of a folder that killed writers left: those that nobody has touched for a day.

    Args:
        folder: where files are written aside; it need not be there.
        prefix: of their names; "": the folder holds nothing else.
    """
    before = time.time() - LEFTOVER_SECONDS
    # Another process may remove them, or the folder, at this moment.
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        os.unlink(entry)
