"""The results page: one HTML file that needs nothing else, neither network nor server."""

from __future__ import annotations

import dataclasses
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from components.evaluation.results import Results
from components.web import page

TEMPLATE = pathlib.Path(__file__).parent / "page" / "results.html"


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """A clip to look at.

    Attributes:
        title: clip id and what is done.
        caption: its errors.
        frames: RGB pictures of equal size, input, truth and prediction side by side.
    """

    title: str
    caption: str
    frames: Sequence[np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """What the page shows.

    Attributes:
        title: headline.
        facts: (name, value) about data, model and machine.
        results: the Evaluator's metrics.
        limits: (metric, value, limit) of the gate's absolute limits.
        blessed: whether the model was pushed.
        curves: stage -> curve -> values of each epoch.
        timings: (stage, seconds, remark).
        samples: clips.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    results: Results
    limits: Sequence[tuple[str, float, float]]
    blessed: bool
    curves: dict[str, dict[str, list[float]]]
    timings: Sequence[tuple[str, float, str]]
    samples: Sequence[Sample]


def write(path: str | pathlib.Path, report: Report) -> None:
    """Writes the page."""
    page.write(
        path,
        TEMPLATE,
        report=report,
        charts=[(stage, _chart(stage, curves)) for stage, curves in report.curves.items()],
        samples=[
            {"title": s.title, "caption": s.caption, "frames": [page.data_uri(page.jpeg(f)) for f in s.frames]}
            for s in report.samples
        ],
        slices=_slice_tables(report.results),
        total=sum(seconds for _, seconds, _ in report.timings),
    )


def _slice_tables(results: Results) -> list[dict[str, Any]]:
    """Joint errors by slice, one table a feature."""
    tables: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for (feature, value), metrics in results.slices.items():
        tables.setdefault(feature, []).append((value, metrics))
    return [{"feature": feature, "rows": rows} for feature, rows in tables.items()]


def _chart(stage: str, curves: dict[str, list[float]]) -> str:
    """Training curves of a stage as an SVG element: the loss, and both joint errors."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
    epochs = np.arange(1, len(curves["loss"]) + 1)
    left.plot(epochs, curves["loss"], color="#4c6ef5")
    left.set(title=f"{stage}: loss", xlabel="epoch", yscale="log")
    for name, colour in (("mpjpe", "#4c6ef5"), ("pa_mpjpe", "#e8590c")):
        if name in curves:  # training steps compute MPJPE alone
            right.plot(epochs, curves[name], color=colour, alpha=0.45, label=f"{name} train")
        held_out = curves.get(f"val_{name}", [])
        if held_out:
            # Evaluations are evenly spread over the epochs and end with the last.
            at = np.linspace(epochs[-1] / len(held_out), epochs[-1], len(held_out))
            right.plot(at, held_out, "o-", color=colour, markersize=3, label=f"{name} eval")
    right.set(title=f"{stage}: joint errors, mm", xlabel="epoch", ylim=(0, None))
    right.legend(fontsize=7)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    pyplot.close(figure)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
