"""The Python that has `bpy`, and jobs given to it through files in a temporary folder."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from absl import logging

from model.errors import UserError

PYTHON_VARIABLE = "MVIPER_BLENDER_PYTHON"
WORKER = pathlib.Path(__file__).with_name("worker.py")
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('bpy') is None)"
_ATTEMPTS = 2
_LOG_LINES = 5


class BlenderError(UserError):
    """Blender is not installed, or its process failed."""


def find_python(python: str | None = None) -> str | None:
    """The interpreter that runs Blender, or None where there is none with `bpy`.

    Args:
        python: a path; None: the environment variable MVIPER_BLENDER_PYTHON, else the running interpreter (the
            `blender` extra installs `bpy` there).
    """
    candidate = python or os.environ.get(PYTHON_VARIABLE) or sys.executable
    return candidate if _has_bpy(candidate) else None


@functools.lru_cache
def _has_bpy(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", _LOOK], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run(
    job: dict[str, Any], arrays: dict[str, np.ndarray], timeout: float, python: str | None = None, worker=WORKER
) -> dict[str, np.ndarray]:
    """Gives a job to a worker process and waits for its result.

    A worker that crashes is started once more. One that takes too long is killed and not tried again, as it would take
    as long.

    Args:
        job: settings, anything that JSON holds.
        arrays: what the worker reads.
        timeout: seconds of wall clock for one attempt.
        python: see `find_python`.
        worker: the program.

    Returns:
        The arrays that the worker wrote.

    Raises:
        BlenderError: no interpreter with `bpy`, or a worker that crashed twice or took too long.
    """
    found = find_python(python)
    if found is None:
        raise BlenderError(
            "Blender's cloth needs Python 3.11 with the package bpy: the extra mviper[blender], or the path of such a "
            f"python in {PYTHON_VARIABLE}. Received: {python or os.environ.get(PYTHON_VARIABLE) or sys.executable}"
        )
    with tempfile.TemporaryDirectory(prefix="mviper-blender-") as name:
        folder = pathlib.Path(name)
        (folder / "job.json").write_text(json.dumps(job))
        np.savez(folder / "job.npz", **arrays)
        for attempt in range(_ATTEMPTS):
            ended = _attempt([found, "-P", str(worker), name], folder / "log.txt", timeout)
            if ended == 0 and (folder / "result.npz").exists():
                with np.load(folder / "result.npz") as result:
                    return dict(result)
            last = _last_lines(folder / "log.txt")
            logging.warning("Blender's process ended with status %d (attempt %d): %s", ended, attempt + 1, last)
    raise BlenderError(f"A Blender process that ends well was wanted. Received: status {ended} twice; it said: {last}")


def _attempt(command: list[str], log: pathlib.Path, timeout: float) -> int:
    with log.open("wb") as output:
        try:
            return subprocess.run(command, stdout=output, stderr=output, timeout=timeout).returncode
        except subprocess.TimeoutExpired as error:
            raise BlenderError(
                f"Blender's cloth within {timeout:g} s was wanted. Received: a process that had to be killed"
            ) from error


def _last_lines(log: pathlib.Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-_LOG_LINES:]) or "nothing"
