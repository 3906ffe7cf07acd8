"""Preconditioned conjugate gradients on a symmetric 3x3-block sparse matrix (Baraff and Witkin 1998, section 5.2)."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True)
def multiply(indptr, indices, values, x, y):
    """Computes y = A x for blocks `values` [N, 3, 3] in CSR order and x, y [V, 3]."""
    for i in range(indptr.shape[0] - 1):
        a = b = c = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            x0, x1, x2 = x[j, 0], x[j, 1], x[j, 2]
            a += values[k, 0, 0] * x0 + values[k, 0, 1] * x1 + values[k, 0, 2] * x2
            b += values[k, 1, 0] * x0 + values[k, 1, 1] * x1 + values[k, 1, 2] * x2
            c += values[k, 2, 0] * x0 + values[k, 2, 1] * x1 + values[k, 2, 2] * x2
        y[i, 0], y[i, 1], y[i, 2] = a, b, c


@numba.njit(cache=True, fastmath=True)
def invert_symmetric(values, diagonal, inverse):
    """Inverses [V, 3, 3] of the symmetric diagonal blocks, by cofactors."""
    for i in range(diagonal.shape[0]):
        k = diagonal[i]
        a, b, c = values[k, 0, 0], values[k, 0, 1], values[k, 0, 2]
        d, e, f = values[k, 1, 1], values[k, 1, 2], values[k, 2, 2]
        m00, m01, m02 = d * f - e * e, c * e - b * f, b * e - c * d
        m11, m12, m22 = a * f - c * c, b * c - a * e, a * d - b * b
        scale = 1.0 / (a * m00 + b * m01 + c * m02)
        inverse[i, 0, 0], inverse[i, 0, 1], inverse[i, 0, 2] = m00 * scale, m01 * scale, m02 * scale
        inverse[i, 1, 0], inverse[i, 1, 1], inverse[i, 1, 2] = m01 * scale, m11 * scale, m12 * scale
        inverse[i, 2, 0], inverse[i, 2, 1], inverse[i, 2, 2] = m02 * scale, m12 * scale, m22 * scale


@numba.njit(cache=True, fastmath=True)
def conjugate_gradients(indptr, indices, values, diagonal, b, x, tolerance, max_iterations):
    """Solves A x = b, preconditioned by the inverse diagonal blocks.

    Args:
        indptr: [V + 1].
        indices: [N].
        values: [N, 3, 3].
        diagonal: [V] position of each diagonal block.
        b: [V, 3].
        x: [V, 3] in: first guess; out: solution.
        tolerance: on the residual relative to b, both in the preconditioner's norm.
        max_iterations: bound.

    Returns:
        Iterations done.
    """
    count = b.shape[0]
    inverse = np.empty((count, 3, 3))
    invert_symmetric(values, diagonal, inverse)
    r, p, y = np.empty_like(b), np.empty_like(b), np.empty_like(b)
    multiply(indptr, indices, values, x, y)
    rz = scale = 0.0
    for i in range(count):
        for d in range(3):
            r[i, d] = b[i, d] - y[i, d]
        for d in range(3):
            p[i, d] = inverse[i, d, 0] * r[i, 0] + inverse[i, d, 1] * r[i, 1] + inverse[i, d, 2] * r[i, 2]
            rz += p[i, d] * r[i, d]
            scale += b[i, d] * (inverse[i, d, 0] * b[i, 0] + inverse[i, d, 1] * b[i, 1] + inverse[i, d, 2] * b[i, 2])
    iterations = 0
    while iterations < max_iterations and rz > tolerance * tolerance * scale:
        multiply(indptr, indices, values, p, y)
        py = 0.0
        for i in range(count):
            py += p[i, 0] * y[i, 0] + p[i, 1] * y[i, 1] + p[i, 2] * y[i, 2]
        alpha = rz / py
        next_rz = 0.0
        for i in range(count):
            for d in range(3):
                x[i, d] += alpha * p[i, d]
                r[i, d] -= alpha * y[i, d]
            z0 = inverse[i, 0, 0] * r[i, 0] + inverse[i, 0, 1] * r[i, 1] + inverse[i, 0, 2] * r[i, 2]
            z1 = inverse[i, 1, 0] * r[i, 0] + inverse[i, 1, 1] * r[i, 1] + inverse[i, 1, 2] * r[i, 2]
            z2 = inverse[i, 2, 0] * r[i, 0] + inverse[i, 2, 1] * r[i, 1] + inverse[i, 2, 2] * r[i, 2]
            y[i, 0], y[i, 1], y[i, 2] = z0, z1, z2
            next_rz += z0 * r[i, 0] + z1 * r[i, 1] + z2 * r[i, 2]
        beta = next_rz / rz
        rz = next_rz
        for i in range(count):
            for d in range(3):
                p[i, d] = y[i, d] + beta * p[i, d]
        iterations += 1
    return iterations
