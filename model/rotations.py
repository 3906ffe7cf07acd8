"""Rotation representations, written once for NumPy and for graphs.

Every function takes `xp`, the array namespace to compute in: `numpy` (default) or `keras.ops`. Leading dimensions are
free. Matrices act on column vectors. Gradients are finite everywhere, at the zero rotation too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
_TINY = 1e-12


def axis_angle_to_matrix(axis_angle: Array, xp: Any = np) -> Array:
    """Rodrigues' formula, [..., 3] radians -> [..., 3, 3].

    Uses sin(a)/a and (1 - cos(a))/a^2 of the squared angle, with their series near zero, so that no gradient divides
    by a vanishing norm.
    """
    x, y, z = axis_angle[..., 0], axis_angle[..., 1], axis_angle[..., 2]
    squared = x * x + y * y + z * z
    small = squared < 1e-6
    safe = xp.where(small, xp.ones_like(squared), squared)
    angle = xp.sqrt(safe)
    s = xp.where(small, 1.0 - squared / 6.0, xp.sin(angle) / angle)
    c = xp.where(small, 0.5 - squared / 24.0, (1.0 - xp.cos(angle)) / safe)
    rows = [
        [1.0 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y],
        [c * x * y + s * z, 1.0 - c * (x * x + z * z), c * y * z - s * x],
        [c * x * z - s * y, c * y * z + s * x, 1.0 - c * (x * x + y * y)],
    ]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def axis_angle_to_quaternion(axis_angle: Array, xp: Any = np) -> Array:
    """[..., 3] radians -> unit quaternions [..., 4] (w, x, y, z); w < 0 for angles beyond pi."""
    squared = xp.sum(axis_angle * axis_angle, axis=-1, keepdims=True)
    small = squared < 1e-6
    angle = xp.sqrt(xp.where(small, xp.ones_like(squared), squared))
    half_sinc = xp.where(small, 0.5 - squared / 48.0, xp.sin(0.5 * angle) / angle)
    cosine = xp.where(small, 1.0 - squared / 8.0, xp.cos(0.5 * angle))
    return xp.concatenate([cosine, half_sinc * axis_angle], axis=-1)


def quaternion_to_matrix(quaternion: Array, xp: Any = np) -> Array:
    """Quaternions [..., 4] (w, x, y, z) of any length but zero -> rotation matrices [..., 3, 3]."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    s = 2.0 / (w * w + x * x + y * y + z * z)
    rows = [
        [1.0 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
        [s * (x * y + z * w), 1.0 - s * (x * x + z * z), s * (y * z - x * w)],
        [s * (x * z - y * w), s * (y * z + x * w), 1.0 - s * (x * x + y * y)],
    ]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_6d(matrix: Array, xp: Any = np) -> Array:
    """[..., 3, 3] -> [..., 6]: the first column, then the second (Zhou et al. 2019, section 4.2)."""
    return xp.concatenate([matrix[..., 0], matrix[..., 1]], axis=-1)


def matrix_from_6d(sixd: Array, xp: Any = np) -> Array:
    """[..., 6] -> [..., 3, 3] by Gram-Schmidt (Zhou et al. 2019, equation 15); the two columns must not align."""
    first, second = sixd[..., :3], sixd[..., 3:]
    x = _normalised(first, xp)
    y = _normalised(second - xp.sum(x * second, axis=-1, keepdims=True) * x, xp)
    z = xp.stack(
        [
            x[..., 1] * y[..., 2] - x[..., 2] * y[..., 1],
            x[..., 2] * y[..., 0] - x[..., 0] * y[..., 2],
            x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0],
        ],
        axis=-1,
    )
    return xp.stack([x, y, z], axis=-1)


def _normalised(vector: Array, xp: Any) -> Array:
    return vector / xp.sqrt(xp.sum(vector * vector, axis=-1, keepdims=True) + _TINY**2)


def matrix_to_quaternion(matrix: Array) -> Array:
    """Rotation matrices [..., 3, 3] -> unit quaternions [..., 4] (w, x, y, z), w >= 0. NumPy only.

    Takes the largest of the four candidate components as pivot (Shepperd 1978), so it is stable at every angle.
    """
    m = np.asarray(matrix)
    diag = np.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    trace = diag.sum(-1)
    # Rows of K hold 4 q_i q: any of them, normalised, is +-q; the one with the largest pivot is the best conditioned.
    k = np.empty((*m.shape[:-2], 4, 4), m.dtype)
    k[..., 0, 0] = 1 + trace
    for i in range(3):
        k[..., i + 1, i + 1] = 1 + 2 * diag[..., i] - trace
    for row, (a, b) in enumerate(((2, 1), (0, 2), (1, 0)), start=1):
        k[..., 0, row] = k[..., row, 0] = m[..., a, b] - m[..., b, a]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        k[..., a + 1, b + 1] = k[..., b + 1, a + 1] = m[..., a, b] + m[..., b, a]
    pivot = np.argmax(np.diagonal(k, axis1=-2, axis2=-1), -1)
    q = np.take_along_axis(k, pivot[..., None, None], -2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def quaternion_to_axis_angle(quaternion: Array) -> Array:
    """Unit quaternions [..., 4] (w, x, y, z) -> axis-angle [..., 3], angle in [0, pi]. NumPy only."""
    q = np.asarray(quaternion)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine < 1e-8, 2.0, angle / np.maximum(sine, _TINY))


def matrix_to_axis_angle(matrix: Array) -> Array:
    """Rotation matrices [..., 3, 3] -> axis-angle [..., 3], angle in [0, pi]. NumPy only."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def nearest_rotation(matrix: Array) -> Array:
    """The rotation closest to each matrix [..., 3, 3] in the Frobenius norm (SVD, no reflection). NumPy only."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.ones(u.shape[:-1], u.dtype)
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))
    return (u * sign[..., None, :]) @ vt


def rotation_about(axis: int, angle: Array) -> Array:
    """Rotation by `angle` [...] radians about coordinate axis 0, 1 or 2 -> [..., 3, 3]. NumPy only."""
    vector = np.zeros((*np.shape(angle), 3))
    vector[..., axis] = angle
    return axis_angle_to_matrix(vector)
