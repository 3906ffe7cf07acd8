import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import backend_figures
import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed (extra: jax)")
def test_jax_gives_what_tensorflow_gives(tmp_path):
    assert keras.backend.backend() == "tensorflow"
    backend_figures.save(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, backend_figures.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    other = json.loads((tmp_path / "figures.json").read_text())
    assert other.pop("backend") == "jax"
    for name, value in backend_figures.figures(tmp_path).items():
        assert np.allclose(other[name], value, rtol=1e-4, atol=1e-4), name
    first, second = other["losses"]
    assert abs(first - second) > 1e-2 * first
