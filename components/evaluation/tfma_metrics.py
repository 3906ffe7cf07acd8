"""TFMA metrics over the `evaluation` signature: means over the frames that count, and ratios to the mean pose."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation import means
from model.evaluation import MEAN_POSE_PREFIX


class _MeanCombiner(beam.CombineFn):
    """Sum of one output over the sum of another, or over the count of frames when there is no other.

    Frames that are NaN do not count: components.evaluation.means.
    """

    def __init__(self, key: metric_types.MetricKey, output: str, divisor: str | None):
        self._key = key
        self._output = output
        self._divisor = divisor

    def create_accumulator(self) -> tuple[float, float]:
        return 0.0, 0.0

    def add_input(self, accumulator, element):
        outputs = element.get_predictions()
        if self._key.model_name and self._key.model_name in outputs:
            outputs = outputs[self._key.model_name]
        divisor = outputs[self._divisor] if self._divisor else None
        total, weight = means.summed(outputs[self._output], divisor)
        return accumulator[0] + total, accumulator[1] + weight

    def merge_accumulators(self, accumulators):
        sums = np.sum(list(accumulators), axis=0)
        return float(sums[0]), float(sums[1])

    def extract_output(self, accumulator) -> dict[metric_types.MetricKey, float]:
        return {self._key: means.mean(*accumulator)}


class FrameMean(tfma.metrics.Metric):
    """Mean of one output of the `evaluation` signature over all frames that count; NaN when none does."""

    def __init__(self, output: str, name: str | None = None):
        """Args: output: a key of model.evaluation.FRAME_METRICS, with or without the mean pose's prefix."""
        super().__init__(_computations, name=name or output, output=output)


class RatioToMeanPose(tfma.metrics.Metric):
    """One metric divided by the mean pose's: below 1 the network knows more than the average of its training set."""

    def __init__(self, output: str, name: str | None = None):
        """Args: output: a key of model.evaluation.FRAME_METRICS."""
        name = name or f"{output}_over_mean_pose"
        super().__init__(_computations, name=name, output=output, divisor=MEAN_POSE_PREFIX + output)


def _computations(
    output: str,
    divisor: str | None = None,
    name: str = "",
    model_names: list[str] | None = None,
    **_: Any,
) -> list[metric_types.MetricComputation]:
    computations = []
    for model_name in model_names or [""]:
        key = metric_types.MetricKey(name=name, model_name=model_name)
        combiner = _MeanCombiner(key, output, divisor)
        computations.append(metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner))
    return computations
