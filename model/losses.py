"""Training losses (paper sections 4.1 and 4.2).

L = sum_t Lframe,t + lambda Lsmooth of a clip is divided by its frames T, so that weights mean the same for stills and
for clips of any length. A term is the mean over all frames of a batch, where frames without its label count zero: m of
the paper. A frame then pulls as hard as it does in any other batch; a mean over the labelled ones alone would let the
few 3D labels among many stills pull harder. What a mask leaves out may hold anything, NaN too.
"""

from __future__ import annotations

import dataclasses

from keras import ops

from model import conventions, rotations
from model.camera import project_weak
from model.config import LossConfig
from model.encoder import HEATMAP_LOGITS
from model.metrics import align_root


@dataclasses.dataclass(frozen=True)
class Losses:
    """The weighted total and its unweighted terms, scalars."""

    total: object
    keypoints2d: object
    keypoints3d: object
    pose: object
    betas: object
    smooth: object
    heatmaps: object

    TERMS = ("keypoints2d", "keypoints3d", "pose", "betas", "smooth", "heatmaps")


def mesh_losses(theta, keypoints, features, labels: dict, config: LossConfig) -> Losses:
    """Lframe = L2D + m (L3D + Lsmpl) and, for clips, lambda Lsmooth, each term with its weight.

    Args:
        theta: [B, 85] for stills or [B, T, 85] for clips.
        keypoints: [..., 19, 3] metres, of the body posed by theta.
        features: [..., L, D], the encoder's annotation vectors; read only when the heatmap loss is on.
        labels: "pose" [..., 72], "betas" [..., 10], "keypoints3d" [..., 19, 3] metres in the camera frame,
            "keypoints3d_valid" [..., 19], "keypoints2d" [..., 19, 3] (normalised x, y, visible), "has_3d" and
            "has_smpl" [...], with the leading dimensions of `theta`.
        config: weights.
    """
    pose, betas = theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE]

    # L2D = sum_i v_i |x_i - x^_i|_1
    projected = project_weak(keypoints, theta[..., conventions.CAMERA_SLICE])
    visible = labels["keypoints2d"][..., 2:]
    off = _where(visible, projected - labels["keypoints2d"][..., :2])
    keypoints2d = ops.mean(ops.sum(ops.abs(off), (-2, -1)))

    # m L3D = m sum_i |X_i - X^_i|^2
    predicted, truth = (align_root(points, points) for points in (keypoints, labels["keypoints3d"]))
    off = _where(_comparable(labels), predicted - truth)
    keypoints3d = ops.mean(ops.sum(off * off, (-2, -1)))

    # m Lsmpl = m |[theta, beta] - [theta^, beta^]|^2, rotations and shape apart
    known = labels["has_smpl"][..., None]
    pose_error = ops.mean(_pose_error(pose, _where(known, labels["pose"]), config) * labels["has_smpl"])
    off = _where(known, betas - labels["betas"])
    shape = ops.mean(ops.sum(off * off, -1))

    # Lsmooth = sum_{t>1} |beta_t - beta_{t-1}|^2
    smooth = ops.zeros(())
    if len(theta.shape) == 3:
        step = betas[:, 1:] - betas[:, :-1]
        smooth = ops.mean(ops.sum(step * step, (-2, -1))) / theta.shape[1]

    heatmaps = _heatmap_loss(features, labels["keypoints2d"]) if config.heatmaps else ops.zeros(())

    total = (
        config.keypoints2d * keypoints2d
        + config.keypoints3d * keypoints3d
        + config.pose * pose_error
        + config.betas * shape
        + config.smooth * smooth
        + config.heatmaps * heatmaps
    )
    return Losses(total, keypoints2d, keypoints3d, pose_error, shape, smooth, heatmaps)


def _where(mask, values):
    """Values where the mask is set, else 0: a product would keep NaN."""
    return ops.where(mask > 0, values, ops.zeros_like(values))


def _comparable(labels: dict):
    """Keypoints that L3D compares, [..., 19, 1].

    Without both hips a frame has no root to be aligned by: none of its keypoints is compared.
    """
    valid = labels["keypoints3d_valid"] * labels["has_3d"][..., None]
    first, second = conventions.ROOT_KEYPOINTS
    return (valid * valid[..., first, None] * valid[..., second, None])[..., None]


def _heatmap_loss(features, keypoints2d):
    """Cross entropy of the first 19 heatmaps, softmax over space, against the visible keypoints' cells.

    A keypoint between cells is shared among its four neighbours (bilinearly).
    """
    side = round(features.shape[-2] ** 0.5)
    maps = ops.reshape(features, (-1, side * side, features.shape[-1]))[..., : conventions.NUM_KEYPOINTS]
    logits = HEATMAP_LOGITS * maps
    labels = ops.reshape(_where(keypoints2d[..., 2:], keypoints2d), (-1, conventions.NUM_KEYPOINTS, 3))
    cells = (labels[..., :2] + 1.0) * (side / 2.0) - 0.5
    near = ops.maximum(0.0, 1.0 - ops.abs(cells[..., None] - ops.arange(side, dtype="float32")))
    target = ops.reshape(near[:, :, 1, :, None] * near[:, :, 0, None, :], (-1, labels.shape[1], side * side))
    entropy = -ops.sum(ops.swapaxes(target, 1, 2) * ops.log_softmax(logits, axis=1), axis=1)
    return ops.mean(ops.sum(labels[..., 2] * entropy, -1))


def _pose_error(pose, truth, config: LossConfig):
    """Squared difference of the 24 rotations, [..., 72] twice -> [...]."""
    if config.rotation_space == "axis_angle":
        return ops.sum((pose - truth) ** 2, -1)
    lead = tuple(-1 if d is None else d for d in pose.shape[:-1])
    difference = _matrices(pose) - _matrices(truth)
    return ops.reshape(ops.sum(difference**2, (-3, -2, -1)), lead)


def _matrices(pose):
    return rotations.axis_angle_to_matrix(ops.reshape(pose, (-1, conventions.NUM_JOINTS, 3)), ops)
