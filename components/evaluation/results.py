"""What the Evaluator found, as plain data."""

from __future__ import annotations

import dataclasses
import pathlib

from model.evaluation import FRAME_METRICS, MEAN_POSE_PREFIX

RATIO_SUFFIX = "_over_mean_pose"


@dataclasses.dataclass(frozen=True)
class Results:
    """Metrics of one evaluated model.

    Attributes:
        overall: metric -> value over all frames that count, NaN where none does.
        slices: (feature, value) -> metric -> value.
        passed: whether all limits were kept.
        failures: limits that were not, in words.
    """

    overall: dict[str, float]
    slices: dict[tuple[str, str], dict[str, float]]
    passed: bool
    failures: tuple[str, ...]

    def ratio(self, metric: str) -> float:
        """A metric as a share of the mean pose's."""
        return self.overall[metric] / self.overall[MEAN_POSE_PREFIX + metric]

    def rows(self) -> list[tuple[str, str, float, float]]:
        """(metric, meaning, model, mean pose) for every metric."""
        return [
            (name, meaning, self.overall[name], self.overall[MEAN_POSE_PREFIX + name])
            for name, meaning in FRAME_METRICS.items()
        ]


def read(evaluation: str | pathlib.Path) -> Results:
    """Reads the folder that TFX's Evaluator wrote."""
    import tensorflow_model_analysis as tfma

    loaded = tfma.load_eval_result(str(evaluation))
    overall: dict[str, float] = {}
    slices: dict[tuple[str, str], dict[str, float]] = {}
    for key, by_output in loaded.slicing_metrics:
        values = {
            name: float(value["doubleValue"])  # JSON has no NaN: it comes as a string
            for by_sub_key in by_output.values()
            for metrics in by_sub_key.values()
            for name, value in metrics.items()
            if "doubleValue" in value
        }
        if not key:
            overall = values
        else:
            slices[str(key[0][0]), str(key[0][1])] = values
    validation = tfma.load_validation_result(str(evaluation))
    failures = tuple(
        f"{failure.metric_key.name}: {failure.metric_value.double_value.value:.3f} {_limit(failure.metric_threshold)}"
        for metrics in validation.metric_validations_per_slice
        for failure in metrics.failures
    )
    return Results(overall, dict(sorted(slices.items())), bool(validation.validation_ok), failures)


def _limit(threshold) -> str:
    if threshold.HasField("value_threshold"):
        return f"is above {threshold.value_threshold.upper_bound.value:g}"
    return f"is more than {threshold.change_threshold.absolute.value:g} above the last blessed model's"
