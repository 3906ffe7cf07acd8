"""What poses people take: a Gaussian mixture over body poses (Bogo et al. 2016, section 3.2)."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
from keras import ops

from model import conventions, rotations
from model.errors import ConfigError
from model.storage import written_aside

BODY_POSE_SIZE = conventions.POSE_SIZE - 3
_MIRROR = np.array([1.0, -1.0, -1.0])


@dataclasses.dataclass(frozen=True, eq=False)
class PosePrior:
    """A mixture of M Gaussians over the axis-angle vectors of all joints but the root.

    Attributes:
        weights: [M], sum to 1.
        means: [M, 69] radians.
        factors: [M, 69, 69] upper triangular, 1 / radian: the precision of component m is factors[m] @ factors[m].T.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def __post_init__(self):
        count, size = len(self.weights), BODY_POSE_SIZE
        shapes = self.weights.shape, self.means.shape, self.factors.shape
        wanted = (count,), (count, size), (count, size, size)
        if count == 0 or shapes != wanted or not all(np.isfinite(a).all() for a in (self.means, self.factors)):
            raise ConfigError(
                f"A pose prior has finite weights [M], means [M, {size}] and factors [M, {size}, {size}]. "
                f"Received: {', '.join(map(str, shapes))}"
            )

    @classmethod
    def fit(cls, poses: np.ndarray, components: int = 8, width: float = 0.2, seed: int = 0) -> PosePrior:
        """Fits the mixture to poses and to their mirror images by expectation maximisation.

        Args:
            poses: [N, 72] axis-angle radians; the global rotation is not looked at.
            components: M; fewer where there are fewer poses than that.
            width: radians added in quadrature to every standard deviation: the poses of a few motions lie on a few
                curves, and a mixture that knew them exactly would let nobody off them.
            seed: of the first guess.

        Raises:
            ConfigError: fewer than two poses, not 72 numbers each, or numbers that are not finite.
        """
        from sklearn.mixture import GaussianMixture

        poses = np.asarray(poses, np.float64)
        if poses.ndim != 2 or poses.shape[1] != conventions.POSE_SIZE or len(poses) < 2 or not np.isfinite(poses).all():
            raise ConfigError(
                f"A pose prior is fitted to two or more finite poses [N, {conventions.POSE_SIZE}]. "
                f"Received: shape {poses.shape}, {np.isfinite(poses).mean():.0%} finite"
            )
        joints = rotations.quaternion_to_axis_angle(
            rotations.axis_angle_to_quaternion(poses.reshape(len(poses), -1, 3))
        )
        mirrored = joints[:, conventions.JOINT_MIRROR] * _MIRROR
        samples = np.concatenate([joints, mirrored])[:, 1:].reshape(-1, BODY_POSE_SIZE)
        components = min(components, len(poses))
        mixture = GaussianMixture(components, reg_covar=width**2, random_state=seed).fit(samples)
        return cls(mixture.weights_, mixture.means_, mixture.precisions_cholesky_)

    @property
    def mean(self) -> np.ndarray:
        """[69] radians: the mixture's mean."""
        return self.weights @ self.means

    def merged(self) -> PosePrior:
        """The one Gaussian with the mixture's mean and covariance."""
        off = self.means - self.mean
        covariances = np.linalg.inv(self.factors @ np.swapaxes(self.factors, 1, 2))
        covariance = np.einsum("m,mij->ij", self.weights, covariances) + (self.weights[:, None] * off).T @ off
        # Upper triangular, as the factors are: the inverse of the transposed Cholesky factor.
        factor = np.linalg.inv(np.linalg.cholesky(covariance)).T
        return PosePrior(np.ones(1), self.mean[None], factor[None])

    def energy(self, body_pose):
        """-log of the largest weighted component: the mixture's likelihood, but for what the others add.

        The paper takes this instead of the logarithm of the sum (equation 7) for its gradient's sake.

        Args:
            body_pose: [N, 69] radians, a tensor.

        Returns:
            [N].
        """
        size = BODY_POSE_SIZE
        # One product [N, 69] x [69, M 69] does all components: P^T (x - mu) = P^T x - P^T mu.
        side_by_side = np.transpose(self.factors, (1, 0, 2)).reshape(size, -1)
        offsets = np.einsum("mi,mij->mj", self.means, self.factors).reshape(-1)
        white = ops.matmul(body_pose, side_by_side.astype(np.float32)) - offsets.astype(np.float32)
        white = ops.reshape(white, (-1, len(self.weights), size))
        log_determinants = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(1)
        constants = np.log(self.weights) + log_determinants - 0.5 * size * np.log(2 * np.pi)
        return ops.min(0.5 * ops.sum(white * white, -1) - constants.astype(np.float32), -1)

    def save(self, path: str | pathlib.Path) -> None:
        """Writes an .npz file, whole or not at all."""
        with written_aside(path) as aside:
            np.savez_compressed(aside, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: str | pathlib.Path) -> PosePrior:
        """Reads what `save` wrote.

        Raises:
            ConfigError: the file is missing or holds something else.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(*(file[name] for name in names))
        except (OSError, KeyError, ValueError) as error:
            raise ConfigError(
                f"A pose prior is an .npz file of {', '.join(names)}. Received: {path} ({error})"
            ) from error
