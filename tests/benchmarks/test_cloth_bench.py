import dataclasses

import pytest
from absl import flags

from benchmarks import cloth
from model.errors import ConfigError
from synthesis.cloth import gates

PROMISED = {
    "outfit_cpu_s_per_frame", "tshirt_cpu_s_per_frame", "blender_ratio", "gate_pass_share", "stretch_p99",
    "inside_share", "self_intersection_share", "peak_memory_mb",
}  # fmt: skip
GOOD = gates.Quality(True, 1.1, 1.4, 0.001, 0.002, 0.005, 0.0)


@pytest.fixture()
def mocap(tmp_path):
    for name in ("02_01.bvh", "02_01.amc", "09_11_reexported.bvh", "09_11.c3d", "09_111.bvh"):
        (tmp_path / name).touch()
    return tmp_path


def test_every_promised_figure_is_null_without_motions(tmp_path):
    flags.FLAGS(["test", f"--mocap={tmp_path}"])
    found = cloth.run()
    assert set(found.figures) >= PROMISED
    assert {name for name, value in found.figures.items() if value is not None} == {"peak_memory_mb"}


def test_trials_are_found_exported_again_or_not(mocap):
    assert cloth.find_motion(mocap, "02_01").name == "02_01.bvh"
    assert cloth.find_motion(mocap, "09_11").name == "09_11_reexported.bvh"
    assert cloth.find_motion(mocap, "131_03") is None


def test_unknown_parts_are_refused(tmp_path):
    flags.FLAGS(["test", f"--mocap={tmp_path}", "--only=outfit,trousers"])
    with pytest.raises(ConfigError, match="trousers"):
        cloth.run()


def test_shares_count_the_clips_that_pass_and_leave_the_cartwheel_out(mocap, monkeypatch):
    (mocap / "49_08.bvh").touch()
    crumpled = dataclasses.replace(GOOD, intersection_share=0.05)
    torn = dataclasses.replace(GOOD, stretch_max=3.0)
    qualities = iter([GOOD, GOOD, crumpled, torn, torn, torn])
    monkeypatch.setattr(cloth, "random_cases", lambda motions, clips, seconds: [_case(f"{k}") for k in range(clips)])
    monkeypatch.setattr(cloth, "simulate", lambda case, engine: (None, next(qualities)))
    flags.FLAGS(["test", f"--mocap={mocap}", "--motions=02_01,09_11,49_08", "--clips=4", "--only=gates"])
    figures = cloth.run().figures
    assert figures["gate_pass_share"] == 0.5 and figures["emitted_pass_share"] == 0.75
    assert figures["cartwheel_pass_share"] == 0.0


def _case(name):
    return cloth.Case(name, "02_01", None)
