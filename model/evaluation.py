"""All metrics of a batch of clips, inside the graph: vertices never leave it, only numbers per frame do."""

from __future__ import annotations

from typing import Any

from keras import ops

from model import conventions, metrics
from model.body.layer import BodyLayer, PosedBody

# Metric -> what it is, for people. Keys name their unit.
FRAME_METRICS = {
    "mpjpe_mm": "mean per joint position error, 14 joints, root-aligned",
    "pa_mpjpe_mm": "the same after a similarity transform of each frame",
    "mpvpe_mm": "mean per vertex position error, root-aligned",
    "mrvpv_l1_m": "error of the running vertex variation, L1 over the mesh",
    "mrvpv_l2_m": "error of the running vertex variation, L2 over the mesh",
    "mrsv_l1": "running variation of the predicted betas, L1",
    "mrsv_l2": "running variation of the predicted betas, L2",
    "accel_mm_s2": "mean joint acceleration error",
}
MEAN_POSE_PREFIX = "mean_pose_"


def clip_metrics(theta: Any, mean_theta: Any, labels: dict[str, Any], body: BodyLayer) -> dict[str, Any]:
    """Every metric of FRAME_METRICS for clips, for a prediction and for the mean pose.

    Clips are posed one after the other, so that memory does not grow with the batch.

    Args:
        theta: [B, T, 85].
        mean_theta: [85], what a network that sees nothing would say.
        labels: "pose" [B, T, 72], "betas" [B, 10], "fps" [B].
        body: the body of both.

    Returns:
        Name -> [B, T] (or [B, T - 1], [B, T - 2] for differences), in the unit of the name; the mean pose's names
        begin with MEAN_POSE_PREFIX.
    """
    mean_pose, mean_betas = mean_theta[conventions.POSE_SLICE], mean_theta[conventions.BETAS_SLICE]
    mean = body(mean_pose[None], mean_betas[None], vertices=True)

    def one(inputs):
        theta, pose, betas, fps = inputs
        shape = theta[:, conventions.BETAS_SLICE]
        predicted = body(theta[:, conventions.POSE_SLICE], shape, vertices=True)
        truth = body(pose, ops.broadcast_to(betas, shape.shape), vertices=True)
        values = _compare(predicted, truth, shape, fps)
        resting = PosedBody(*(ops.broadcast_to(x, y.shape) for x, y in zip(_parts(mean), _parts(truth), strict=True)))
        baseline = _compare(resting, truth, ops.zeros_like(shape) + mean_betas, fps)
        return {**values, **{MEAN_POSE_PREFIX + name: value for name, value in baseline.items()}}

    return ops.map(one, (theta, labels["pose"], labels["betas"], labels["fps"]))


def _parts(posed: PosedBody):
    return posed.joints, posed.keypoints, posed.vertices


def _compare(predicted: PosedBody, truth: PosedBody, betas, fps) -> dict[str, Any]:
    """Metrics of one clip; the metric functions want a leading batch."""
    joints = (predicted.keypoints[None], truth.keypoints[None])
    mesh, true_mesh = (metrics.align_root(p.vertices, p.keypoints)[None] for p in (predicted, truth))
    values = {
        "mpjpe_mm": metrics.mpjpe(*joints, ops),
        "pa_mpjpe_mm": metrics.pa_mpjpe(*joints, ops),
        "mpvpe_mm": metrics.mpvpe(mesh, true_mesh, ops),
        "mrvpv_l1_m": metrics.mrvpv(mesh, true_mesh, 1, ops),
        "mrvpv_l2_m": metrics.mrvpv(mesh, true_mesh, 2, ops),
        "mrsv_l1": metrics.mrsv(betas[None], 1, ops),
        "mrsv_l2": metrics.mrsv(betas[None], 2, ops),
        "accel_mm_s2": metrics.acceleration_error(*joints, fps[None], ops),
    }
    return {name: value[0] for name, value in values.items()}
