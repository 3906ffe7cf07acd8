"""Mirroring, turning, scaling and shifting of a clip in the image plane, of pixels and labels alike."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from model import conventions, rotations

# Half widths of the uniform draws at strength 1.
SCALE = 0.15
SHIFT = 0.08  # of the crop's half side
ROTATION = np.radians(10.0)

_MIRROR_POINT = np.array([-1.0, 1.0, 1.0], np.float32)
_MIRROR_ROTATION = np.array([1.0, -1.0, -1.0], np.float32)


@dataclasses.dataclass(frozen=True)
class Movement:
    """One similarity of the image plane, the same for all frames of a clip: mirror, then turn and scale, then shift.

    Attributes:
        flip: whether left and right are mirrored.
        angle: radians about the camera's axis, from x (right) to y (down): clockwise as seen.
        scale: about the crop's centre.
        shift: x and y, in half sides of the crop.
    """

    flip: bool = False
    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> Movement:
        """A random movement; `strength` 0..1 is a factor on all ranges but the flip's even odds."""
        flip = bool(rng.random() < 0.5)
        angle, scale, *shift = strength * rng.uniform(-1.0, 1.0, 4)
        return cls(flip, ROTATION * angle, 1.0 + SCALE * scale, (SHIFT * shift[0], SHIFT * shift[1]))

    @property
    def _rotation(self) -> np.ndarray:
        """[3, 3], about z."""
        return rotations.rotation_about(2, self.angle)

    def images(self, images: np.ndarray, size: int) -> np.ndarray:
        """The clip as it is seen after the movement.

        Args:
            images: uint8 [T, W, W, C], crops of which the network sees the size x size pixels in the middle; what is
                around them comes into sight. Beyond, edges are continued.
            size: S.

        Returns:
            uint8 [T, S, S, C].
        """
        wide = images.shape[1]
        # From pixels of the result to pixels of `images`: the inverse of mirror, turn and scale, and shift.
        linear = self._rotation[:2, :2].T / self.scale
        if self.flip:
            linear = np.diag([-1.0, 1.0]) @ linear
        centre = (size - 1) / 2 + np.array(self.shift) * (size / 2)
        matrix = np.column_stack([linear, (wide - 1) / 2 - linear @ centre])
        moved = np.empty((len(images), size, size, images.shape[3]), np.uint8)
        for image, out in zip(images, moved, strict=True):
            cv2.warpAffine(
                image, matrix, (size, size), dst=out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
        return moved

    def labels(self, clip: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The labels of the moved clip.

        Args:
            clip: "pose" [T, 72], "keypoints3d" [T, 19, 3] metres in camera axes, "keypoints3d_valid" [T, 19],
                "keypoints2d" [T, 19, 3] (normalised x, y, visible).

        Returns:
            The same entries. A keypoint that leaves the crop is no longer visible. 3D keypoints turn about the camera's
            axis; scale and shift are the camera's alone.
        """
        clip = flip_labels(clip) if self.flip else clip
        turn = self._rotation.astype(np.float32)
        keypoints2d = clip["keypoints2d"].copy()
        keypoints2d[..., :2] = self.scale * keypoints2d[..., :2] @ turn[:2, :2].T + np.array(self.shift, np.float32)
        keypoints2d[..., 2] *= (np.abs(keypoints2d[..., :2]) <= 1.0).all(-1)
        pose = clip["pose"]
        if self.angle:
            pose = pose.copy()
            pose[:, :3] = rotations.matrix_to_axis_angle(turn @ rotations.axis_angle_to_matrix(pose[:, :3]))
        return {
            "pose": pose,
            "keypoints3d": clip["keypoints3d"] @ turn.T,
            "keypoints3d_valid": clip["keypoints3d_valid"],
            "keypoints2d": keypoints2d,
        }


def flip_labels(clip: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Labels of the mirrored image: left and right swap, and x changes sign.

    Mirroring x turns a rotation vector (x, y, z) into (x, -y, -z).
    """
    mirror = conventions.KEYPOINT_MIRROR
    pose = clip["pose"].reshape(-1, conventions.NUM_JOINTS, 3)[:, conventions.JOINT_MIRROR] * _MIRROR_ROTATION
    return {
        "pose": pose.reshape(-1, conventions.POSE_SIZE),
        "keypoints3d": clip["keypoints3d"][:, mirror] * _MIRROR_POINT,
        "keypoints3d_valid": clip["keypoints3d_valid"][:, mirror],
        "keypoints2d": clip["keypoints2d"][:, mirror] * _MIRROR_POINT,
    }
