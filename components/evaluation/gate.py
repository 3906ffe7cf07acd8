"""What a model must reach to be pushed: the Evaluator's configuration."""

from __future__ import annotations

import dataclasses
from typing import Any

from model.errors import ConfigError
from model.evaluation import FRAME_METRICS, MEAN_POSE_PREFIX

# A clip counts for every one of its protocols.
SLICES = ("clip/action", "clip/camera", "clip/source", "clip/subject", "clip/protocols")


@dataclasses.dataclass(frozen=True)
class GateConfig:
    """Blessing limits.

    The ratios gate a first model, for which there is no last one to compare with: an Evaluator without absolute limits
    would bless anything. The changes gate every later model.

    Attributes:
        mpjpe_over_mean_pose: highest allowed MPJPE, as a share of the mean pose's.
        pa_mpjpe_over_mean_pose: the same for PA-MPJPE.
        worse_mpjpe_mm: how much worse than the last blessed model MPJPE may be.
        worse_pa_mpjpe_mm: the same for PA-MPJPE.
        missing_share: highest allowed share of the labelled frames without a prediction. Missing frames are in no mean,
            so a model must not get ahead by being silent where it is hard. Nothing labelled keeps no limit.
    """

    mpjpe_over_mean_pose: float = 0.8
    pa_mpjpe_over_mean_pose: float = 0.9
    worse_mpjpe_mm: float = 2.0
    worse_pa_mpjpe_mm: float = 2.0
    missing_share: float = 0.01

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) >= 0:
                raise ConfigError(f"{field.name} is not negative. Received: {getattr(self, field.name)}")


def eval_config(gate: GateConfig, with_baseline: bool = True) -> Any:
    """The tfma.EvalConfig of all metrics, slices and limits.

    Args:
        gate: limits.
        with_baseline: whether a last blessed model may be there to compare with.
    """
    import tensorflow_model_analysis as tfma

    from components.evaluation import tfma_metrics

    lower = tfma.MetricDirection.LOWER_IS_BETTER
    # A change below zero is an improvement; the limit is how far above zero it may go.
    changes = {"mpjpe_mm": gate.worse_mpjpe_mm, "pa_mpjpe_mm": gate.worse_pa_mpjpe_mm}
    ratios = {"mpjpe_mm": gate.mpjpe_over_mean_pose, "pa_mpjpe_mm": gate.pa_mpjpe_over_mean_pose}

    def metric(class_name: str, output: str, threshold=None):
        # Limits hold over all clips; a plain `threshold` would hold for every slice, however few clips are in it.
        overall = [tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=threshold)]
        return tfma.MetricConfig(
            class_name=class_name,
            module=tfma_metrics.__name__,
            config=f'{{"output": "{output}"}}',
            per_slice_thresholds=overall if threshold else [],
        )

    def limit_of(output: str):
        if output == "missing_share":
            return ceiling(gate.missing_share)
        if not (with_baseline and output in changes):
            return None
        limit = tfma.GenericChangeThreshold(direction=lower, absolute={"value": changes[output]})
        return tfma.MetricThreshold(change_threshold=limit)

    def ceiling(value: float):
        return tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(upper_bound={"value": value}))

    metrics = [tfma.MetricConfig(class_name="ExampleCount")]
    metrics += [metric("FrameMean", output, limit_of(output)) for output in FRAME_METRICS]
    metrics += [metric("FrameMean", MEAN_POSE_PREFIX + output) for output in FRAME_METRICS]
    metrics += [metric("RatioToMeanPose", output, ceiling(limit)) for output, limit in ratios.items()]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="evaluation")],
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[key]) for key in SLICES)],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
