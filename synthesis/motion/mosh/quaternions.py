"""Unit quaternions (w, x, y, z) compiled for loops over single joints; model.rotations has the ones for whole arrays.

Poses are changed by small rotations in each joint's own axes, q exp(omega): no parameter has a place where it stops
working, however far a body has turned (Grassia 1998).
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True)
def multiply(a, b):
    """Product of two quaternions [4]."""
    return np.array(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    )


@numba.njit(cache=True)
def conjugate(q):
    """Inverse of a unit quaternion [4]."""
    return np.array([q[0], -q[1], -q[2], -q[3]])


@numba.njit(cache=True)
def exp(omega):
    """Axis-angle [3] radians -> unit quaternion [4]."""
    angle = math.sqrt(omega[0] ** 2 + omega[1] ** 2 + omega[2] ** 2)
    scale = 0.5 - angle**2 / 48.0 if angle < 1e-4 else math.sin(0.5 * angle) / angle
    return np.array([math.cos(0.5 * angle), scale * omega[0], scale * omega[1], scale * omega[2]])


@numba.njit(cache=True)
def log(q):
    """Unit quaternion [4] -> axis-angle [3] radians, angle in [0, pi]."""
    sign = -1.0 if q[0] < 0 else 1.0
    sine = math.sqrt(q[1] ** 2 + q[2] ** 2 + q[3] ** 2)
    scale = 2.0 if sine < 1e-8 else 2.0 * math.atan2(sine, sign * q[0]) / sine
    return sign * scale * q[1:]


@numba.njit(cache=True)
def log_derivative(omega):
    """Derivative [3, 3] of log(exp(omega) exp(delta)) by delta at 0: the inverse of SO(3)'s right Jacobian."""
    angle = math.sqrt(omega[0] ** 2 + omega[1] ** 2 + omega[2] ** 2)
    if angle < 1e-4:
        square = 1.0 / 12.0
    else:
        square = (1.0 - 0.5 * angle / math.tan(0.5 * angle)) / angle**2
    x, y, z = omega
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + 0.5 * cross + square * (cross @ cross)


@numba.njit(cache=True)
def to_matrix(q):
    """Unit quaternion [4] -> rotation matrix [3, 3]."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@numba.njit(cache=True)
def turn(quaternions, omegas):
    """Turns each of [J, 4] by [J, 3] radians in its own axes; normalised."""
    turned = np.empty_like(quaternions)
    for j in range(len(quaternions)):
        q = multiply(quaternions[j], exp(omegas[j]))
        turned[j] = q / math.sqrt((q * q).sum())
    return turned


@numba.njit(cache=True)
def between(start, end):
    """What turns each of `start` [J, 4] into `end`, in its own axes: [J, 3] radians, the short way."""
    omegas = np.empty((len(start), 3))
    for j in range(len(start)):
        omegas[j] = log(multiply(conjugate(start[j]), end[j]))
    return omegas
