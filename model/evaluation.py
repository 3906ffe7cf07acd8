"""All metrics of a batch of clips, inside the graph: vertices never leave it, only numbers per frame do.

NaN stands for "not counted": a frame without a label, a frame without a prediction, a difference that such a frame
takes part in. `components.evaluation.means` leaves NaN out of every mean; the two shares say how much was left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from model import conventions, metrics
from model.body.layer import BodyLayer

# Metric -> what it is, for people. Keys name their unit; betas and shares have none.
FRAME_METRICS = {
    "mpjpe_mm": "mean per joint position error, 14 joints, root-aligned",
    "pa_mpjpe_mm": "the same after a similarity transform of each frame",
    "mpvpe_mm": "mean per vertex position error, root-aligned",
    "mrvpv_l1_m": "error of the running vertex variation, L1 over the mesh",
    "mrvpv_l2_m": "error of the running vertex variation, L2 over the mesh",
    "mrvpv_per_vertex_mm": "error of the running vertex variation, mean over vertices",
    "vertex_variation_l1_m": "running vertex variation of the prediction itself, L1 over the mesh",
    "vertex_variation_l2_m": "running vertex variation of the prediction itself, L2 over the mesh",
    "mrsv_l1": "running variation of the predicted betas, L1",
    "mrsv_l2": "running variation of the predicted betas, L2",
    "accel_mm_s2": "mean joint acceleration error",
    "missing_share": "share of the labelled frames without a prediction",
    "unlabelled_share": "share of all frames without 3D joints to compare with",
}
MEAN_POSE_PREFIX = "mean_pose_"
# What clip_metrics reads of the labels, as components.records.parse_batch names it.
LABELS = ("pose", "betas", "fps", "keypoints3d", "keypoints3d_valid", "has_3d", "has_smpl")
_FARTHEST = 1e6  # metres; a prediction beyond, infinite or NaN is none


def clip_metrics(theta: Any, mean_theta: Any, labels: dict[str, Any], body: BodyLayer) -> dict[str, Any]:
    """Every metric of FRAME_METRICS for clips, for a prediction and for the mean pose.

    True joints are the labelled ones where the clip has 3D joints, else those of the labelled body where it has one; a
    frame counts when all 14 evaluation joints are valid. True meshes are those of the labelled body. What a clip or a
    frame does not have is NaN in every metric that needs it. Clips without a frame rate (0) have no acceleration.

    Clips are posed one after the other, so that memory does not grow with the batch.

    Args:
        theta: [B, T, 85]; frames that are not finite are missing.
        mean_theta: [85], what a network that sees nothing would say.
        labels: "pose" [B, T, 72], "betas" [B, 10], "fps" [B], "keypoints3d" [B, T, 19, 3] metres,
            "keypoints3d_valid" [B, T, 19], "has_3d" [B], "has_smpl" [B]; others are not read.
        body: the body of both.

    Returns:
        Name -> [B, T] (or [B, T - 1], [B, T - 2] for differences), in the unit of the name, NaN where it is not
        counted; the mean pose's names begin with MEAN_POSE_PREFIX.
    """
    mean_betas = mean_theta[conventions.BETAS_SLICE]
    mean = body(mean_theta[None, conventions.POSE_SLICE], mean_betas[None], vertices=True)

    def one(inputs):
        theta, label = inputs
        keypoints, mesh = _truth(label, body)
        fps = ops.where(label["fps"] > 0, label["fps"], np.nan)
        betas = theta[:, conventions.BETAS_SLICE]
        posed = body(theta[:, conventions.POSE_SLICE], betas, vertices=True)
        values = _compare(posed.keypoints, posed.vertices, betas, keypoints, mesh, fps)
        still, still_mesh, still_betas = (
            ops.broadcast_to(x, y.shape)
            for x, y in ((mean.keypoints, keypoints), (mean.vertices, mesh), (mean_betas, betas))
        )
        baseline = _compare(still, still_mesh, still_betas, keypoints, mesh, fps)
        return {**values, **{MEAN_POSE_PREFIX + name: value for name, value in baseline.items()}}

    return ops.map(one, (theta, {name: labels[name] for name in LABELS}))


def _truth(label: dict[str, Any], body: BodyLayer) -> tuple[Any, Any]:
    """True keypoints [T, 19, 3] and root-aligned mesh [T, V, 3] of one clip, metres, NaN where there are none."""
    pose = label["pose"]
    posed = body(pose, ops.broadcast_to(label["betas"], (pose.shape[0], conventions.NUM_BETAS)), vertices=True)
    has_3d, has_smpl = label["has_3d"] > 0, label["has_smpl"] > 0
    labelled = ops.where(label["keypoints3d_valid"][..., None] > 0, label["keypoints3d"], np.nan)
    keypoints = ops.where(has_3d, labelled, ops.where(has_smpl, posed.keypoints, np.nan))
    mesh = metrics.align_root(posed.vertices, posed.keypoints)
    return keypoints, ops.where(has_smpl, mesh, np.nan)


def _compare(keypoints, vertices, betas, true_keypoints, true_mesh, fps) -> dict[str, Any]:
    """Metrics of one clip: keypoints [T, 19, 3], vertices [T, V, 3], betas [T, 10]; the true mesh is root-aligned."""
    present = _near(keypoints) & _near(vertices)
    keypoints, vertices = (ops.where(present[:, None, None], x, np.nan) for x in (keypoints, vertices))
    betas = ops.where(present[:, None], betas, np.nan)
    mesh = metrics.align_root(vertices, keypoints)
    labelled = _near(true_keypoints[:, : conventions.NUM_EVAL_KEYPOINTS])
    missing, unlabelled = (ops.cast(ops.logical_not(x), "float32") for x in (present, labelled))
    return {
        "mpjpe_mm": metrics.mpjpe(keypoints, true_keypoints, ops),
        "pa_mpjpe_mm": metrics.pa_mpjpe(keypoints, true_keypoints, ops),
        "mpvpe_mm": metrics.mpvpe(mesh, true_mesh, ops),
        "mrvpv_l1_m": metrics.mrvpv(mesh, true_mesh, 1, ops),
        "mrvpv_l2_m": metrics.mrvpv(mesh, true_mesh, 2, ops),
        "mrvpv_per_vertex_mm": metrics.mrvpv_per_vertex(mesh, true_mesh, ops),
        "vertex_variation_l1_m": metrics.vertex_variation(mesh, 1, ops),
        "vertex_variation_l2_m": metrics.vertex_variation(mesh, 2, ops),
        "mrsv_l1": metrics.mrsv(betas, 1, ops),
        "mrsv_l2": metrics.mrsv(betas, 2, ops),
        "accel_mm_s2": metrics.acceleration_error(keypoints, true_keypoints, fps, ops),
        "missing_share": ops.where(labelled, missing, np.nan),
        "unlabelled_share": unlabelled,
    }


def _near(points) -> Any:
    """Whether all points [T, N, 3] of each frame are numbers that a body could have; NaN compares as false."""
    return ops.all(ops.abs(points) < _FARTHEST, axis=(-2, -1))
