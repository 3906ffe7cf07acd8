"""Elastic energies of cloth and their assembly into one sparse system.

Stretch and shear follow Baraff and Witkin 1998, section 4.2: with w_u, w_v the columns of a triangle's deformation
gradient and a its rest area, E = a/2 (k_u (|w_u| - 1)^2 + k_v (|w_v| - 1)^2 + k_s (w_u . w_v)^2).
Real cloth is J-shaped: once the crimp of its threads is pulled out, or its threads lock in shear, it is LOCKING times
stiffer. The same squares of what exceeds the fabric's limits are added, which also bounds strain without a pass of its
own. Bending is quadratic in the positions, E = 1/2 x^T Q x, with the constant Q of Bergou et al. 2006 ("A quadratic
bending model for inextensible surfaces"). Damping is the strain rate's share of the same forces, after Baraff and
Witkin section 4.5.
"""

from __future__ import annotations

import numba
import numpy as np

from synthesis.garments.fabrics import LOCKING


@numba.njit(cache=True, fastmath=True, nogil=True)
def assemble(
    x, v, faces, inverse_rest, area, stiffness, limits, damping, bend, indptr, indices, slots, h, values, force
):  # fmt: skip
    """Adds elastic and damping forces, and h^2 (-dF/dx) + h (-dF/dv), of all triangles and hinges.

    Second derivatives are the full ones of stretch with the compressive part left out, and the Gauss-Newton part of
    shear, so that the matrix stays positive (section 5 of Choi and Ko 2002 on why).

    Args:
        x: [V, 3] metres.
        v: [V, 3] metres a second.
        faces: [F, 3].
        inverse_rest: [F, 2, 2] inverse of the rest edge matrix, 1/metre.
        area: [F] square metres.
        stiffness: [F, 3] k_u, k_v, k_s in N/m.
        limits: [F, 2] strain and shear (w_u . w_v) where the cloth locks.
        damping: [V] seconds, the same throughout a garment.
        bend: [N] scalar entries of Q for each block of the sparse matrix, N/m.
        indptr: [V + 1] rows of the block matrix.
        indices: [N] block columns.
        slots: [F, 9] block of each pair of corners.
        h: sub-step, seconds.
        values: [N, 3, 3] set to the matrix.
        force: [V, 3] newtons, added to.
    """
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            q = bend[k]
            for d in range(3):
                force[i, d] -= q * (x[j, d] + damping[i] * v[j, d])
                for e in range(3):
                    values[k, d, e] = 0.0
                values[k, d, d] = (h * h + h * damping[i]) * q
    wu, wv, ru, rv = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    nu, nv = np.empty(3), np.empty(3)
    cu, cv = np.empty(3), np.empty(3)
    block = np.empty((3, 3))
    for t in range(faces.shape[0]):
        i0, i1, i2 = faces[t, 0], faces[t, 1], faces[t, 2]
        m00, m01, m10, m11 = inverse_rest[t, 0, 0], inverse_rest[t, 0, 1], inverse_rest[t, 1, 0], inverse_rest[t, 1, 1]
        cu[0], cu[1], cu[2] = -(m00 + m10), m00, m10
        cv[0], cv[1], cv[2] = -(m01 + m11), m01, m11
        for d in range(3):
            e1, e2 = x[i1, d] - x[i0, d], x[i2, d] - x[i0, d]
            g1, g2 = v[i1, d] - v[i0, d], v[i2, d] - v[i0, d]
            wu[d], wv[d] = e1 * m00 + e2 * m10, e1 * m01 + e2 * m11
            ru[d], rv[d] = g1 * m00 + g2 * m10, g1 * m01 + g2 * m11
        lu = np.sqrt(wu[0] * wu[0] + wu[1] * wu[1] + wu[2] * wu[2]) + 1e-12
        lv = np.sqrt(wv[0] * wv[0] + wv[1] * wv[1] + wv[2] * wv[2]) + 1e-12
        shear, rate_u, rate_v, rate_s = 0.0, 0.0, 0.0, 0.0
        for d in range(3):
            nu[d], nv[d] = wu[d] / lu, wv[d] / lv
            shear += wu[d] * wv[d]
            rate_u += nu[d] * ru[d]
            rate_v += nv[d] * rv[d]
            rate_s += wu[d] * rv[d] + wv[d] * ru[d]
        a = area[t]
        ku, kv, ks, lag = a * stiffness[t, 0], a * stiffness[t, 1], a * stiffness[t, 2], damping[i0]
        over_u, over_v = max(0.0, lu - 1.0 - limits[t, 0]), max(0.0, lv - 1.0 - limits[t, 0])
        over_s = max(0.0, abs(shear) - limits[t, 1])
        tension_u, tension_v = ku * (lu - 1.0 + LOCKING * over_u), kv * (lv - 1.0 + LOCKING * over_v)
        fu, fv = tension_u + ku * lag * rate_u, tension_v + kv * lag * rate_v
        fs = ks * (shear + LOCKING * np.copysign(over_s, shear) + lag * rate_s)
        if over_u > 0.0:
            ku *= 1.0 + LOCKING
        if over_v > 0.0:
            kv *= 1.0 + LOCKING
        if over_s > 0.0:
            ks *= 1.0 + LOCKING
        # A compressed direction would have negative geometric stiffness.
        turn_u, turn_v = max(0.0, tension_u / lu), max(0.0, tension_v / lv)
        scale = h * h + h * lag
        for p in range(3):
            i = faces[t, p]
            for d in range(3):
                force[i, d] -= fu * cu[p] * nu[d] + fv * cv[p] * nv[d] + fs * (cu[p] * wv[d] + cv[p] * wu[d])
            for q in range(p, 3):
                au, av = scale * cu[p] * cu[q], scale * cv[p] * cv[q]
                du, dv = au * (ku - turn_u), av * (kv - turn_v)
                isotropic = au * turn_u + av * turn_v
                for d in range(3):
                    sp = scale * ks * (cu[p] * wv[d] + cv[p] * wu[d])
                    for e in range(3):
                        block[d, e] = du * nu[d] * nu[e] + dv * nv[d] * nv[e] + sp * (cu[q] * wv[e] + cv[q] * wu[e])
                    block[d, d] += isotropic
                upper = slots[t, 3 * p + q]
                for d in range(3):
                    for e in range(3):
                        values[upper, d, e] += block[d, e]
                if p != q:
                    lower = slots[t, 3 * q + p]
                    for d in range(3):
                        for e in range(3):
                            values[lower, e, d] += block[d, e]


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_air_drag(x, v, wind, faces, area, drag, force):
    """Adds the air's pressure: drag a ((wind - v) . n) n on each triangle, wind [3] m/s, drag in kg/(m^2 s)."""
    for t in range(faces.shape[0]):
        i0, i1, i2 = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, az = x[i1, 0] - x[i0, 0], x[i1, 1] - x[i0, 1], x[i1, 2] - x[i0, 2]
        bx, by, bz = x[i2, 0] - x[i0, 0], x[i2, 1] - x[i0, 1], x[i2, 2] - x[i0, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        squared = nx * nx + ny * ny + nz * nz + 1e-30
        speed = -(wind[0] * nx + wind[1] * ny + wind[2] * nz)
        for i in (i0, i1, i2):
            speed += (v[i, 0] * nx + v[i, 1] * ny + v[i, 2] * nz) / 3.0
        pull = -drag * area[t] * speed / squared / 3.0
        for i in (i0, i1, i2):
            force[i, 0] += pull * nx
            force[i, 1] += pull * ny
            force[i, 2] += pull * nz


@numba.njit(cache=True, fastmath=True, nogil=True)
def limit_strain(x, edges, rest, mass, limit, sweeps):
    """Shortens edges beyond `limit` times their rest length, in order, by moving both ends (Provot 1995).

    What is left to it is cloth that contacts pull apart against all stiffness, between limbs mostly.

    Args:
        x: [V, 3] metres, changed.
        edges: [E, 2].
        rest: [E] metres.
        mass: [V] kg.
        limit: largest length over rest length.
        sweeps: over all edges.
    """
    for _ in range(sweeps):
        for e in range(edges.shape[0]):
            i, j = edges[e, 0], edges[e, 1]
            dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
            squared = dx * dx + dy * dy + dz * dz
            longest = limit * rest[e]
            if squared <= longest * longest:
                continue
            length = np.sqrt(squared)
            share = (length - longest) / (length * (mass[i] + mass[j]))
            for d, part in ((0, dx), (1, dy), (2, dz)):
                x[i, d] += share * mass[j] * part
                x[j, d] -= share * mass[i] * part


def elastic_energy(x, faces, inverse_rest, area, stiffness, limits, bend, indptr, indices) -> float:
    """Joules stored in positions x [V, 3]; the other arguments as in `assemble`."""
    edges = np.stack([x[faces[:, 1]] - x[faces[:, 0]], x[faces[:, 2]] - x[faces[:, 0]]], 2)
    gradient = edges @ inverse_rest
    wu, wv = gradient[..., 0], gradient[..., 1]
    stretch_u, stretch_v = np.linalg.norm(wu, axis=1) - 1.0, np.linalg.norm(wv, axis=1) - 1.0
    shear = (wu * wv).sum(1)
    strains = np.stack([stretch_u, stretch_v, np.abs(shear)], 1)
    over = np.maximum(0.0, strains - limits[:, [0, 0, 1]])
    terms = (stiffness * (strains**2 + LOCKING * over**2)).sum(1)
    rows = np.repeat(np.arange(len(x)), np.diff(indptr))
    return float(0.5 * (area * terms).sum() + 0.5 * (bend * (x[rows] * x[indices]).sum(1)).sum())


def principal_stretch(x: np.ndarray, faces: np.ndarray, inverse_rest: np.ndarray) -> np.ndarray:
    """[F] largest singular value of each triangle's deformation gradient: 1 is the rest length."""
    edges = np.stack([x[faces[:, 1]] - x[faces[:, 0]], x[faces[:, 2]] - x[faces[:, 0]]], 2)
    gradient = edges @ inverse_rest
    wu, wv = gradient[..., 0], gradient[..., 1]
    uu, vv, uv = (wu * wu).sum(1), (wv * wv).sum(1), (wu * wv).sum(1)
    return np.sqrt(0.5 * (uu + vv) + np.sqrt((0.5 * (uu - vv)) ** 2 + uv**2))
