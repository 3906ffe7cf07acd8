"""Callbacks of a stage's fit(): they look at the device seldom, save, and stop in good order."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from model.training.resume import assign

if TYPE_CHECKING:
    from model.training.loop import Stage

# Steps between looks at the numbers on the device: a look waits for the device to catch up.
LOOK_EVERY = 10


class LazyCallbacks(keras.callbacks.CallbackList):
    """Keras' list, but for fetching every number from the device after each step: callbacks fetch what they need."""

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], model: keras.Model):
        super().__init__(list(callbacks), add_history=True, model=model)

    def on_train_batch_end(self, batch, logs=None):
        """Hands the logs on as they are."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class EpochStart(keras.callbacks.Callback):
    """Puts back the running means that an interrupted epoch had reached, after fit() has reset them."""

    def __init__(self, means: Sequence[np.ndarray]):
        super().__init__()
        self.means = means

    def on_epoch_begin(self, epoch, logs=None):
        """Called by fit()."""
        assign(self.model.metrics_variables, self.means)


class Steps(keras.callbacks.Callback):
    """Counts steps; every few of them looks at the loss, shows it and logs it; saves checkpoints.

    Args:
        stage: whose steps these are.
        interrupted: set when the user wants to stop.
    """

    def __init__(self, stage: Stage, interrupted: threading.Event):
        super().__init__()
        self.stage = stage
        self.interrupted = interrupted

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock of steps/s."""
        self.looked = (time.monotonic(), self.stage.progress.step)

    def on_train_batch_end(self, batch, logs=None):
        """One step is done.

        Raises:
            NonFiniteError: the loss or a weight is no number any more.
            KeyboardInterrupt: the user wanted to stop; everything is saved.
        """
        stage = self.stage
        stage.progress.step += 1
        stage.bar.bar.update()
        if stage.progress.step % LOOK_EVERY == 0:
            self._look({name: float(value) for name, value in logs.items()})
        stopping = self.interrupted.is_set()
        if stopping or stage.progress.step % stage.train.checkpoint_every == 0:
            stage.save()
        if stopping:
            raise KeyboardInterrupt

    def _look(self, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["loss"]):
            self.stage.fail()
        self.stage.bar.show(logs)
        (began, first), now = self.looked, (time.monotonic(), self.stage.progress.step)
        self.looked = now
        speed = {"steps_per_second": (now[1] - first) / (now[0] - began), "learning_rate": self.stage.rate()}
        self.stage.board.scalars("train", without_evaluation(logs) | speed, self.stage.steps_done)


def without_evaluation(logs: dict[str, float]) -> dict[str, float]:
    """Means of training steps, without the metric that only evaluations compute."""
    return {name: value for name, value in logs.items() if name != "pa_mpjpe"}


@contextlib.contextmanager
def gentle_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, so that a step can end and be saved; a second one stops at once."""
    event = threading.Event()
    # Only the main thread may set handlers, and only it receives Ctrl-C.
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number, frame):
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
