"""Evaluation metrics (paper section 5.1), written once for NumPy and for graphs.

Every function takes clips with a leading batch, predictions first, and the array namespace `xp` (`numpy` or
`keras.ops`). Distances are returned in millimetres from metres; MRVPV and MRSV in their own units as the spec defines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model import conventions

Array = Any
MM = 1000.0


def align_root(points: Array, keypoints: Array) -> Array:
    """Points [..., N, 3] relative to the mid-hip of keypoints [..., 19, 3]."""
    first, second = conventions.ROOT_KEYPOINTS
    root = 0.5 * (keypoints[..., first, :] + keypoints[..., second, :])
    return points - root[..., None, :]


def _norm(x: Array, xp: Any) -> Array:
    return xp.sqrt(xp.sum(x * x, axis=-1))


def mpjpe(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """Mean per joint position error over the 14 evaluation joints, root-aligned.

    Args:
        predicted: [..., 19, 3] metres.
        truth: [..., 19, 3] metres.
        xp: array namespace.

    Returns:
        [...] millimetres.
    """
    n = conventions.NUM_EVAL_KEYPOINTS
    difference = align_root(predicted, predicted)[..., :n, :] - align_root(truth, truth)[..., :n, :]
    return MM * xp.mean(_norm(difference, xp), axis=-1)


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
    aligned = similarity_align(predicted[..., :n, :], truth[..., :n, :], xp)
    return MM * xp.mean(_norm(aligned - truth[..., :n, :], xp), axis=-1)


def similarity_align(source: Array, target: Array, xp: Any = np) -> Array:
    """Scales, rotates and moves source onto target [..., N, 3] in the least-squares sense (Umeyama 1991)."""
    source_mean = xp.mean(source, axis=-2, keepdims=True)
    target_mean = xp.mean(target, axis=-2, keepdims=True)
    a, b = source - source_mean, target - target_mean
    linalg = np.linalg if xp is np else xp
    u, singular, vt = linalg.svd(xp.matmul(xp.swapaxes(a, -1, -2), b), full_matrices=False)
    # A negative determinant would make the best orthogonal matrix a reflection: turn the weakest axis around.
    sign = xp.sign(linalg.det(xp.matmul(u, vt)))
    flips = xp.stack([xp.ones_like(sign), xp.ones_like(sign), sign], axis=-1)
    rotation = xp.matmul(u * flips[..., None, :], vt)
    scale = xp.sum(singular * flips, axis=-1) / xp.maximum(xp.sum(a * a, axis=(-2, -1)), 1e-12)
    return scale[..., None, None] * xp.matmul(a, rotation) + target_mean


def mpvpe(predicted: Array, truth: Array, xp: Any = np) -> Array:
    """Mean per vertex position error of root-aligned meshes [..., V, 3] metres -> [...] millimetres."""
    return MM * xp.mean(_norm(predicted - truth, xp), axis=-1)


def mrvpv(predicted: Array, truth: Array, p: int, xp: Any = np) -> Array:
    """Error of the running vertex variation between neighbouring frames.

    ||(V_{n+1} - V_n) - (V^_{n+1} - V^_n)||_p over the whole mesh vector, for each n.

    Args:
        predicted: [B, T, V, 3] metres, root-aligned.
        truth: [B, T, V, 3] metres, root-aligned.
        p: 1 or 2.
        xp: array namespace.

    Returns:
        [B, T - 1] metres.
    """
    change = (predicted[:, 1:] - predicted[:, :-1]) - (truth[:, 1:] - truth[:, :-1])
    return _p_norm(change, p, (-2, -1), xp)


def mrsv(betas: Array, p: int, xp: Any = np) -> Array:
    """Running shape variation ||beta_{n+1} - beta_n||_p of predictions [B, T, 10] -> [B, T - 1]."""
    return _p_norm(betas[:, 1:] - betas[:, :-1], p, (-1,), xp)


def acceleration_error(predicted: Array, truth: Array, fps: Array, xp: Any = np) -> Array:
    """Mean norm of the difference of joint accelerations, by second differences.

    Args:
        predicted: [B, T, 19, 3] metres.
        truth: [B, T, 19, 3] metres.
        fps: [B] frames a second.
        xp: array namespace.

    Returns:
        [B, T - 2] mm/s^2, over the 14 evaluation joints, root-aligned.
    """
    n = conventions.NUM_EVAL_KEYPOINTS
    difference = align_root(predicted, predicted)[..., :n, :] - align_root(truth, truth)[..., :n, :]
    second = difference[:, 2:] - 2.0 * difference[:, 1:-1] + difference[:, :-2]
    return MM * xp.mean(_norm(second, xp), axis=-1) * (fps * fps)[:, None]


def _p_norm(x: Array, p: int, axes: tuple[int, ...], xp: Any) -> Array:
    if p == 1:
        return xp.sum(xp.abs(x), axis=axes)
    return xp.sqrt(xp.sum(x * x, axis=axes))
