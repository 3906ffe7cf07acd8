"""What a worker process says of itself and of what went wrong in it."""

from __future__ import annotations

import os
import pathlib
import resource
import socket

from model.errors import UserError


def worker_name() -> str:
    """Host and process, as in "node3-4711"."""
    return f"{socket.gethostname()}-{os.getpid()}"


def memory_mb() -> tuple[float, float]:
    """Resident memory of this process now, and the most it ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():
        return peak, peak
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20, peak


def describe(error: Exception) -> tuple[str, str]:
    """Class and text of what went wrong with a clip."""
    text = str(error) or "no further explanation"
    return type(error).__name__, text if isinstance(error, UserError) else text.splitlines()[0][:500]
