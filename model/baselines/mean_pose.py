"""The simplest predictor there is: the training set's mean Theta for every frame."""

from __future__ import annotations

import numpy as np

from model import conventions, rotations


def mean_theta(pose: np.ndarray, betas: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Mean Theta of a training set.

    Rotations are averaged as matrices and projected back to rotations (the chordal mean): axis-angle vectors near pi
    cancel when they are averaged themselves.

    Args:
        pose: [N, 72] axis-angle.
        betas: [N, 10].
        cameras: [N, 3] weak-perspective s, t_x, t_y.

    Returns:
        [85] float32.
    """
    matrices = rotations.axis_angle_to_matrix(np.asarray(pose, np.float64).reshape(len(pose), -1, 3))
    mean_pose = rotations.matrix_to_axis_angle(rotations.nearest_rotation(matrices.mean(0)))
    parts = [np.mean(cameras, 0), mean_pose.ravel(), np.mean(betas, 0)]
    theta = np.concatenate(parts).astype(np.float32)
    assert theta.shape == (conventions.THETA_SIZE,)
    return theta


def fit_weak_camera(keypoints3d: np.ndarray, keypoints2d: np.ndarray) -> np.ndarray:
    """Least-squares weak-perspective cameras.

    Args:
        keypoints3d: [N, 19, 3] metres, camera axes, relative to the pelvis as the body layer returns them.
        keypoints2d: [N, 19, 2] normalised image coordinates.

    Returns:
        [N, 3]: s, t_x, t_y.
    """
    points = keypoints3d[..., :2]
    mean3, mean2 = points.mean(1, keepdims=True), keypoints2d.mean(1, keepdims=True)
    a, b = points - mean3, keypoints2d - mean2
    scale = (a * b).sum((1, 2)) / np.maximum((a * a).sum((1, 2)), 1e-9)
    shift = mean2[:, 0] - scale[:, None] * mean3[:, 0]
    return np.concatenate([scale[:, None], shift], 1)
