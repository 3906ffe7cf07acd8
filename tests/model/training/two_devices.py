"""Trains the tiny video stage on one CPU device and on two; prints how far the results are apart.

Both halves of every batch are the same clips, so that batch normalisation sees the same statistics on every device.
"""

import dataclasses
import json
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np
import tiny

from model.training import devices
from model.training.resume import state_variables

# No clipping and no dropout: gradients must agree in size, and random numbers are drawn per device.
TRAIN = dataclasses.replace(tiny.TRAIN, epochs=1, clip_norm=1e9)
MODEL = dataclasses.replace(tiny.MODEL, regressor_dropout=0.0)


def names() -> list[str]:
    """Two devices of the backend."""
    if keras.backend.backend() == "jax":
        return keras.distribution.list_devices("cpu")
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return ["CPU:0", "CPU:1"]


def train(on: list[str]) -> tuple[dict, list[np.ndarray]]:
    """Curves, and all state at the end."""
    data = tiny.Data(stills=False)
    for values in (data.images, *data.labels.values()):
        values[:, 2:] = values[:, :2]
    with devices.placed(on) as placement:
        assert placement.count == max(1, len(on))
        stage = tiny.stage(None, TRAIN, "video", data, model=MODEL, placement=placement)
        curves = stage.run()
        return curves, [np.array(v, np.float64) for v in state_variables(stage.trainer)]


def main() -> None:
    found = names()
    (one, state_one), (two, state_two) = train(found[:1]), train(found)
    curves = max(abs(a - b) / max(abs(a), 1e-3) for name in one for a, b in zip(one[name], two[name], strict=True))
    state = [np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-3) for a, b in zip(state_one, state_two, strict=True)]
    print(json.dumps({"curves": curves, "state": max(state)}))


if __name__ == "__main__":
    main()
