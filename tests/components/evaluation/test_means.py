import types

import numpy as np
import pytest

from components.evaluation import means

NAN = float("nan")


def test_nan_frames_are_in_neither_sum():
    assert means.summed(np.array([[1.0, NAN], [3.0, 5.0]], np.float32)) == (9.0, 3.0)
    # A ratio compares the same frames: the third is the easy one that the model did not answer.
    assert means.summed([2.0, 4.0, NAN, 1.0], [4.0, 8.0, 1.0, NAN]) == (6.0, 12.0)
    assert means.summed(np.zeros((3, 0))) == (0.0, 0.0)
    assert means.mean(*means.summed([1.0, float("inf")])) == float("inf")
    assert np.isnan(means.mean(*means.summed([NAN])))


def test_tfma_combines_counted_frames_of_many_clips():
    from components.evaluation import gate, tfma_metrics

    # Two workers, one of which saw only a clip without labels; predictions come as TFMA hands them over.
    clips = [[[10.0, 20.0, NAN]], [[60.0, NAN, NAN]]], [[[NAN, NAN, NAN]]]
    found = {}
    for metric, key in ((tfma_metrics.FrameMean, "mpjpe_mm"), (tfma_metrics.RatioToMeanPose, "mpjpe_mm")):
        (computation,) = metric(key).computations()
        combiner = computation.combiner
        accumulators = []
        for worker in clips:
            accumulator = combiner.create_accumulator()
            for values in worker:
                outputs = {key: np.array(values), "mean_pose_mpjpe_mm": np.array([[60.0, 60.0, 60.0]])}
                element = types.SimpleNamespace(get_predictions=lambda outputs=outputs: outputs)
                accumulator = combiner.add_input(accumulator, element)
            accumulators.append(accumulator)
        found |= {k.name: v for k, v in combiner.extract_output(combiner.merge_accumulators(accumulators)).items()}
    assert found == {"mpjpe_mm": pytest.approx(30.0), "mpjpe_mm_over_mean_pose": pytest.approx(0.5)}

    # A model that does not answer is stopped by a limit of its own.
    (missing,) = [
        metric
        for metric in gate.eval_config(gate.GateConfig(missing_share=0.25)).metrics_specs[0].metrics
        if metric.config == '{"output": "missing_share"}'
    ]
    (limit,) = missing.per_slice_thresholds
    assert limit.threshold.value_threshold.upper_bound.value == 0.25
