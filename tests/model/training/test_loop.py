import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import tiny

from model.baselines.adversarial import AdversarialPrior
from model.errors import ConfigError, NonFiniteError
from model.training.resume import STATE

HERE = pathlib.Path(__file__).parent


def run(folder, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, HERE / "killed.py", folder, *arguments]
    path = {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[2])])}
    return subprocess.run(command, env={**os.environ, **path}, capture_output=True, text=True)


def test_a_run_killed_in_mid_epoch_ends_with_the_same_bits_as_an_unbroken_one(tmp_path):
    killed = run(tmp_path, "kill")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed, unbroken = run(tmp_path), run(tmp_path / "unbroken")
    assert resumed.returncode == unbroken.returncode == 0, resumed.stderr + unbroken.stderr
    (began, *result), (_, *wanted) = (json.loads(found.stdout) for found in (resumed, unbroken))
    assert began == [1, 4] and result == wanted
    # Another config is refused by the name of what differs, or dropped on demand.
    with pytest.raises(ConfigError, match=r"Received: one with other train.seed: 0, here 1"):
        tiny.stage(tmp_path, tiny.RESUMED, "video", identity={"train": {"seed": 1}})
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:1000])
    with pytest.raises(ConfigError, match="--restart drops it"):
        tiny.stage(tmp_path, tiny.RESUMED, "video")


def test_an_infinite_loss_stops_the_run_with_its_clips_and_keeps_the_checkpoint_before(tmp_path):
    data = tiny.Data(poisoned=(1, 2))
    stage = tiny.stage(tmp_path, data=data)
    with pytest.raises(NonFiniteError, match=rf"step 3 of epoch 2, a batch of the clips {data.clip_ids(1, 2)[0]}"):
        stage.run()
    kept = tiny.stage(tmp_path)
    assert (kept.progress.epoch, kept.progress.step) == (1, 0)
    assert all(np.isfinite(np.asarray(variable)).all() for variable in kept.trainer.variables)


def test_ctrl_c_saves_the_step_it_met(tmp_path):
    stage = tiny.stage(tmp_path)
    update = stage.bar.bar.update

    def interrupt():
        update()
        if stage.progress.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    stage.bar.bar.update = interrupt
    with pytest.raises(KeyboardInterrupt):
        stage.run()
    assert tiny.stage(tmp_path).progress.step == 3


def test_early_stopping_without_3d_labels_is_refused():
    data = tiny.Data()
    data.labels["has_3d"][:] = 0
    stage = tiny.stage(None, dataclasses.replace(tiny.TRAIN, patience=2), data=data)
    with pytest.raises(ConfigError, match="Received: one without"):
        stage.run()


def test_the_best_evaluation_is_kept_and_ends_the_stage(monkeypatch):
    stage = tiny.stage(None, dataclasses.replace(tiny.TRAIN, epochs=9, patience=2, average=0.5))
    errors, weights = [5.0, 4.0, 6.0, 4.0, 1.0], []

    def evaluate(*_, **__):
        weights.append(stage.trainer.network.get_weights())
        return {"pa_mpjpe": errors[len(weights) - 1], "mpjpe": 0.0}

    monkeypatch.setattr(stage.trainer, "evaluate", evaluate)
    assert stage.run()["val_pa_mpjpe"] == errors[:4]
    kept = stage.trainer.network.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(kept, weights[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(kept, weights[2], strict=True))


def test_the_prior_trains_beside_the_network_and_is_part_of_the_checkpoint(tmp_path):
    def stage(folder):
        prior = AdversarialPrior()
        prior.build()
        return tiny.stage(folder, dataclasses.replace(tiny.TRAIN, epochs=1), prior=prior)

    first = stage(tmp_path)
    before = first.trainer.prior.get_weights()
    curves = first.run()
    assert len(curves["adversarial"]) == len(curves["discriminator"]) == 1
    after = first.trainer.prior.get_weights()
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    restored = stage(tmp_path).trainer.prior.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(after, restored, strict=True))
