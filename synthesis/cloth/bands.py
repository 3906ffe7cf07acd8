"""Rubber bands in hems and waists: springs along chains of edges that pull and never push.

A band relaxed to length l0 between two vertices that are l > l0 apart has the energy K (l - l0)^2 / (2 l0).
"""

from __future__ import annotations

import numba
import numpy as np

# K, newtons for each unit of strain: a choice. Worn 5 to 8 % longer than relaxed, a band 25 mm wide around a waist of
# radius 0.12 m then presses with K strain / (radius width), 1.0 to 1.6 kPa: it holds, far below the 5.9 kPa from which
# clothing hurts (Denton 1972, "Fit, stretch and comfort").
STIFFNESS = 60.0


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_bands(x, v, bands, rest, slots, damping, h, values, force):
    """Adds forces, and (h^2 + h damping) times their derivative, of all stretched bands.

    The part of the second derivative across a band is tension over length, which is positive as bands only pull.

    Args:
        x: [V, 3] metres.
        v: [V, 3] metres a second.
        bands: [S, 2] vertices.
        rest: [S] metres.
        slots: [S, 4] matrix blocks (i, i), (i, j), (j, i), (j, j).
        damping: [V] seconds.
        h: sub-step, seconds.
        values: [N, 3, 3] blocks of the matrix, added to.
        force: [V, 3] newtons, added to.
    """
    n = np.empty(3)
    for s in range(bands.shape[0]):
        i, j = bands[s, 0], bands[s, 1]
        squared = 0.0
        for d in range(3):
            n[d] = x[j, d] - x[i, d]
            squared += n[d] * n[d]
        if squared <= rest[s] * rest[s]:
            continue
        length, rate = np.sqrt(squared), 0.0
        for d in range(3):
            n[d] /= length
            rate += n[d] * (v[j, d] - v[i, d])
        k, lag = STIFFNESS / rest[s], damping[i]
        tension = k * (length - rest[s])
        pull, scale, across = tension + k * lag * rate, h * h + h * lag, tension / length
        for d in range(3):
            force[i, d] += pull * n[d]
            force[j, d] -= pull * n[d]
            for e in range(3):
                entry = scale * (k - across) * n[d] * n[e]
                if d == e:
                    entry += scale * across
                values[slots[s, 0], d, e] += entry
                values[slots[s, 1], d, e] -= entry
                values[slots[s, 2], d, e] -= entry
                values[slots[s, 3], d, e] += entry


def energy(x: np.ndarray, bands: np.ndarray, rest: np.ndarray) -> float:
    """Joules in bands [S, 2] of relaxed lengths [S] metres at positions x [V, 3]."""
    over = np.maximum(np.linalg.norm(x[bands[:, 1]] - x[bands[:, 0]], axis=1) - rest, 0.0)
    return float((STIFFNESS * over**2 / (2 * rest)).sum())
