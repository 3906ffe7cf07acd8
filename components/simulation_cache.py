"""Simulations kept as files, so that four viewpoints, other windows and later renderings with other looks pay once."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pathlib

from components.job_store import JobStore, storage_error
from model.typed_json import build
from synthesis.engine_digest import engine_digest
from synthesis.scene.plan import BUILTIN, SimulationPlan

# A simulation whose cloth did not pass its gates will not pass them the next time. The cause of any other failure, a
# missing file or a full memory, may be gone by then.
PERMANENT = ("SimulationRejectedError",)


@dataclasses.dataclass(frozen=True)
class SimulationOutcome:
    """How a simulation ended.

    Attributes:
        cpu_seconds: processor seconds that it took.
        run: id of the run that made it.
        began: seconds since the epoch.
        error: class of the failure, or "".
        reason: of the failure, or "".
    """

    cpu_seconds: float
    run: str
    began: float = 0.0
    error: str = ""
    reason: str = ""


class SimulationCache:
    """Files <key>.npz with a simulation each, and <key>.json with its outcome, which is written last.

    Args:
        folder: path or address; the cache of one job, or one that several jobs share.
    """

    def __init__(self, folder: str):
        self._store = JobStore(folder)

    @staticmethod
    def key(plan: SimulationPlan) -> str:
        """Name of a simulation: its plan (body, shape, motion, outfit, fabrics, mesh), motion file and engine."""
        source = "" if plan.motion.source == BUILTIN else _file_digest(plan.motion.source)
        return hashlib.sha256(f"{plan.key} {source} {engine_digest()}".encode()).hexdigest()[:20]

    def outcome(self, key: str) -> SimulationOutcome | None:
        """How a simulation ended, or None if it was not made yet."""
        try:
            return build(SimulationOutcome, json.loads(self._store.read(f"{key}.json")))
        except FileNotFoundError:
            return None

    def keep(self, key: str, outcome: SimulationOutcome, simulation=None) -> None:
        """Keeps an outcome, and the simulation (synthesis.clip.Simulation) if there is one; no failure that may pass.

        Raises:
            WorkerError: the store does not take it.
        """
        if outcome.error and outcome.error not in PERMANENT:
            return
        if simulation is not None:
            name = f"{key}.npz"
            try:
                with self._store.written_aside(name) as aside:
                    simulation.save(pathlib.Path(aside))
            except OSError as error:
                raise storage_error(self._store.path(name), error) from error
        self._store.write(f"{key}.json", json.dumps(dataclasses.asdict(outcome)).encode())

    def load(self, key: str):
        """The simulation, or None if it is not there."""
        from synthesis.clip import Simulation

        if not self._store.exists(f"{key}.npz"):
            return None
        with self._store.local(f"{key}.npz") as path:
            return Simulation.load(path)

    def remove_leftovers(self) -> None:
        """Removes what killed runs left half-written."""
        self._store.remove_leftovers()

    def forget(self, key: str) -> None:
        """Removes a simulation; its outcome stays, so that its cost and its rejection are not forgotten."""
        self._store.remove(f"{key}.npz")


@functools.lru_cache(maxsize=64)
def _file_digest(path: str) -> str:
    """Hash of a motion file; of its name where it cannot be read, which the simulation will then report."""
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:
        return path
