import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one_does(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    path = os.pathsep.join([str(HERE), str(HERE.parents[2])])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, HERE / "two_devices.py"], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    apart = json.loads(ran.stdout.splitlines()[-1])
    # Sums in another order: 1e-6 in a step, more in Adam's quotients of small numbers, of which weights that start at
    # zero consist. Gradients added up instead of averaged would be apart by 1.
    assert apart["curves"] < 1e-4 and apart["state"] < 2e-2, apart
