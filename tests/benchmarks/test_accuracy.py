import pytest

from benchmarks import accuracy


def metrics(value):
    return dict.fromkeys(accuracy.METRICS, value) | {"minutes": 2.0, "cpu_s": 200.0}


def test_figures_are_means_over_seeds_and_ratios_are_of_the_same_seed():
    found = {
        "mean_pose": [metrics(300.0)], "smplify": [], "frame": [metrics(90.0), metrics(94.0)],
        "hmr_star": [metrics(100.0), metrics(50.0)], "video": [metrics(80.0), metrics(30.0)],
    }  # fmt: skip
    figures = accuracy.summary(found)
    assert figures["video_pa_mpjpe_mm"] == pytest.approx(55) and figures["video_pa_mpjpe_mm_spread"] == 50
    # (0.8 + 0.6) / 2, not the ratio of the means.
    assert figures["ratio_mpjpe_mm"] == pytest.approx(0.7)
    assert figures["ratio_mpjpe_mm_spread"] == pytest.approx(0.2)
    assert figures["smplify_mpjpe_mm"] is None and figures["hmr_stage_minutes"] == 2.0
    rows = {line.split()[0]: line.split()[1:] for line in accuracy.tables(figures).split("\n\n")[0].splitlines()[2:]}
    assert rows["video"] == ["55.0", "+-25", "55.0", "+-25"] and rows["smplify"] == ["-", "-"]
    assert rows["video/HMR*"][:2] == ["0.7", "+-0.1"]
