"""What a stage shows while it runs: a progress bar and TensorBoard."""

from __future__ import annotations

import pathlib

import numpy as np
import tqdm


class StageBar:
    """One bar over all steps of a stage, with the current loss and the last evaluation."""

    def __init__(self, title: str, steps: int, done: int):
        self.bar = tqdm.tqdm(total=steps, initial=done, desc=title, unit="step", dynamic_ncols=True)
        self.evaluated = ""

    def show(self, means: dict[str, float]) -> None:
        """Shows the running means of the epoch."""
        self.bar.set_postfix_str(f"loss {means['loss']:.3f} mpjpe {means['mpjpe']:.0f} mm{self.evaluated}")

    def evaluation(self, means: dict[str, float]) -> None:
        """Keeps an evaluation in view."""
        self.evaluated = f", eval {means['mpjpe']:.0f} / PA {means['pa_mpjpe']:.0f} mm"

    def close(self) -> None:
        """Leaves the bar as it is."""
        self.bar.close()


class Board:
    """TensorBoard: scalars and pictures over the steps of a stage. Without a folder it writes nothing.

    A stage that is taken up again writes a further file; TensorBoard drops what the interrupted run had written beyond
    its checkpoint.
    """

    def __init__(self, folder: pathlib.Path | None):
        import tensorflow as tf

        self.summary = tf.summary
        self.writer = tf.summary.create_file_writer(str(folder)) if folder else tf.summary.create_noop_writer()

    def scalars(self, group: str, values: dict[str, float], step: int) -> None:
        """One number a name, shown as group/name."""
        with self.writer.as_default():
            for name, value in values.items():
                self.summary.scalar(f"{group}/{name}", value, step)

    def pictures(self, name: str, images: np.ndarray, step: int) -> None:
        """Images uint8 [N, H, W, 3]."""
        with self.writer.as_default():
            self.summary.image(name, images, step, max_outputs=len(images))
            self.writer.flush()

    def close(self) -> None:
        """Writes out what is still in memory."""
        self.writer.close()
