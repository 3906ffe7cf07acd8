"""Where a stage computes: one device, or all GPUs of the machine with a share of every batch each.

TensorFlow splits batches by MirroredStrategy, JAX by keras.distribution.DataParallel. Both give the gradient of the
batch's mean loss. Batch normalisation takes the statistics of a device's share on TensorFlow and of the whole batch on
JAX.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from model.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Placement:
    """What a stage computes on.

    Attributes:
        count: devices that share every batch.
        jit_compile: what compile() is told.
    """

    count: int
    jit_compile: bool | str

    def check_batch(self, size: int) -> None:
        """Makes sure that every device gets the same share.

        Raises:
            ConfigError: the batch cannot be divided evenly.
        """
        if size % self.count:
            raise ConfigError(f"A batch is divided evenly among {self.count} devices. Received: {size}")

    def even(self, batches: Any) -> Any:
        """Finite batches whose sizes all devices can share: JAX cannot split an uneven one, so its last few are cut."""
        if self.count == 1 or keras.backend.backend() != "jax":
            return batches
        import tensorflow as tf

        def cut(images, labels):
            size = tf.shape(images)[0] // self.count * self.count
            return images[:size], {name: value[:size] for name, value in labels.items()}

        return batches.map(cut).filter(lambda images, _: tf.shape(images)[0] > 0)


@contextlib.contextmanager
def placed(devices: Sequence[str] = ()) -> Iterator[Placement]:
    """Everything built and run inside computes on these devices.

    Args:
        devices: the backend's names of them; none: all GPUs, or the CPU where there is no GPU.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        yield from _tensorflow(devices)
    elif backend == "jax":
        yield from _jax(devices)
    else:
        raise ConfigError(f"Training runs with KERAS_BACKEND tensorflow or jax. Received: {backend}")


def _tensorflow(devices: Sequence[str]) -> Iterator[Placement]:
    import tensorflow as tf

    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    devices = list(devices) or gpus
    if len(devices) > 1:
        with tf.distribute.MirroredStrategy(devices).scope():
            # XLA has no part in NCCL's collectives under MirroredStrategy.
            yield Placement(len(devices), False)
    else:
        # On CPUs, XLA's convolutions are slower than oneDNN's: `mviper bench train` prints both.
        yield Placement(1, bool(gpus))


def _jax(devices: Sequence[str]) -> Iterator[Placement]:
    import tensorflow as tf

    # The input pipeline runs on the CPU; TensorFlow would take all memory of the GPUs for it.
    tf.config.set_visible_devices([], "GPU")
    devices = list(devices) or keras.distribution.list_devices()
    if len(devices) > 1:
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
        try:
            yield Placement(len(devices), "auto")
        finally:
            keras.distribution.set_distribution(before)
    else:
        yield Placement(1, "auto")


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers built inside multiply and activate in this type and keep float32 weights.

    Args:
        name: "float32", "bfloat16" or "float16".
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
