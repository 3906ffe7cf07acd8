"""SMPLify: 2D keypoints -> body, frame by frame, by optimisation with priors (Bogo et al. 2016).

Minimises, over camera, pose and shape of every frame,

    E = sum_i v_i rho(r_i / noise) / 2 + E_pose + E_bend + |beta|^2 / 2

r_i is a keypoint's distance in the image, in metres at the body; rho(r) = r^2 o^2 / (r^2 + o^2) (Geman and McClure
1987) keeps a wild keypoint from pulling more than o does; E_pose is the mixture of pose_prior.py (the paper's equation
7) and E_bend = weight * sum exp(+-theta) keeps knees and elbows from bending the wrong way (its equation 6). So E is
minus the logarithm of a posterior, but for constants. Where the paper lets the priors' weights fall from stage to
stage, the noise falls here, which is the same but for a factor.

Three more departures from the paper: the camera is the weak-perspective one that Theta holds; nothing keeps limbs from
running through each other; and the first stages take the one Gaussian that has the mixture's mean and covariance, since
a descent that starts with the mixture stays with the component that is nearest to its start.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from keras import ops

from model import conventions, rotations
from model.autodiff import compiled
from model.baselines import adam
from model.baselines.pose_prior import PosePrior
from model.body.layer import BodyLayer
from model.camera import project_weak
from model.conventions import joint, keypoint
from model.errors import ConfigError, RecordError

_TORSO = ("R_hip", "L_hip", "R_shoulder", "L_shoulder")
# How much of their weight the other keypoints have in the torso stage: no torso, or half of one, may be in sight.
_NOT_TORSO = 0.1
_TORSO_WEIGHTS = np.full(conventions.NUM_KEYPOINTS, _NOT_TORSO, np.float32)
_TORSO_WEIGHTS[[keypoint(name) for name in _TORSO]] = 1.0
# Axis and sign by which a hinge's angle grows as it bends the wrong way: knees flex about +x, the left elbow about -y.
_HINGES = {"L_knee": (0, -1.0), "R_knee": (0, -1.0), "L_elbow": (1, 1.0), "R_elbow": (1, -1.0)}
_HINGE_COORDINATES = [3 * joint(name) + axis for name, (axis, _) in _HINGES.items()]
_HINGE_SIGNS = np.array([sign for _, sign in _HINGES.values()], np.float32)
_LEAST_SCALE = 1e-2  # 1 / metre, where a person has about 1
_SMALLEST = 1e-4  # half side of the box of keypoints that all lie in one place
_FAR = 1e9


@dataclasses.dataclass(frozen=True)
class SmplifySettings:
    """How the energy is weighted and minimised.

    Attributes:
        headings: starting headings, spread evenly about the vertical axis. 2D keypoints alone tell front from back only
            by the side that left and right are on.
        noise: metres, what a keypoint is thought to be off by, stage by stage.
        broad_stages: how many of these, from the first, take the mixture as one Gaussian.
        outlier: o above, in units of the noise.
        bend_weight: of E_bend.
        torso_steps: steps that turn and place the prior's mean pose by hips and shoulders.
        steps: steps of each stage.
        rate: first step of all coordinates: radians, betas, image coordinates.
        least_keypoints: frames with fewer visible ones are missing.
        batch: frames that are fitted at once.
    """

    headings: int = 4
    noise: tuple[float, ...] = (0.1, 0.05, 0.02, 0.01)
    broad_stages: int = 2
    outlier: float = 10.0
    bend_weight: float = 1.0
    torso_steps: int = 30
    steps: int = 60
    rate: float = 0.05
    least_keypoints: int = 6
    batch: int = 128

    def __post_init__(self):
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        wrong = {name: value for name, value in values.items() if not np.all(np.asarray(value) > 0)}
        if wrong or not self.noise:
            raise ConfigError(f"All settings of SMPLify are positive. Received: {wrong or 'no stage in noise'}")


@dataclasses.dataclass(frozen=True, eq=False)
class Fits:
    """What was found for N frames.

    Attributes:
        theta: [N, 85] float32; the mean Theta where a frame is missing.
        energy: [N] E in the last stage; NaN where a frame is missing.
        missing: [N] bool.
    """

    theta: np.ndarray
    energy: np.ndarray
    missing: np.ndarray


class Smplify:
    """Fits bodies to 2D keypoints, many frames at once and each by itself.

    Every heading goes through the torso stage and the first stage of noise; the best one of each frame goes on.

    Example:
        >>> smplify = Smplify(BodyLayer(load_body("neutral")), PosePrior.fit(poses), mean_theta)
        >>> smplify(keypoints2d).theta.shape
        (640, 85)
    """

    def __init__(
        self, body: BodyLayer, prior: PosePrior, mean_theta: np.ndarray, settings: SmplifySettings | None = None
    ):
        """Takes what is the same for all frames.

        Args:
            body: poses Theta.
            prior: of body poses.
            mean_theta: [85], the prediction for missing frames.
            settings: the defaults when None.
        """
        self.settings = settings or SmplifySettings()
        self._body = body
        self._prior = prior
        self._mean_theta = np.asarray(mean_theta, np.float32)
        self._turns, self._pose, self._standing = self._starting_bodies()
        self._broad_stage = compiled(functools.partial(self._minimise, prior.merged()))
        self._stage = compiled(functools.partial(self._minimise, prior))

    def __call__(self, keypoints2d: np.ndarray) -> Fits:
        """Fits a body to every frame.

        Args:
            keypoints2d: [N, 19, 3] normalised image coordinates x, y, and visible 0 or 1 (or a detector's confidence
                between). What the coordinates of a keypoint with 0 are does not matter.

        Raises:
            RecordError: another shape, a visible keypoint that is not finite, or a visibility outside 0..1.
        """
        points, weights = _checked(keypoints2d)
        points, centre, half = _boxed(points, weights)
        missing = (weights > 0).sum(1) < self.settings.least_keypoints
        theta = np.tile(self._mean_theta, (len(points), 1))
        energy = np.full(len(points), np.nan, np.float32)
        present, size = np.flatnonzero(~missing), self.settings.batch
        for chosen in (present[first : first + size] for first in range(0, len(present), size)):
            filled = np.resize(chosen, size)  # a last, smaller batch would make another graph
            found = self._fit(points[filled], weights[filled])
            theta[chosen], energy[chosen] = (values[: len(chosen)] for values in found)
        camera = theta[present, conventions.CAMERA_SLICE] * half[present]
        theta[present, conventions.CAMERA_SLICE] = camera + np.pad(centre[present], ((0, 0), (1, 0)))
        return Fits(theta, energy, missing)

    def energy(self, prior: PosePrior, theta: Any, points: Any, weights: Any, noise: Any) -> Any:
        """E of every frame.

        Args:
            prior: of body poses.
            theta: [N, 85].
            points: [N, 19, 2] normalised image coordinates.
            weights: [N, 19] v.
            noise: metres.

        Returns:
            [N].
        """
        camera, pose = theta[:, conventions.CAMERA_SLICE], theta[:, conventions.POSE_SLICE]
        betas = theta[:, conventions.BETAS_SLICE]
        # The scale that turns the image into metres is no variable here: else a small person would be near everything.
        scale = ops.stop_gradient(ops.maximum(camera[:, None, :1], _LEAST_SCALE))
        distance = (project_weak(self._body(pose, betas).keypoints, camera) - points) / (scale * noise)
        squared = ops.sum(distance * distance, -1)
        limit = self.settings.outlier**2
        data = 0.5 * ops.sum(weights * squared * limit / (squared + limit), -1)
        bend = ops.sum(ops.exp(ops.take(pose, _HINGE_COORDINATES, axis=1) * _HINGE_SIGNS), -1)
        shape = 0.5 * ops.sum(betas * betas, -1)
        return data + prior.energy(pose[:, 3:]) + self.settings.bend_weight * bend + shape

    def _minimise(self, prior, theta, points, weights, noise, rates, steps):
        """Theta and E after one stage."""

        def energy(x):
            return self.energy(prior, x, points, weights, noise)

        theta = adam.minimise(energy, theta, rates, steps)
        return theta, energy(theta)

    def _fit(self, points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Theta [B, 85] and E [B] of one batch: points [B, 19, 2], weights [B, 19]."""
        settings, headings = self.settings, len(self._turns)
        every = np.full(conventions.THETA_SIZE, settings.rate, np.float32)
        place = np.where(np.arange(conventions.THETA_SIZE) < conventions.POSE_SLICE.start + 3, every, np.float32(0))
        steps, torso_steps = np.int32(settings.steps), np.int32(settings.torso_steps)
        stages = [self._broad_stage] * settings.broad_stages + [self._stage] * len(settings.noise)
        first, *later = zip(stages, np.asarray(settings.noise, np.float32), strict=False)

        stage, noise = first
        each, seen = np.repeat(points, headings, 0), np.repeat(weights, headings, 0)
        theta, _ = stage(self._placed(points, weights), each, seen * _TORSO_WEIGHTS, noise, place, torso_steps)
        theta, energy = (np.asarray(x) for x in stage(theta, each, seen, noise, every, steps))
        rows = np.arange(len(points)) * headings + np.argmin(energy.reshape(-1, headings), 1)
        theta, energy = theta[rows], energy[rows]
        for stage, noise in later:
            theta, energy = stage(theta, points, weights, noise, every, steps)
        return np.asarray(theta), np.asarray(energy)

    def _starting_bodies(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Global rotations [H, 3, 3] of every heading, the mean pose [72], and its keypoints [H, 19, 2] so turned."""
        angles = 2 * np.pi * np.arange(self.settings.headings) / self.settings.headings
        # Half a turn about x takes the world's axes (y up) to a camera's (y down) that the body faces.
        turns = rotations.rotation_about(0, np.pi) @ rotations.rotation_about(1, angles)
        pose = np.concatenate([np.zeros(3), self._prior.mean]).astype(np.float32)
        keypoints = np.asarray(self._body(pose[None], np.zeros((1, conventions.NUM_BETAS), np.float32)).keypoints[0])
        return turns, pose, (keypoints @ np.swapaxes(turns, 1, 2))[..., :2]

    def _placed(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Theta [B * H, 85] of the mean pose in every heading, rolled, scaled and shifted onto the points."""
        weights = (weights * _TORSO_WEIGHTS)[:, None]
        weights = weights / weights.sum(-1, keepdims=True)
        # In complex numbers a least-squares similarity of the plane is one division.
        body = self._standing[None] @ np.array([1.0, 1.0j])
        image = points[:, None] @ np.array([1.0, 1.0j])
        body_mean, image_mean = ((weights * x).sum(-1, keepdims=True) for x in (body, image))
        a, b = body - body_mean, image - image_mean
        turn = (weights * a.conj() * b).sum(-1) / (weights * np.abs(a) ** 2).sum(-1)
        shift = image_mean[..., 0] - turn * body_mean[..., 0]
        theta = np.zeros((*turn.shape, conventions.THETA_SIZE), np.float32)
        theta[..., conventions.CAMERA_SLICE] = np.stack([np.abs(turn), shift.real, shift.imag], -1)
        theta[..., conventions.POSE_SLICE] = self._pose
        rolled = rotations.rotation_about(2, np.angle(turn)) @ self._turns
        theta[..., conventions.POSE_SLICE][..., :3] = rotations.matrix_to_axis_angle(rolled)
        return theta.reshape(-1, conventions.THETA_SIZE)


def _boxed(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points relative to the centre [N, 2] of the visible ones' box, in its half side [N, 1], and these two.

    So a step of the camera is as large for a small person in a large picture as in a crop.
    """
    shown = weights[..., None] > 0
    low = np.where(shown, points, _FAR).min(1)
    high = np.where(shown, points, -_FAR).max(1)
    centre = 0.5 * (low + high)
    half = np.maximum(0.5 * (high - low).max(1, keepdims=True), _SMALLEST)
    return ((points - centre[:, None]) / half[:, None]).astype(np.float32), centre, half


def _checked(keypoints2d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 19, 2] and weights [N, 19] float32; what is not visible lies at zero.

    Raises:
        RecordError: see Smplify.__call__.
    """
    keypoints2d = np.asarray(keypoints2d, np.float32)
    wanted = (conventions.NUM_KEYPOINTS, 3)
    if keypoints2d.ndim != 3 or keypoints2d.shape[1:] != wanted:
        raise RecordError(f"2D keypoints are [N, {wanted[0]}, {wanted[1]}]. Received: shape {keypoints2d.shape}")
    points, weights = keypoints2d[..., :2], keypoints2d[..., 2]
    finite = np.isfinite(points).all(-1) | (weights == 0)
    wrong = np.flatnonzero(~((weights >= 0) & (weights <= 1) & finite).all(1))
    if len(wrong):
        raise RecordError(
            "Visible 2D keypoints are finite, and visibility is in 0..1. "
            f"Received: others in {len(wrong)} of {len(points)} frames, the first of them frame {wrong[0]}"
        )
    return np.where(weights[..., None] > 0, points, np.float32(0)), weights
