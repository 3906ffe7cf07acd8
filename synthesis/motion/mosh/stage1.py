"""Stage I: shape and marker offsets, with the poses of a few frames (Loper et al. 2014).

Gauss-Newton on all unknowns at once. Frames share only shape and offsets, so their poses are eliminated frame by frame
(Schur complement). As in the paper markers are trusted more from round to round while the priors stay; between rounds
they are hung anew on the nearest vertex.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import logging

from model.body.data import BodyData
from model.conventions import NUM_BETAS
from synthesis.motion.mosh import attachment
from synthesis.motion.mosh.attachment import Latent
from synthesis.motion.mosh.frame_solver import FramePose, Linearised, Noise, find_pose, linearise
from synthesis.motion.mosh.marker_body import MarkerBody
from synthesis.motion.mosh.marker_sets import MarkerSet
from synthesis.motion.mosh.pose_prior import PosePrior

# Rounds: trust in the markers. The last two go as far as the markers turn out to deserve.
_ROUNDS = (Noise(0.04, 1.0), Noise(0.02, 0.3), Noise(0.01, 0.1))
_LAST_ROUNDS, _BEST_SIGMA, _OUTLIER = 2, 0.003, 0.05
_STEPS = 12
# Standard deviations from the mean within which people are, and the width of what lies beyond.
_MOST_BETA, _BETA_WIDTH = 2.5, 0.1
_DONE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """What stage I finds.

    Attributes:
        betas: [10] shape.
        latent: the markers on the body.
    """

    betas: np.ndarray
    latent: Latent


def choose_frames(positions: np.ndarray, count: int) -> np.ndarray:
    """Frames that show most markers and differ most in pose, in order.

    Poses are told apart by the markers' distances from one another, which no turn or walk changes. Each further frame
    is the one farthest from those chosen (Gonzalez 1985).

    Args:
        positions: [T, M, 3] metres, NaN where a marker was not seen.
        count: how many to choose at most.
    """
    seen = np.isfinite(positions[..., 0]).sum(1)
    fullest = np.flatnonzero(seen >= np.quantile(seen, 0.75))
    candidates = fullest[:: max(len(fullest) // (40 * count), 1)]
    first, second = np.triu_indices(positions.shape[1], 1)
    distances = np.linalg.norm(positions[candidates][:, first] - positions[candidates][:, second], axis=-1)
    usual = np.nan_to_num(np.nanmedian(np.where(np.isfinite(distances).any(0), distances, 0.0), axis=0))
    features = np.where(np.isfinite(distances), distances, usual) - usual
    chosen = [int((features**2).sum(1).argmin())]
    nearest = np.full(len(candidates), np.inf)
    while len(chosen) < min(count, len(candidates)):
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(nearest.argmax()))
    return np.sort(candidates[np.unique(chosen)])


def find_subject(data: BodyData, marker_set: MarkerSet, frames: np.ndarray, prior: PosePrior) -> Subject:
    """Finds shape and marker offsets.

    Args:
        data: the body.
        marker_set: M placements, in the markers' order.
        frames: [F, M, 3] observed markers, metres, y up, NaN where not seen.
        prior: on the poses.

    Raises:
        MotionError: the set cannot be put on this body.
    """
    placed = attachment.place(data, marker_set)
    subject = Subject(np.zeros(NUM_BETAS), placed)
    body = MarkerBody(data, placed, subject.betas)
    poses = [find_pose(body, observed, _ROUNDS[0], prior)[0] for observed in frames]
    errors = np.zeros(1)
    for given in (*_ROUNDS, *[None] * _LAST_ROUNDS):
        noise = given or Noise(_sigma(errors, len(frames)), _OUTLIER)
        subject, poses, errors = _solve_round(data, marker_set, placed, subject, frames, poses, noise, prior)
        logging.debug("MoSh stage I: sigma %.1f mm, median %.1f mm", 1e3 * noise.sigma, 1e3 * np.median(errors))
        rest = subject.latent.rest(data, subject.betas)
        subject = Subject(subject.betas, attachment.hang(data, subject.betas, rest))
    return subject


def _sigma(errors: np.ndarray, frames: int) -> float:
    """Standard deviation by which markers are trusted, from their distances in the round before, metres.

    What is above the markers' own noise comes from the model (soft tissue, clothes, joints that are none of a body's).
    It repeats, so all frames together say no more about it than one.
    """
    # The median of a distance in space is 1.54 standard deviations of a coordinate.
    excess = max((np.median(errors) / 1.54) ** 2 - _BEST_SIGMA**2, 0.0)
    return float(np.sqrt(_BEST_SIGMA**2 + frames * excess))


def _solve_round(
    data: BodyData,
    marker_set: MarkerSet,
    placed: Latent,
    subject: Subject,
    frames: np.ndarray,
    poses: list[FramePose],
    noise: Noise,
    prior: PosePrior,
) -> tuple[Subject, list[FramePose], np.ndarray]:
    """Levenberg-Marquardt on shape, offsets and all poses with markers on fixed vertices; also their distances."""
    shared_prior = _SharedPrior(data, marker_set, placed, subject)
    latent, betas, offsets = subject.latent, subject.betas, subject.latent.offsets
    body = MarkerBody(data, latent, betas)

    def evaluate(betas: np.ndarray, offsets: np.ndarray, poses: list[FramePose]) -> tuple[float, list[Linearised]]:
        body.reshape(betas, offsets)
        each = [linearise(body, observed, pose, noise, prior) for observed, pose in zip(frames, poses, strict=True)]
        return shared_prior.cost(betas, offsets) + sum(frame.cost for frame in each), each

    cost, here = evaluate(betas, offsets, poses)
    damping = 1e-3
    for _ in range(_STEPS):
        body.reshape(betas, offsets)
        shared_step, pose_steps = _step(body, here, *shared_prior.terms(betas, offsets), damping)
        trial = (
            betas + shared_step[:NUM_BETAS],
            offsets + shared_step[NUM_BETAS:].reshape(-1, 3),
            [pose.moved(step) for pose, step in zip(poses, pose_steps, strict=True)],
        )
        trial_cost, there = evaluate(*trial)
        if trial_cost < cost:
            done = cost - trial_cost < _DONE * cost
            (betas, offsets, poses), cost, here = trial, trial_cost, there
            damping /= 10
            if done:
                break
        else:
            damping *= 10
    distances = np.concatenate([np.linalg.norm(frame.errors[frame.weights > 0], axis=1) for frame in here])
    return Subject(betas, Latent(latent.vertices, offsets)), poses, distances


def _step(
    body: MarkerBody, frames: list[Linearised], gradient: np.ndarray, matrix: np.ndarray, damping: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One damped step of the shared unknowns and of each frame's.

    Args:
        body: at the current shape and offsets.
        frames: each frame's cost.
        gradient: [S] of the shared unknowns' priors.
        matrix: [S, S] of the same.
        damping: Levenberg's, relative to the diagonal.
    """
    gradient, matrix = gradient.copy(), matrix.copy()
    kept = []
    for frame in frames:
        posed, weights = frame.posed, frame.weights[:, None, None]
        by_shared = _by_shared(body, frame)
        weighted = by_shared * np.repeat(frame.weights, 3)[:, None]
        matrix += by_shared.T @ weighted
        gradient += frame.errors.ravel() @ weighted
        cross = (posed.by_pose * weights).reshape(len(by_shared), -1).T @ by_shared
        own = frame.matrix + np.diag(damping * frame.matrix.diagonal())
        eliminated = np.linalg.solve(own, np.column_stack([cross, frame.gradient]))
        matrix -= cross.T @ eliminated[:, :-1]
        gradient -= cross.T @ eliminated[:, -1]
        kept.append(eliminated)
    matrix[np.diag_indices_from(matrix)] *= 1.0 + damping
    shared = -np.linalg.solve(matrix, gradient)
    return shared, [-(eliminated[:, -1] + eliminated[:, :-1] @ shared) for eliminated in kept]


def _by_shared(body: MarkerBody, frame: Linearised) -> np.ndarray:
    """Derivative [3 M, 10 + 3 M] of a frame's markers by betas and offsets."""
    count = len(frame.posed.points)
    result = np.zeros((count, 3, NUM_BETAS + 3 * count))
    result[:, :, :NUM_BETAS] = body.by_shape(frame.posed)
    each = np.arange(count)
    result[:, :, NUM_BETAS:].reshape(count, 3, count, 3)[each, :, each] = frame.posed.blend
    return result.reshape(3 * count, -1)


class _SharedPrior:
    """Priors on shape and offsets: linear residuals of the shared unknowns s = (betas, offsets), A s - b.

    A marker is near where its set puts it on this shape, and at its distance from the skin; betas are standard normal.
    Beyond _MOST_BETA their cost rises steeply: else components that change the body little take up what a model of skin
    and clothes cannot explain.
    """

    def __init__(self, data: BodyData, marker_set: MarkerSet, placed: Latent, subject: Subject):
        placements = marker_set.placements
        count = len(placements)
        carried = subject.latent.vertices
        dirs, dirs_placed = (data.shapedirs[v].astype(np.float64) for v in (carried, placed.vertices))
        template, template_placed = (data.v_template[v].astype(np.float64) for v in (carried, placed.vertices))
        place = np.zeros((count, 3, NUM_BETAS + 3 * count))
        place[:, :, :NUM_BETAS] = dirs - dirs_placed
        each = np.arange(count)
        place[:, :, NUM_BETAS:].reshape(count, 3, count, 3)[each, :, each] = np.eye(3)
        spread = np.array([p.spread for p in placements])[:, None]
        wanted_place = (template_placed + placed.offsets - template) / spread

        normal = attachment.normals(data, subject.betas, carried)
        distance = np.zeros((count, count, 3))
        distance[each, each] = normal
        width = np.array([p.distance_spread for p in placements])
        wanted_distance = np.array([p.distance for p in placements]) / width
        self._matrix = np.concatenate(
            [
                np.eye(NUM_BETAS, NUM_BETAS + 3 * count),
                (place / spread[:, :, None]).reshape(3 * count, -1),
                np.column_stack([np.zeros((count, NUM_BETAS)), distance.reshape(count, -1) / width[:, None]]),
            ]
        )
        self._wanted = np.concatenate([np.zeros(NUM_BETAS), wanted_place.ravel(), wanted_distance])

    def _residuals(self, betas: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        return self._matrix @ np.concatenate([betas, offsets.ravel()]) - self._wanted

    def cost(self, betas: np.ndarray, offsets: np.ndarray) -> float:
        """Half the sum of squares."""
        residuals = self._residuals(betas, offsets)
        beyond = _beyond(betas) / _BETA_WIDTH
        return 0.5 * float(residuals @ residuals + beyond @ beyond)

    def terms(self, betas: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient [S] and matrix [S, S]."""
        gradient = self._matrix.T @ self._residuals(betas, offsets)
        matrix = self._matrix.T @ self._matrix
        beyond = _beyond(betas)
        gradient[:NUM_BETAS] += beyond / _BETA_WIDTH**2
        matrix[np.arange(NUM_BETAS), np.arange(NUM_BETAS)] += (beyond != 0) / _BETA_WIDTH**2
        return gradient, matrix


def _beyond(betas: np.ndarray) -> np.ndarray:
    """[10] by how much each beta is beyond +-_MOST_BETA."""
    return betas - np.clip(betas, -_MOST_BETA, _MOST_BETA)
