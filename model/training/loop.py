"""The loop of a stage: Keras' fit epoch by epoch, so that it can stop and go on between any two steps."""

from __future__ import annotations

import contextlib
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

import keras
import numpy as np

from model.config import TrainConfig
from model.errors import ConfigError, NonFiniteError
from model.training.callbacks import EpochStart, LazyCallbacks, Steps, gentle_interrupt, without_evaluation
from model.training.devices import Placement
from model.training.mesh_trainer import MeshTrainer
from model.training.reporting import Board, StageBar
from model.training.resume import Checkpoints, Progress, assign
from model.training.schedules import StageRate, build_optimizer, take_average
from model.training.summation import fixed_order

# Folder of TensorBoard's files in a stage's run folder.
BOARD = "tensorboard"
# Clips that the message about a loss that is no number names.
_NAMED = 16


class Batches(Protocol):
    """The training data as the loop needs it; model.training.input.TrainingData."""

    steps_per_epoch: int

    def epoch(self, index: int, skip_steps: int = 0) -> Any:
        """The batches of an epoch, the same whenever it is asked for, without the first ones."""

    def clip_ids(self, index: int, step: int) -> list[str]:
        """The clips in one of its batches."""


class Stage:
    """One training stage, from its start or from its checkpoint.

    Args:
        trainer: the network with its losses; not compiled yet.
        train: settings.
        data: training batches.
        evaluation: batches to evaluate on, or None.
        title: of the progress bar.
        placement: what it computes on.
        run_dir: folder for TensorBoard and the checkpoint, or None.
        checkpoints: of this stage, or None.
        start: what to do to the trainer when nothing was saved.
        pictures: draws what the trainer predicts, [N, H, W, 3] uint8, or None.

    Raises:
        ConfigError: the checkpoint is damaged or of another run, or the batch cannot be shared by the devices.
    """

    def __init__(
        self,
        trainer: MeshTrainer,
        train: TrainConfig,
        data: Batches,
        evaluation: Any,
        title: str,
        placement: Placement,
        run_dir: pathlib.Path | None = None,
        checkpoints: Checkpoints | None = None,
        start: Callable[[], None] = lambda: None,
        pictures: Callable[[MeshTrainer], np.ndarray] | None = None,
    ):
        self.trainer = trainer
        self.train = train
        self.data = data
        self.evaluation = None if evaluation is None else placement.even(evaluation)
        self.checkpoints = checkpoints
        self.pictures = pictures
        steps = data.steps_per_epoch * train.epochs
        self.schedule = StageRate(train, steps)
        optimizer = build_optimizer(train, self.schedule)
        trainer.compile(optimizer=optimizer, jit_compile=placement.jit_compile)
        # Built here, its variables can be restored, and the first step is not traced twice.
        optimizer.build(trainer.trainable_variables)
        saved = checkpoints.restore(trainer) if checkpoints else None
        if saved is None:
            start()
        self.progress = saved or Progress()
        self.bar = StageBar(title, steps, self.steps_done)
        self.board = Board(run_dir / BOARD if run_dir else None)

    @property
    def steps_done(self) -> int:
        """Steps since the stage began."""
        return self.progress.epoch * self.data.steps_per_epoch + self.progress.step

    def rate(self) -> float:
        """Learning rate of the next step."""
        return float(self.schedule(self.steps_done))

    def run(self) -> dict[str, list[float]]:
        """Trains to the end, or until evaluations no longer get better.

        The trainer ends with the weights that are to be kept: those of the best evaluation where the stage may end
        early, else the last ones; averages of them where there are averages.

        Returns:
            Curves: loss terms and metrics of every epoch; "val_" curves of every evaluation.

        Raises:
            NonFiniteError: the loss or a weight is no number any more; the last good checkpoint is there.
            ConfigError: `patience` is set and no evaluation clip has 3D labels.
            KeyboardInterrupt: the user stopped it; the checkpoint is of this moment.
        """
        try:
            with gentle_interrupt() as interrupted, fixed_order():
                steps = Steps(self, interrupted)
                while self.progress.epoch < self.train.epochs and not self._ended_early():
                    self._epoch(steps)
                    if interrupted.is_set():
                        raise KeyboardInterrupt
        finally:
            self.bar.close()
            self.board.close()
        if self.progress.best_weights:
            assign(self.trainer.network.variables, self.progress.best_weights)
        else:
            take_average(self.trainer.optimizer, self.trainer.trainable_variables)
        return self.progress.curves

    def save(self) -> None:
        """Writes the checkpoint.

        Raises:
            NonFiniteError: a number in it is not finite; the checkpoint before it stays.
        """
        if self.checkpoints and not self.checkpoints.save(self.trainer, self.progress):
            self.fail()

    def fail(self) -> NoReturn:
        """Says which batch made the loss or the weights unusable.

        Raises:
            NonFiniteError: always.
        """
        if keras.backend.backend() == "jax":
            self.trainer.jax_state_sync()
        # When all losses were finite it is the last step's gradient that was not.
        step = min(int(self.trainer.finite_steps.result()), self.progress.step - 1)
        ids = self.data.clip_ids(self.progress.epoch, step)
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        kept = f" The checkpoint before it is kept in {self.checkpoints.path}." if self.checkpoints else ""
        raise NonFiniteError(
            f"A finite loss and gradient are needed.{kept} Received: NaN or infinity in step {step + 1} of epoch "
            f"{self.progress.epoch + 1}, a batch of the clips {', '.join(ids[:_NAMED])}{more}"
        )

    def _epoch(self, steps: Steps) -> None:
        progress, trainer = self.progress, self.trainer
        if progress.step < self.data.steps_per_epoch:
            callbacks: list[keras.callbacks.Callback] = [steps]
            if progress.step:
                callbacks.append(EpochStart([np.array(variable) for variable in trainer.metrics_variables]))
            trainer.fit(
                self.data.epoch(progress.epoch, progress.step),
                initial_epoch=progress.epoch,
                epochs=progress.epoch + 1,
                callbacks=LazyCallbacks(callbacks, trainer),
                shuffle=False,  # the data is in order
                verbose=0,
            )
        means = {name: float(value) for name, value in trainer.get_metrics_result().items()}
        if not (math.isfinite(means["loss"]) and np.isfinite(np.asarray(trainer.probe)).all()):
            self.fail()
        self._record("", without_evaluation(means))
        last = progress.epoch + 1 == self.train.epochs
        if self.evaluation is not None and (last or (progress.epoch + 1) % self.train.evaluate_every == 0):
            self._evaluate()
        progress.epoch, progress.step = progress.epoch + 1, 0
        trainer.reset_metrics()
        self.save()

    def _evaluate(self) -> None:
        progress, trainer = self.progress, self.trainer
        with self._averaged():
            means = trainer.evaluate(self.evaluation, return_dict=True, verbose=0)
            if self.train.patience and math.isnan(means["pa_mpjpe"]):
                raise ConfigError(
                    "Early stopping (patience) follows PA-MPJPE, so the eval split has 3D labels. Received: one without"
                )
            progress.waited += 1
            if means["pa_mpjpe"] < progress.best:
                progress.best, progress.waited = means["pa_mpjpe"], 0
                if self.train.patience:
                    progress.best_weights = [np.array(variable) for variable in trainer.network.variables]
            if self.pictures:
                self.board.pictures("eval", self.pictures(trainer), self.steps_done)
        self._record("val_", means)
        self.bar.evaluation(means)
        self.board.scalars("eval", means, self.steps_done)

    def _ended_early(self) -> bool:
        return 0 < self.train.patience <= self.progress.waited

    def _record(self, prefix: str, means: dict[str, float]) -> None:
        for name, value in means.items():
            self.progress.curves.setdefault(prefix + name, []).append(float(value))

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Inside, the trainer has the averages of its weights, if it keeps any."""
        if not self.train.average:
            yield
            return
        variables = self.trainer.trainable_variables
        raw = [np.array(variable) for variable in variables]
        take_average(self.trainer.optimizer, variables)
        try:
            yield
        finally:
            assign(variables, raw)
