"""What all benchmarks share: the printed object, the machine, the clock."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

Figure = float | int | None


@dataclasses.dataclass(frozen=True)
class Result:
    """What one benchmark found.

    Attributes:
        settings: what was measured and how, so that two runs can be compared.
        figures: name -> number, or None where it could not be measured here.
    """

    settings: dict[str, Any]
    figures: dict[str, Figure]


def report(name: str, result: Result) -> dict[str, Any]:
    """The object that `mviper bench NAME --json` prints."""
    return {"bench": name, "machine": machine(), "settings": result.settings, "figures": _rounded(result.figures)}


def machine() -> dict[str, Any]:
    """Processor, usable cores, memory and the Python that runs."""
    cpu, memory = platform.machine(), 0
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu,
        "cores": cores,
        "memory_gb": round(memory / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def median_ms(function: Callable[[], object], repeats: int, warm_up: int = 2) -> float:
    """Median wall-clock milliseconds of a call; the first calls, which compile and fill caches, do not count."""
    for _ in range(warm_up):
        function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


@dataclasses.dataclass(frozen=True)
class Rounds:
    """Seconds of one of several calls that took turns, a number a round.

    Attributes:
        wall: by the clock.
        cpu: of all threads of this process.
    """

    wall: list[float]
    cpu: list[float]

    @property
    def median_s(self) -> float:
        """Median by the clock."""
        return statistics.median(self.wall)

    def ratio(self, other: Rounds) -> float:
        """Median over the rounds of this call's time over the other's, by the clock."""
        return statistics.median(a / b for a, b in zip(self.wall, other.wall, strict=True))

    def cpu_ratio(self, other: Rounds) -> float:
        """The same of CPU seconds."""
        return statistics.median(a / b for a, b in zip(self.cpu, other.cpu, strict=True))


def in_turns(calls: dict[str, Callable[[], object]], repeats: int, warm_up: int = 1) -> dict[str, Rounds]:
    """Times calls one after the other, round after round, so that a busy machine slows all of them alike.

    The first `warm_up` rounds, which compile and fill caches, do not count.
    """
    rounds = {name: Rounds([], []) for name in calls}
    for index in range(warm_up + repeats):
        for name, call in calls.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            call()
            if index >= warm_up:
                rounds[name].wall.append(time.perf_counter() - began)
                rounds[name].cpu.append(time.process_time() - began_cpu)
    return rounds


def _rounded(figures: dict[str, Figure], digits: int = 4) -> dict[str, Figure]:
    """As many significant digits as mean something."""
    return {k: float(f"{v:.{digits}g}") if isinstance(v, float) else v for k, v in figures.items()}
