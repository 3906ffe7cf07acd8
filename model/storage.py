"""Files that are either whole or absent: everything is written aside, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def written_aside(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; renames it to `path` on success and removes it on any failure.

    The temporary name keeps the suffix, since some writers choose their format by it.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{os.getpid()}.{path.name}")
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
