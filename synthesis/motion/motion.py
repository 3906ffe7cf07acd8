"""One motion, free of any particular body: joint rotations, and the pelvis path in leg lengths."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import conventions, rotations
from model.errors import MotionError

_SAME_RATE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """Joint rotations and pelvis displacement through T frames.

    Attributes:
        name: says which motion of its kind this is: "walk-3", or a file's stem.
        kind: one of `builtin.KINDS`, or a file's stem.
        pose: [T, 72] axis-angle in radians, SMPL's joint order, global rotation first; the floor's normal is +y.
        root: [T, 3] pelvis position in leg lengths (hip to ankle, standing); y is measured from the floor.
        fps: frames per second.

    Raises:
        MotionError: the arrays do not have these shapes, hold no frame or a number that is not finite, or fps <= 0.
    """

    name: str
    kind: str
    pose: np.ndarray
    root: np.ndarray
    fps: float

    def __post_init__(self):
        frames = len(self.pose)
        if frames == 0 or self.pose.shape != (frames, conventions.POSE_SIZE) or self.root.shape != (frames, 3):
            raise MotionError(
                f"A motion has pose [T, {conventions.POSE_SIZE}] and root [T, 3] with T >= 1. "
                f"Received: {self.pose.shape} and {self.root.shape} in {self.name}"
            )
        if not (np.isfinite(self.pose).all() and np.isfinite(self.root).all()):
            raise MotionError(f"A motion has finite numbers only. Received: NaN or infinity in {self.name}")
        if not self.fps > 0:
            raise MotionError(f"A motion has a positive frame rate. Received: fps={self.fps} in {self.name}")

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def seconds(self) -> float:
        """Time from the first frame to the last."""
        return (len(self) - 1) / self.fps

    def window(self, start: int, length: int) -> Motion:
        """Frames start .. start + length - 1.

        Raises:
            MotionError: the motion does not hold all of these frames.
        """
        if start < 0 or length < 1 or start + length > len(self):
            raise MotionError(
                f"A window lies within the {len(self)} frames of {self.name}. Received: start={start}, length={length}"
            )
        cut = slice(start, start + length)
        return dataclasses.replace(self, pose=self.pose[cut], root=self.root[cut])

    def resample(self, fps: float) -> Motion:
        """The same motion at another frame rate: SLERP for rotations, linear for the root.

        A rate that divides the present one keeps every n-th frame as it is. Otherwise the first frame is kept, and the
        last falls at most one new frame before the end.

        Raises:
            MotionError: fps <= 0.
        """
        if not fps > 0:
            raise MotionError(f"A motion has a positive frame rate. Received: fps={fps} for {self.name}")
        ratio = self.fps / fps
        stride = max(round(ratio), 1)
        # Files round their frame time (0.008333 s): 120.005 fps to 30 fps is a stride of 4.
        if abs(ratio - stride) < _SAME_RATE * stride:
            return dataclasses.replace(self, pose=self.pose[::stride], root=self.root[::stride], fps=float(fps))
        # The rounding keeps a last frame that falls on the end itself.
        times = np.arange(int(np.floor(self.seconds * fps + 1e-6)) + 1) * ratio
        before = np.minimum(times.astype(int), len(self) - 1)
        after = np.minimum(before + 1, len(self) - 1)
        fraction = np.clip(times - before, 0.0, 1.0)
        root = self.root[before] + fraction[:, None] * (self.root[after] - self.root[before])
        return dataclasses.replace(
            self, pose=_slerp_pose(self.pose, before, after, fraction), root=root.astype(np.float32), fps=float(fps)
        )


def _slerp_pose(pose: np.ndarray, before: np.ndarray, after: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    from synthesis import geometry

    matrices = rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3))
    quaternions = rotations.matrix_to_quaternion(matrices)
    weights = np.broadcast_to(fraction[:, None, None], (len(fraction), quaternions.shape[1], 1))
    blended = geometry.slerp(quaternions[before], quaternions[after], weights)
    return rotations.quaternion_to_axis_angle(blended).reshape(len(fraction), -1).astype(np.float32)
