"""What poses people take: a Gaussian per joint, and the limits of hinges.

Stands in for the Gaussian that MoSh learns from data (Loper et al. 2014). Widths are round figures after the joints'
ranges of motion; what 41 markers do not see (toes, fingers, which spine joint bends) is held near rest and shared out
evenly.
"""

from __future__ import annotations

import dataclasses
import functools

import numba
import numpy as np

from model.conventions import JOINT_MIRROR, JOINTS, NUM_JOINTS, joint
from synthesis.motion.mosh.quaternions import log, log_derivative

# Mean and standard deviation of the axis-angle vector, radians, of the left side and of the middle. Knees flex about
# +x, the left elbow about -y; a left arm hangs at -z. A width of None leaves a joint free.
_JOINTS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float] | None]] = {
    "pelvis": ((0, 0, 0), None),
    "spine1": ((0, 0, 0), (0.25, 0.2, 0.2)),
    "spine2": ((0, 0, 0), (0.25, 0.2, 0.2)),
    "spine3": ((0, 0, 0), (0.25, 0.2, 0.2)),
    "neck": ((0, 0, 0), (0.3, 0.3, 0.3)),
    "head": ((0, 0, 0), (0.3, 0.3, 0.3)),
    "L_hip": ((-0.3, 0, 0), (0.8, 0.5, 0.5)),
    "L_knee": ((0.5, 0, 0), (0.9, 0.15, 0.1)),
    "L_ankle": ((0, 0, 0), (0.4, 0.3, 0.3)),
    "L_foot": ((0, 0, 0), (0.15, 0.05, 0.05)),
    "L_collar": ((0, 0, 0), (0.15, 0.2, 0.2)),
    "L_shoulder": ((0, 0, -0.8), (0.9, 0.9, 0.9)),
    "L_elbow": ((0, -0.6, 0), (0.5, 0.9, 0.15)),
    "L_wrist": ((0, 0, 0), (0.3, 0.35, 0.5)),
    "L_hand": ((0, 0, 0), (0.02, 0.02, 0.02)),
}
# Joints that bend one way: (axis, least angle, greatest angle), radians.
_HINGES = {"L_knee": (0, -0.1, 2.7), "L_elbow": (1, -2.7, 0.1)}
_HINGE_WIDTH = 0.03


@dataclasses.dataclass(frozen=True, eq=False)
class PosePrior:
    """A Gaussian on the axis-angle vector of each joint, and limits beyond which the cost rises steeply.

    Attributes:
        mean: [24, 3] radians.
        precision: [24, 3] one over standard deviation; 0 where a joint is free.
        low: [24, 3] limits, radians; -inf where there is none.
        high: [24, 3] limits, radians; inf where there is none.
    """

    mean: np.ndarray
    precision: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def terms(self, quaternions: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Half the squared residuals, their gradient [24, 3] and Gauss-Newton matrix [24, 3, 3].

        Args:
            quaternions: [24, 4] the pose; derivatives are by a small rotation of each joint in its own axes.
        """
        return _terms(quaternions, self.mean, self.precision, self.low, self.high)


@functools.cache
def default_prior() -> PosePrior:
    """The table of this module, mirrored to both sides."""
    mean, precision = np.zeros((NUM_JOINTS, 3)), np.zeros((NUM_JOINTS, 3))
    low, high = np.full((NUM_JOINTS, 3), -np.inf), np.full((NUM_JOINTS, 3), np.inf)
    for name, (centre, width) in _JOINTS.items():
        mean[joint(name)] = centre
        if width is not None:
            precision[joint(name)] = 1.0 / np.array(width)
    for name, (axis, least, greatest) in _HINGES.items():
        low[joint(name), axis], high[joint(name), axis] = least, greatest
    # A mirrored rotation keeps its part about x and turns the other way about y and z.
    for right in (j for j, name in enumerate(JOINTS) if name.startswith("R_")):
        left = JOINT_MIRROR[right]
        mean[right] = mean[left] * [1, -1, -1]
        precision[right] = precision[left]
        low[right], high[right] = low[left], high[left]
        low[right, 1:], high[right, 1:] = -high[left, 1:], -low[left, 1:]
    return PosePrior(mean, precision, low, high)


@numba.njit(cache=True)
def _terms(quaternions, mean, precision, low, high):
    cost = 0.0
    gradient, matrix = np.zeros((len(mean), 3)), np.zeros((len(mean), 3, 3))
    for j in range(len(mean)):
        omega = log(quaternions[j])
        derivative = log_derivative(omega)
        for c in range(3):
            weight = precision[j, c] ** 2
            residual = omega[c] - mean[j, c]
            cost += 0.5 * weight * residual**2
            slope = weight * residual
            beyond = omega[c] - min(max(omega[c], low[j, c]), high[j, c])
            if beyond != 0.0:
                steep = 1.0 / _HINGE_WIDTH**2
                cost += 0.5 * steep * beyond**2
                slope += steep * beyond
                weight += steep
            gradient[j] += slope * derivative[c]
            matrix[j] += weight * np.outer(derivative[c], derivative[c])
    return cost, gradient, matrix


@numba.njit(cache=True)
def step_terms(omegas, precision):
    """Terms as of `PosePrior.terms` of rotations from a prediction: omegas [J, 3] radians, one over their width."""
    gradient, matrix = np.empty((len(omegas), 3)), np.empty((len(omegas), 3, 3))
    for j in range(len(omegas)):
        derivative = log_derivative(omegas[j])
        gradient[j] = precision**2 * (derivative.T @ omegas[j])
        matrix[j] = precision**2 * (derivative.T @ derivative)
    return 0.5 * precision**2 * (omegas**2).sum(), gradient, matrix
