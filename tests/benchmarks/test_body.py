import pytest
from absl import flags

from benchmarks import body, harness

PROMISED = {
    "layer_forward_ms_per_pose", "layer_train_ms_per_pose", "twin_ms_per_pose", "load_s", "joint_error_max_mm",
    "smplx_forward_ratio", "smplx_train_ratio",
}  # fmt: skip


def test_prints_every_promised_figure(monkeypatch):
    monkeypatch.setattr(body, "BATCHES", (1, 2))
    monkeypatch.setattr(body, "TWIN_POSES", 2)
    flags.FLAGS(["test", "--repeats=1", "--compare_skinning"])
    found = harness.report("body", body.run())
    assert set(found) == {"bench", "machine", "settings", "figures"}
    assert set(found["figures"]) >= PROMISED
    for name, value in found["figures"].items():
        assert (value is None) == name.startswith("smplx") or value > 0, name


def test_a_median_is_not_moved_by_one_slow_call():
    import time

    pauses = iter([0.0, 0.0, 0.2, 0.0])
    assert harness.median_ms(lambda: time.sleep(next(pauses)), repeats=3, warm_up=1) == pytest.approx(0, abs=20)
