"""Preconditioned conjugate gradients on a symmetric 3x3-block sparse matrix (Baraff and Witkin 1998, section 5.2)."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_contact_product(vertices, weights, normal, along, slip, x, y):
    """Adds to y [V, 3] the product of x [V, 3] with what contacts of four vertices add to the matrix.

    Contacts change from step to step: they are kept as they are instead of in the matrix's pattern.

    Args:
        vertices: [C, 4].
        weights: [C, 4] of the vertices in the vector between the nearest points.
        normal: [C, 3] unit.
        along: [C] share along the normal.
        slip: [C] share in all directions.
        x: [V, 3].
        y: [V, 3].
    """
    for c in range(vertices.shape[0]):
        p0 = p1 = p2 = 0.0
        for q in range(4):
            i, w = vertices[c, q], weights[c, q]
            p0, p1, p2 = p0 + w * x[i, 0], p1 + w * x[i, 1], p2 + w * x[i, 2]
        part = along[c] * (p0 * normal[c, 0] + p1 * normal[c, 1] + p2 * normal[c, 2])
        p0 = part * normal[c, 0] + slip[c] * p0
        p1 = part * normal[c, 1] + slip[c] * p1
        p2 = part * normal[c, 2] + slip[c] * p2
        for q in range(4):
            i, w = vertices[c, q], weights[c, q]
            y[i, 0] += w * p0
            y[i, 1] += w * p1
            y[i, 2] += w * p2


@numba.njit(cache=True, fastmath=True, nogil=True)
def invert_symmetric(blocks, inverse):
    """Inverses [V, 3, 3] of symmetric blocks [V, 3, 3], by cofactors."""
    for i in range(blocks.shape[0]):
        a, b, c = blocks[i, 0, 0], blocks[i, 0, 1], blocks[i, 0, 2]
        d, e, f = blocks[i, 1, 1], blocks[i, 1, 2], blocks[i, 2, 2]
        m00, m01, m02 = d * f - e * e, c * e - b * f, b * e - c * d
        m11, m12, m22 = a * f - c * c, b * c - a * e, a * d - b * b
        scale = 1.0 / (a * m00 + b * m01 + c * m02)
        inverse[i, 0, 0], inverse[i, 0, 1], inverse[i, 0, 2] = m00 * scale, m01 * scale, m02 * scale
        inverse[i, 1, 0], inverse[i, 1, 1], inverse[i, 1, 2] = m01 * scale, m11 * scale, m12 * scale
        inverse[i, 2, 0], inverse[i, 2, 1], inverse[i, 2, 2] = m02 * scale, m12 * scale, m22 * scale


@numba.njit(cache=True, fastmath=True, nogil=True)
def conjugate_gradients(
    indptr, indices, values, diagonal, vertices, weights, normal, along, slip, b, x, tolerance, max_iterations
):  # fmt: skip
    """Solves A x = b, preconditioned by the inverse diagonal blocks.

    Args:
        indptr: [V + 1].
        indices: [N].
        values: [N, 3, 3].
        diagonal: [V, 3, 3] the preconditioner: diagonal blocks of the whole, contacts included.
        vertices: see `add_contact_product`.
        weights: likewise.
        normal: likewise.
        along: likewise.
        slip: likewise.
        b: [V, 3].
        x: [V, 3] in: first guess; out: solution.
        tolerance: on the residual relative to b, both in the preconditioner's norm.
        max_iterations: bound.

    Returns:
        Iterations done.
    """
    count = b.shape[0]
    inverse = np.empty((count, 3, 3))
    invert_symmetric(diagonal, inverse)
    r, p, y = np.empty_like(b), np.empty_like(b), np.empty_like(b)
    multiply(indptr, indices, values, x, y)
    add_contact_product(vertices, weights, normal, along, slip, x, y)
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
        add_contact_product(vertices, weights, normal, along, slip, p, y)
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
