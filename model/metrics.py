"""Evaluation metrics (paper section 5.1), written once for NumPy and for graphs; docs/evaluation.md lists them.

Every function takes predictions first and the array namespace `xp` (`numpy` or `keras.ops`); leading dimensions are
free, time is the last of them. Inputs are in metres; names ending in `_mm` elsewhere hold what is returned in
millimetres here. A frame that is not there is NaN, and NaN is its error: in that frame, and in the differences between
frames that it takes part in. Clips too short for a difference have none: the time axis of the result is empty.

Rounding. In float32 a position 14 m from the camera is a micrometre off, its double step a few. So points are first
taken relative to a point of their own body, which is exact or nearly so, and only then averaged; the float32 graph then
gives joint and vertex errors of bodies within 1e-4 mm of float64, wherever they stand.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model import conventions, rotations

Array = Any
MM = 1000.0
_TINY = 1e-12


def align_root(points: Array, keypoints: Array) -> Array:
    """Points [..., N, 3] relative to the mid-hip of keypoints [..., 19, 3]."""
    first, second = (keypoints[..., hip, :][..., None, :] for hip in conventions.ROOT_KEYPOINTS)
    return (points - first) - 0.5 * (second - first)


def mpjpe(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """Mean per joint position error over the 14 evaluation joints, root-aligned.

    Args:
        predicted: [..., 19, 3] metres.
        truth: [..., 19, 3] metres.
        xp: array namespace.

    Returns:
        [...] millimetres.
    """
    return MM * _mean_norm(_joint_difference(predicted, truth), xp)


def pa_mpjpe(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """MPJPE after the best similarity transform of each frame (Procrustes; reflections are not allowed).

    Args:
        predicted: [..., 19, 3] metres.
        truth: [..., 19, 3] metres.
        xp: array namespace.

    Returns:
        [...] millimetres.
    """
    n = conventions.NUM_EVAL_KEYPOINTS
    target = _centred(truth[..., :n, :], xp)
    return MM * _mean_norm(similarity_align(predicted[..., :n, :], target, xp) - target, xp)


def similarity_align(source: Array, target: Array, xp: Any = np) -> Array:
    """Scales, rotates and moves source onto target in the least-squares sense.

    Args:
        source: [..., N, 3]; all its points in one place land on the target's centre.
        target: [..., N, 3].
        xp: array namespace.

    Returns:
        [..., N, 3]; NaN where source or target is not finite.
    """
    finite = xp.all(xp.isfinite(source) & xp.isfinite(target), axis=(-2, -1), keepdims=True)
    # One NaN makes LAPACK give up on the whole batch, so such frames pass through as zeros.
    source, target = (xp.where(finite, points, xp.zeros_like(points)) for points in (source, target))
    a, b = _centred(source, xp), _centred(target, xp)
    turned = xp.sum(a[..., None, :] * _best_rotation(a, b, xp)[..., None, :, :], axis=-1)
    scale = xp.sum(turned * b, axis=(-2, -1)) / xp.maximum(xp.sum(a * a, axis=(-2, -1)), _TINY)
    aligned = scale[..., None, None] * turned + xp.mean(target, axis=-2, keepdims=True)
    return xp.where(finite, aligned, xp.full_like(aligned, np.nan))


def _best_rotation(a: Array, b: Array, xp: Any) -> Array:
    """The rotation [..., 3, 3] that turns centred points a onto b [..., N, 3] best (Horn 1987, section 4).

    It is the eigenvector of Horn's matrix with the largest eigenvalue, as a quaternion: never a reflection, and a
    rotation to the last bit, which the factors of a float32 SVD are not. Also compiles with XLA, which has no
    determinant on CPUs.
    """
    # Sums, not matrix products: accelerators round the factors of those to ten bits (TF32).
    h = xp.sum(a[..., :, None] * b[..., None, :], axis=-3)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = (h[..., i, j] for i in range(3) for j in range(3))
    rows = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ]
    eigh = np.linalg.eigh if xp is np else xp.eigh
    _, vectors = eigh(xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2))
    return rotations.quaternion_to_matrix(vectors[..., -1], xp)


def mpvpe(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """Mean per vertex position error of root-aligned meshes [..., V, 3] metres -> [...] millimetres."""
    return MM * _mean_norm(predicted - truth, xp)


def mrvpv(predicted: Array, truth: Array, p: int, xp: Any = np) -> Array:
    """Error of the running vertex variation: ||(V_{n+1} - V_n) - (V^_{n+1} - V^_n)||_p over the whole mesh vector.

    Args:
        predicted: [..., T, V, 3] metres, root-aligned.
        truth: [..., T, V, 3] metres, root-aligned.
        p: 1 or 2.
        xp: array namespace.

    Returns:
        [..., T - 1] metres.
    """
    return _p_norm(_mesh_step(predicted) - _mesh_step(truth), p, (-2, -1), xp)


def mrvpv_per_vertex(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """The error of the running variation as a mean over vertices, which does not grow with their number.

    Args:
        predicted: [..., T, V, 3] metres, root-aligned.
        truth: [..., T, V, 3] metres, root-aligned.
        xp: array namespace.

    Returns:
        [..., T - 1] millimetres.
    """
    return MM * _mean_norm(_mesh_step(predicted) - _mesh_step(truth), xp)


def vertex_variation(predicted: Array, p: int, xp: Any = np) -> Array:
    """The prediction's own running variation ||V_{n+1} - V_n||_p of root-aligned meshes.

    Args:
        predicted: [..., T, V, 3] metres, root-aligned.
        p: 1 or 2.
        xp: array namespace.

    Returns:
        [..., T - 1] metres.
    """
    return _p_norm(_mesh_step(predicted), p, (-2, -1), xp)


def mrsv(betas: Array, p: int, xp: Any = np) -> Array:
    """Running shape variation ||beta_{n+1} - beta_n||_p of predictions [..., T, 10] -> [..., T - 1]."""
    return _p_norm(betas[..., 1:, :] - betas[..., :-1, :], p, (-1,), xp)


def acceleration_error(predicted: Array, truth: Array, fps: Array, xp: Any = np) -> Array:
    """Mean norm of the difference of joint accelerations, by second differences.

    Args:
        predicted: [..., T, 19, 3] metres.
        truth: [..., T, 19, 3] metres.
        fps: [...] frames a second.
        xp: array namespace.

    Returns:
        [..., T - 2] mm/s^2, over the 14 evaluation joints, root-aligned.
    """
    difference = _joint_difference(predicted, truth)
    second = difference[..., 2:, :, :] - 2.0 * difference[..., 1:-1, :, :] + difference[..., :-2, :, :]
    return MM * _mean_norm(second, xp) * (fps * fps)[..., None]


def _joint_difference(predicted: Array, truth: Array) -> Array:
    """Prediction minus truth of the evaluation joints, both root-aligned [..., 14, 3]."""
    n = conventions.NUM_EVAL_KEYPOINTS
    return align_root(predicted, predicted)[..., :n, :] - align_root(truth, truth)[..., :n, :]


def _mesh_step(vertices: Array) -> Array:
    return vertices[..., 1:, :, :] - vertices[..., :-1, :, :]


def _centred(points: Array, xp: Any) -> Array:
    """Points [..., N, 3] relative to their mean."""
    near = points - points[..., :1, :]
    return near - xp.mean(near, axis=-2, keepdims=True)


def _mean_norm(x: Array, xp: Any) -> Array:
    """Mean length of the vectors [..., N, 3]."""
    length = xp.sqrt(xp.sum(x * x, axis=-1))
    mean = xp.mean(length, axis=-1, keepdims=True)
    # A second pass takes back what the sum was rounded by.
    return mean[..., 0] + xp.mean(length - mean, axis=-1)


def _p_norm(x: Array, p: int, axes: tuple[int, ...], xp: Any) -> Array:
    if p == 1:
        return xp.sum(xp.abs(x), axis=axes)
    if p == 2:
        return xp.sqrt(xp.sum(x * x, axis=axes))
    raise ValueError(f"p is 1 or 2. Received: {p}")
