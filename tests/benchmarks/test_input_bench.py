import pytest
from absl import flags

from benchmarks import input as input_bench

PROMISED = {
    "clips_per_s", "uncached_clips_per_s", "cpu_ms_per_clip", "uncached_cpu_ms_per_clip", "step_share",
    "uncached_step_share", "step_cpu_ms_per_clip", "inspect_ms_per_clip", *(f"{s}_ms" for s in input_bench.STAGES),
}  # fmt: skip


def test_prints_every_promised_figure():
    pytest.importorskip("tensorflow")
    flags.FLAGS(
        ["test", "--network_configs=demo", "--input_clips=4", "--input_repeats=1", "--noinput_step", "--input_data="]
    )
    found = input_bench.run().figures
    assert set(found) == {f"demo_{name}" for name in PROMISED}
    for name, value in found.items():
        assert (value is None) == ("step" in name) or value > 0, name
