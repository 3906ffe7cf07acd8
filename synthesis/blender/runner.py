"""Runs a worker and carries requests to it: a program for the Python that has `bpy`, not a module of the package.

`bpy` is under the GPL, version 3. This file and the workers are therefore run by an interpreter of their own, import
nothing but numpy and bpy, and exchange files alone with the program that starts them; the Apache licence that they are
under is compatible with version 3 of the GPL.

Use: python -P runner.py WORKER FOLDER CHANNEL

WORKER is a Python file with `start(folder)`, which returns `answer(job, arrays) -> arrays`. For every message on the
connection with file descriptor CHANNEL, FOLDER/job.json and FOLDER/job.npz hold a request; the answer is written to
FOLDER/result.npz, then what the process has used so far is sent back. `synthesis/blender/process.py` is the other end.
"""

from __future__ import annotations

import json
import multiprocessing.connection
import pathlib
import resource
import runpy
import shutil
import sys

import numpy as np


def main(worker: pathlib.Path, folder: pathlib.Path, channel: int) -> None:
    """Answers requests until the other end is closed."""
    answer = runpy.run_path(str(worker))["start"](folder)
    connection = multiprocessing.connection.Connection(channel)
    try:
        while True:
            connection.recv_bytes()
            job = json.loads((folder / "job.json").read_text())
            with np.load(folder / "job.npz") as arrays:
                result = answer(job, dict(arrays))
            np.savez(folder / "result.npz", **result)
            connection.send_bytes(json.dumps(_usage()).encode())
    except (EOFError, ConnectionError):
        # The program that wanted the answer is gone, perhaps without having cleaned up.
        shutil.rmtree(folder, ignore_errors=True)


def _usage() -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_memory_mb": usage.ru_maxrss / 1024}


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]))
