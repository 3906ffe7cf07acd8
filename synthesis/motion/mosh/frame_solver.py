"""The pose of one frame from its markers, by Levenberg-Marquardt with analytic derivatives.

Residuals are weighted as Geman and McClure's robust cost does (rho(r) = c^2 r^2 / (c^2 + r^2)), so that a swapped or a
wandering marker loses its say.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import linalg

from model import conventions, rotations
from synthesis.motion.mosh.marker_body import UNKNOWNS, MarkerBody, Posed
from synthesis.motion.mosh.pose_prior import PosePrior, step_terms
from synthesis.motion.mosh.quaternions import between, turn

# Levenberg-Marquardt: start and bounds of the damping, and the relative decrease of the cost at which a frame is done.
_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e-7, 1e4
_DONE = 1e-4
# Joints whose markers stay together as the limbs move.
_TRUNK = tuple(conventions.joint(name) for name in ("pelvis", "spine1", "spine2", "spine3", "L_collar", "R_collar"))


@dataclasses.dataclass(frozen=True, eq=False)
class FramePose:
    """One frame's state.

    Attributes:
        quaternions: [24, 4] rotation of each joint relative to its parent.
        trans: [3] metres, added after posing.
    """

    quaternions: np.ndarray
    trans: np.ndarray

    def moved(self, step: np.ndarray) -> FramePose:
        """The state after a step [75]."""
        omegas = step[: conventions.POSE_SIZE].reshape(-1, 3)
        return FramePose(turn(self.quaternions, omegas), self.trans + step[conventions.POSE_SIZE :])


@dataclasses.dataclass(frozen=True)
class Noise:
    """How far markers are trusted.

    Attributes:
        sigma: standard deviation of a marker's position, metres.
        outlier: distance c at which the robust cost bends, metres.
    """

    sigma: float
    outlier: float


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Where the motion so far leads, and how far from there a frame may be.

    Attributes:
        pose: the predicted state.
        turn_width: standard deviation of each joint's rotation from there, radians.
        shift_width: standard deviation of the translation from there, metres.
    """

    pose: FramePose
    turn_width: float
    shift_width: float


@dataclasses.dataclass(eq=False)
class Linearised:
    """Cost of one frame at a state, with gradient and Gauss-Newton matrix by its 75 unknowns.

    Attributes:
        cost: half the sum of squares.
        gradient: [75].
        matrix: [75, 75].
        posed: the markers.
        errors: [M, 3] posed less observed, metres; 0 where not observed.
        weights: [M] of each marker's squared error, 1 / metre^2; 0 where not observed.
    """

    cost: float
    gradient: np.ndarray
    matrix: np.ndarray
    posed: Posed
    errors: np.ndarray
    weights: np.ndarray


def linearise(
    body: MarkerBody,
    observed: np.ndarray,
    pose: FramePose,
    noise: Noise,
    prior: PosePrior,
    prediction: Prediction | None = None,
) -> Linearised:
    """Linearises one frame's cost about a state.

    Args:
        body: the person.
        observed: [M, 3] metres, NaN where a marker was not seen.
        pose: the state.
        noise: of the markers.
        prior: on the pose.
        prediction: from the frames before, or None.
    """
    posed = body.pose(pose.quaternions, pose.trans)
    errors = posed.points - observed
    seen = np.isfinite(errors[:, 0])
    errors[~seen] = 0.0
    squared = (errors**2).sum(1)
    share = noise.outlier**2 / (noise.outlier**2 + squared)
    weights = seen * (share / noise.sigma) ** 2
    cost = 0.5 * float((share * squared)[seen].sum()) / noise.sigma**2
    by_pose = posed.by_pose.reshape(-1, UNKNOWNS)
    weighted = by_pose * np.repeat(weights, 3)[:, None]
    gradient = errors.ravel() @ weighted
    matrix = by_pose.T @ weighted
    size = conventions.POSE_SIZE
    terms = [prior.terms(pose.quaternions)]
    if prediction is not None:
        omegas = between(prediction.pose.quaternions, pose.quaternions)
        terms.append(step_terms(omegas, 1.0 / prediction.turn_width))
        shift = (pose.trans - prediction.pose.trans) / prediction.shift_width
        cost += 0.5 * float(shift @ shift)
        gradient[size:] += shift / prediction.shift_width
        matrix[range(size, UNKNOWNS), range(size, UNKNOWNS)] += prediction.shift_width**-2
    blocks = matrix[:size, :size].reshape(conventions.NUM_JOINTS, 3, conventions.NUM_JOINTS, 3)
    each = np.arange(conventions.NUM_JOINTS)
    for term_cost, term_gradient, term_matrix in terms:
        cost += term_cost
        gradient[:size] += term_gradient.ravel()
        blocks[each, :, each] += term_matrix
    return Linearised(cost, gradient, matrix, posed, errors, weights)


def solve_frame(
    body: MarkerBody,
    observed: np.ndarray,
    start: FramePose,
    noise: Noise,
    prior: PosePrior,
    prediction: Prediction | None = None,
    steps: int = 10,
) -> tuple[FramePose, Linearised]:
    """Finds the pose of one frame near a start; arguments as of `linearise`.

    Returns:
        The state and the cost there, which is never above that of the start.
    """
    pose = start
    here = linearise(body, observed, pose, noise, prior, prediction)
    damping = _DAMPING
    for _ in range(steps):
        damped = here.matrix + np.diag(damping * here.matrix.diagonal())
        step = -linalg.solve(damped, here.gradient, assume_a="pos", overwrite_a=True, check_finite=False)
        trial = pose.moved(step)
        there = linearise(body, observed, trial, noise, prior, prediction)
        if there.cost < here.cost:
            done = here.cost - there.cost < _DONE * here.cost
            pose, here = trial, there
            damping = max(damping / 10, _LEAST_DAMPING)
            if done:
                break
        else:
            damping *= 10
            if damping > _MOST_DAMPING:
                break
    return pose, here


def find_pose(body: MarkerBody, observed: np.ndarray, noise: Noise, prior: PosePrior) -> tuple[FramePose, Linearised]:
    """Finds the pose of one frame from nothing: the prior's mean, put on the trunk's markers, then coarse to fine.

    Arguments as of `linearise`.
    """
    mean = FramePose(turn(np.tile([1.0, 0, 0, 0], (conventions.NUM_JOINTS, 1)), prior.mean), np.zeros(3))
    pose = _put_on(body, observed, mean)
    for sigma, outlier in ((0.1, 10.0), (0.05, 1.0), (0.02, 0.3)):
        pose, _ = solve_frame(body, observed, pose, Noise(sigma, outlier), prior, steps=20)
    return solve_frame(body, observed, pose, noise, prior, steps=20)


def _put_on(body: MarkerBody, observed: np.ndarray, pose: FramePose) -> FramePose:
    """Turns and moves a pose as a whole onto the trunk's markers, or onto all where fewer than four are seen."""
    seen = np.isfinite(observed[:, 0])
    chosen = seen & np.isin(body.carriers, _TRUNK)
    if chosen.sum() < 4:
        chosen = seen
    points = body.pose(pose.quaternions, pose.trans).points[chosen]
    centre, wanted = points.mean(0), observed[chosen].mean(0)
    turned = rotations.nearest_rotation((observed[chosen] - wanted).T @ (points - centre))
    quaternions = pose.quaternions.copy()
    quaternions[0] = rotations.matrix_to_quaternion(turned @ rotations.quaternion_to_matrix(quaternions[0]))
    # The root turns about its own joint, which stays where it is.
    root = body.joints[0]
    return FramePose(quaternions, wanted - turned @ (centre - root - pose.trans) - root)
