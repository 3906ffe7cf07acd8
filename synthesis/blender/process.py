"""The Python that has `bpy`, and workers that run in it and answer requests through files in a temporary folder."""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from model.errors import UserError

PYTHON_VARIABLE = "MVIPER_BLENDER_PYTHON"
_RUNNER = pathlib.Path(__file__).with_name("runner.py")
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
    candidate = _candidate(python)
    return candidate if _has_bpy(candidate) else None


def _candidate(python: str | None) -> str:
    return python or os.environ.get(PYTHON_VARIABLE) or sys.executable


@functools.lru_cache
def _has_bpy(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", _LOOK], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """What a worker is asked.

    Attributes:
        job: settings, anything that JSON holds.
        arrays: by name.
    """

    job: dict[str, Any]
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a worker's process has taken since it started.

    Attributes:
        cpu_seconds: of all its threads.
        peak_memory_mb: largest resident size.
    """

    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0


class BlenderProcess:
    """One worker, started at the first request and kept until closed.

    A worker that crashes is started once more. One that takes too long is killed; whether it is tried again is a
    setting, for long work would take as long again, but short work that takes long hangs. Neither ends this object: the
    next request starts a fresh process.

    Example:
        with BlenderProcess(worker, timeout=60.0) as process:
            result = process.send(Request({"gravity": 9.81}, {"vertices": vertices}))
    """

    def __init__(self, worker: pathlib.Path, timeout: float, python: str | None = None, retry_late: bool = False):
        """Finds the interpreter; starts nothing.

        Args:
            worker: a program as synthesis/blender/runner.py describes it.
            timeout: seconds of wall clock for one attempt at a request, the start of Blender included.
            python: see `find_python`.
            retry_late: whether a request that took too long is tried once more.

        Raises:
            BlenderError: no interpreter with `bpy`.
        """
        found = find_python(python)
        if found is None:
            raise BlenderError(
                "Blender needs Python 3.11 with the package bpy: the extra mviper[blender], or the path of such a "
                f"python in {PYTHON_VARIABLE}. Received: {_candidate(python)}"
            )
        self._command = [found, "-P", str(_RUNNER), str(worker)]
        self._timeout, self._retry_late = timeout, retry_late
        self._running: _Running | None = None
        self.usage = Usage()

    def send(self, request: Request, preparation: Sequence[Request] = ()) -> dict[str, np.ndarray]:
        """Asks the worker and waits for its answer.

        Args:
            request: what is wanted.
            preparation: requests that a process started anew needs before this one.

        Returns:
            The arrays of the worker's answer.

        Raises:
            BlenderError: the worker crashed twice or took too long.
        """
        for attempt in range(_ATTEMPTS):
            try:
                if self._running is None:
                    self._running = _Running(self._command)
                    for earlier in preparation:
                        self._exchange(self._running, earlier)
                return self._exchange(self._running, request)
            except _CrashError as crash:
                self.close()
                last = crash
                logging.warning("Blender's process ended (attempt %d): %s", attempt + 1, crash)
        raise BlenderError(f"A Blender process that ends well was wanted. Received: twice {last}")

    def close(self) -> None:
        """Ends the process."""
        if self._running is not None:
            self._running.kill()
            self._running = None

    def __enter__(self) -> BlenderProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, running: _Running, request: Request) -> dict[str, np.ndarray]:
        try:
            answer, self.usage = running.exchange(request, self._timeout)
        except TimeoutError as error:
            self.close()
            if self._retry_late:
                raise _CrashError(f"no answer within {self._timeout:g} s") from error
            raise BlenderError(
                f"An answer of Blender's process within {self._timeout:g} s was wanted. "
                "Received: a process that had to be killed"
            ) from error
        return answer


class _CrashError(Exception):
    """The process is gone; the message has its status and last words."""


class _Running:
    """A process and the folder that it shares with us."""

    def __init__(self, command: list[str]):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="mviper-blender-"))
        self._log = self._folder / "log.txt"
        self._channel, theirs = multiprocessing.Pipe()
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self._folder), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                # Blender's own temporary files go when the folder goes.
                env={**os.environ, "TMPDIR": str(self._folder)},
            )
        self.kill = weakref.finalize(self, _end, self._process, self._channel, self._folder, os.getpid())

    def exchange(self, request: Request, timeout: float) -> tuple[dict[str, np.ndarray], Usage]:
        # The log is appended to: Blender talks with every frame, and only the last one's words are wanted.
        os.truncate(self._log, 0)
        (self._folder / "job.json").write_text(json.dumps(request.job))
        np.savez(self._folder / "job.npz", **request.arrays)  # type: ignore[arg-type]
        try:
            self._channel.send_bytes(b"job")
            if not self._channel.poll(timeout):
                raise TimeoutError
            usage = json.loads(self._channel.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise _CrashError(f"status {self._process.wait()}; it said: {self._last_lines()}") from error
        with np.load(self._folder / "result.npz") as result:
            return dict(result), Usage(**usage)

    def _last_lines(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-_LOG_LINES:]) or "nothing"


def _end(
    process: subprocess.Popen[bytes], channel: multiprocessing.connection.Connection, folder: pathlib.Path, owner: int
) -> None:
    # A fork of the owner has no say over its process.
    if os.getpid() == owner:
        process.kill()
        process.wait()
        channel.close()
        shutil.rmtree(folder, ignore_errors=True)
