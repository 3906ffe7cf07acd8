"""New motions between the most distant poses of two others (paper section 3.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from model import conventions, rotations
from model.errors import ConfigError, MotionError
from synthesis.motion.motion import Motion

KIND = "interpolated"
METHODS = ("linear", "slerp")

# Rows of the distance matrix worked on at once.
_BLOCK = 512
# Poses nearer than this to each other, radians, are one pose.
_SAME = 1e-3


@dataclasses.dataclass(frozen=True)
class InterpolationSettings:
    """How two poses are joined.

    Attributes:
        rate: radians of pose distance from frame to frame; with the distance it gives the number of frames.
        fps: frames per second of the new motion.
        method: "linear" in axis-angle as the paper has it, or "slerp", each joint about one axis the shortest way.

    Raises:
        ConfigError: a value cannot work.
    """

    rate: float = 0.1
    fps: float = 30.0
    method: str = "linear"

    def __post_init__(self):
        if not (np.isfinite(self.rate) and self.rate > 0 and np.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"Positive rate and fps are needed. Received: rate={self.rate}, fps={self.fps}")
        if self.method not in METHODS:
            raise ConfigError(f"A method of interpolation is one of {', '.join(METHODS)}. Received: {self.method!r}")


@dataclasses.dataclass(frozen=True)
class FarthestPair:
    """The two most distant poses of two motions: their frames, and their distance in radians."""

    start: int
    end: int
    distance: float


def distance_matrix(pose_a: np.ndarray, pose_b: np.ndarray) -> np.ndarray:
    """Distances of all poses of one motion from all of another: |theta_a - theta_b| over the 23 body joints.

    The global rotation does not count. Of the axis-angle vectors that mean the same rotation, each joint's are those
    nearest to the joint's mean over both motions (`near_the_mean`).

    Args:
        pose_a: [A, 72].
        pose_b: [B, 72].

    Returns:
        [A, B] radians, float32.
    """
    return np.concatenate(list(_distance_blocks(*near_the_mean(pose_a, pose_b))))


def farthest_pair(pose_a: np.ndarray, pose_b: np.ndarray) -> FarthestPair:
    """Frames of the largest entry of `distance_matrix`, the first one of equals, without ever holding all of it."""
    best = FarthestPair(0, 0, -1.0)
    for number, block in enumerate(_distance_blocks(*near_the_mean(pose_a, pose_b))):
        row, column = np.unravel_index(int(block.argmax()), block.shape)
        if block[row, column] > best.distance:
            best = FarthestPair(number * _BLOCK + int(row), int(column), float(block[row, column]))
    return best


def interpolate(a: Motion, b: Motion, settings: InterpolationSettings | None = None) -> Motion:
    """A motion from the pose of `a` to the pose of `b` that are most distant from each other, at constant speed.

    Both end poses are in it. The global rotation goes the shortest way; the pelvis stays over one place and its height
    changes evenly (`placement.place` puts each frame on the floor).

    Raises:
        MotionError: the two motions hold one pose only.
    """
    settings = settings or InterpolationSettings()
    pair = farthest_pair(a.pose, b.pose)
    if pair.distance < _SAME:
        raise MotionError(f"Two motions with different poses are needed. Received: {a.name} and {b.name}, all alike")
    share = np.linspace(0.0, 1.0, int(np.ceil(pair.distance / settings.rate)) + 1)[:, None]
    ends = a.pose[pair.start].astype(np.float64), b.pose[pair.end].astype(np.float64)
    pose = _slerp(*ends, share)
    if settings.method == "linear":
        theta_a, theta_b = near_the_mean(a.pose, b.pose)
        start, end = theta_a[pair.start], theta_b[pair.end]
        pose[:, 3:] = start[3:] + share * (end - start)[3:]
    height = a.root[pair.start, 1] + share[:, 0] * (b.root[pair.end, 1] - a.root[pair.start, 1])
    root = np.stack([np.zeros_like(height), height, np.zeros_like(height)], 1)
    name = f"{a.name}-{pair.start}-to-{b.name}-{pair.end}"
    return Motion(name, KIND, pose.astype(np.float32), root.astype(np.float32), settings.fps)


def near_the_mean(pose_a: np.ndarray, pose_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both motions' poses in axis-angle vectors without a seam where the joints are.

    A rotation by r about an axis is one by r - 2 pi as well. Near half a turn the two are equally short, and two poses
    that hardly differ are 2 pi apart. Each joint therefore takes the one that is nearer to its mean rotation over both
    motions: the seam is then half a turn from where the joint dwells, and a straight line between two poses leads
    through rotations that the joint takes, not round the other side.

    Args:
        pose_a: [A, 72].
        pose_b: [B, 72].

    Returns:
        [A, 72] and [B, 72], float64.
    """
    vectors = np.concatenate([pose_a, pose_b]).astype(np.float64).reshape(-1, conventions.NUM_JOINTS, 3)
    matrices = rotations.axis_angle_to_matrix(vectors)
    short = rotations.matrix_to_axis_angle(matrices)
    mean = rotations.matrix_to_axis_angle(rotations.nearest_rotation(matrices.mean(0)))
    angle = np.linalg.norm(short, axis=-1, keepdims=True)
    long = short * (1.0 - 2 * np.pi / np.maximum(angle, 1e-9))
    nearer = np.linalg.norm(long - mean, axis=-1) < np.linalg.norm(short - mean, axis=-1)
    theta = np.where(nearer[..., None], long, short).reshape(len(vectors), -1)
    return theta[: len(pose_a)], theta[len(pose_a) :]


def _distance_blocks(theta_a: np.ndarray, theta_b: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of the distance matrix, [up to _BLOCK, B] at a time."""
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b loses digits where the vectors are long beside their difference: in float64
    # and from a common middle the error of the distance stays below 1e-6 rad.
    middle = 0.5 * (theta_a[:, 3:].mean(0) + theta_b[:, 3:].mean(0))
    a, b = theta_a[:, 3:] - middle, theta_b[:, 3:] - middle
    squares_a, squares_b = (a * a).sum(1), (b * b).sum(1)
    for i in range(0, len(a), _BLOCK):
        rows = slice(i, i + _BLOCK)
        squares = squares_a[rows, None] + squares_b - 2.0 * (a[rows] @ b.T)
        yield np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)


def _slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """[72], [72] and shares [T, 1] -> [T, 72]: every joint from start to end about one axis, the shortest way."""
    first, last = (rotations.axis_angle_to_matrix(pose.reshape(-1, 3)) for pose in (start, end))
    turn = rotations.matrix_to_axis_angle(np.swapaxes(first, -1, -2) @ last)
    between = first @ rotations.axis_angle_to_matrix(share[..., None] * turn)
    return rotations.matrix_to_axis_angle(between).reshape(len(share), -1)
