"""Training checkpoints: everything that an interrupted stage needs to go on as if it had not been interrupted."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import zipfile
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from model.errors import ConfigError
from model.storage import written_aside
from model.training.identity import different_fields
from model.training.mesh_trainer import MeshTrainer

STATE = "training.npz"
_RECORD = "record"
_BEST = "best"


@dataclasses.dataclass
class Progress:
    """How far a stage is.

    Attributes:
        epoch: epochs that are finished.
        step: steps done in the epoch that is not.
        curves: name -> one value an epoch, or an evaluation for names that begin with "val_".
        best: best evaluation's PA-MPJPE, mm.
        waited: evaluations since then.
        best_weights: the network's variables at that evaluation, kept only where the stage may end early.
    """

    epoch: int = 0
    step: int = 0
    curves: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    best: float = float("inf")
    waited: int = 0
    best_weights: list[np.ndarray] = dataclasses.field(default_factory=list)


class Checkpoints:
    """The checkpoint of one stage: a single file, replaced as a whole.

    Args:
        folder: where it lies.
        identity: whose checkpoint it is (model.training.identity).
    """

    def __init__(self, folder: str | pathlib.Path, identity: dict[str, Any]):
        self.path = pathlib.Path(folder) / STATE
        # The same types that JSON gives back.
        self.identity = json.loads(json.dumps(identity))

    def save(self, trainer: MeshTrainer, progress: Progress) -> bool:
        """Writes the state, unless a number in it is not finite; says whether it did."""
        arrays = [np.asarray(variable) for variable in state_variables(trainer)]
        if not all(np.isfinite(array).all() for array in arrays):
            return False
        record = dataclasses.asdict(dataclasses.replace(progress, best_weights=[]))
        text = json.dumps({"identity": self.identity, "progress": record})
        named = {f"{i:05d}": array for i, array in enumerate(arrays)}
        best = {f"{_BEST}{i:05d}": array for i, array in enumerate(progress.best_weights)}
        with written_aside(self.path) as aside:
            np.savez(aside, **{_RECORD: np.array(text)}, **named, **best)
        return True

    def restore(self, trainer: MeshTrainer) -> Progress | None:
        """Puts a saved state into a trainer built as the saved one was; None when nothing was saved.

        Raises:
            ConfigError: the file is damaged, or of another config or other data.
        """
        try:
            with np.load(self.path) as saved:
                record = json.loads(str(saved[_RECORD]))
                self._check(record["identity"])
                names = sorted(set(saved.files) - {_RECORD})
                best = [saved[name] for name in names if name.startswith(_BEST)]
                arrays = [saved[name] for name in names if not name.startswith(_BEST)]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"A readable training checkpoint is needed; --restart drops it. Received: {self.path} ({error})"
            ) from error
        variables = state_variables(trainer)
        if [tuple(v.shape) for v in variables] != [array.shape for array in arrays]:
            raise ConfigError(f"A checkpoint of this network is needed; --restart drops it. Received: {self.path}")
        assign(variables, arrays)
        return Progress(**record["progress"] | {"best_weights": best})

    def drop(self) -> None:
        """Removes the checkpoint."""
        self.path.unlink(missing_ok=True)

    def _check(self, saved: dict[str, Any]) -> None:
        differences = different_fields(saved, self.identity)
        if differences:
            raise ConfigError(
                f"The checkpoint {self.path} is of the run that is to go on; --restart drops it. Received: one "
                f"with other {'; '.join(differences)}"
            )


def state_variables(trainer: MeshTrainer) -> list[keras.Variable]:
    """Network, prior, random number generators, running metrics and optimiser; not the body, which is constant."""
    if keras.backend.backend() == "jax":
        trainer.jax_state_sync()
    constant = {id(variable) for variable in trainer.body.variables}
    own = [variable for variable in trainer.variables if id(variable) not in constant]
    return [*own, *trainer.metrics_variables, *trainer.optimizer.variables]


def assign(variables: Sequence[keras.Variable], arrays: Sequence[np.ndarray]) -> None:
    """Sets each variable to its array."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
