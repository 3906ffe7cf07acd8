"""A captured skeleton in motion, as every format's reader gives it: free of names, axes and units of any one format."""

from __future__ import annotations

import dataclasses

import numpy as np

from model.errors import MotionError

# Metres from hip to ankle of people between 1.25 m and 2.35 m: 0.44 to 0.53 of their stature.
PLAUSIBLE_LEG = (0.55, 1.25)

# No unit makes a room that large; squares of such numbers still are numbers.
FARTHEST = 1e9


@dataclasses.dataclass(frozen=True, eq=False)
class SkeletonMotion:
    """J nodes (joints and the ends of bones) through T frames, in the file's own axes.

    Attributes:
        path: the file, for messages.
        names: [J] as in the file, parents before children.
        parents: [J] index of each node's parent, -1 for the root.
        rest: [J, 3] positions where all rotations are the identity, in the file's unit.
        world_rot: [T, J, 3, 3] rotation of each node from rest.
        world_pos: [T, J, 3] positions in the file's unit.
        fps: frames per second.
        metres: metres in one of the file's units; None where the format does not say.

    Raises:
        MotionError: there is no frame, a number is not finite or beyond FARTHEST, or fps <= 0.
    """

    path: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: np.ndarray
    world_rot: np.ndarray
    world_pos: np.ndarray
    fps: float
    metres: float | None = None

    def __post_init__(self):
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"A motion has a positive frame rate. Received: {self.fps} fps for {self.path}")
        if len(self.world_pos) == 0:
            raise MotionError(f"A motion has at least one frame. Received: {self.path} with none")
        # Not <=, which NaN would pass.
        near = (np.abs(self.world_pos) < FARTHEST).all((1, 2)) & np.isfinite(self.world_rot).all((1, 2, 3))
        if not near.all():
            raise MotionError(
                f"Rotations are finite, and positions within {FARTHEST:g} of the file's units. "
                f"Received: NaN, infinity or more in frame {int(np.argmin(near))} of {self.path}"
            )
        if not (np.abs(self.rest) < FARTHEST).all():
            raise MotionError(
                f"Bones are shorter than {FARTHEST:g} of the file's units. "
                f"Received: NaN, infinity or more in {self.path}"
            )

    def __len__(self) -> int:
        return len(self.world_pos)

    def from_frame(self, start: int) -> SkeletonMotion:
        """The motion without its first `start` frames."""
        return dataclasses.replace(self, world_rot=self.world_rot[start:], world_pos=self.world_pos[start:])

    def turned(self, rotation: np.ndarray) -> SkeletonMotion:
        """The motion as `rotation` [3, 3] turns its world; the rest pose keeps the file's own axes."""
        return dataclasses.replace(
            self, world_rot=rotation @ self.world_rot, world_pos=self.world_pos @ np.asarray(rotation).T
        )

    def local_rotations(self) -> np.ndarray:
        """[T, J, 3, 3] rotation of each node relative to its parent's."""
        parents = list(self.parents)
        local = np.swapaxes(self.world_rot[:, parents], -1, -2) @ self.world_rot
        roots = [j for j, parent in enumerate(parents) if parent < 0]
        local[:, roots] = self.world_rot[:, roots]
        return local

    def local_offsets(self) -> np.ndarray:
        """[T, J, 3] position of each node in its parent's axes; of a root, in the world."""
        parents = list(self.parents)
        bones = self.world_pos - self.world_pos[:, parents]
        offsets = (np.swapaxes(self.world_rot[:, parents], -1, -2) @ bones[..., None])[..., 0]
        roots = [j for j, parent in enumerate(parents) if parent < 0]
        offsets[:, roots] = self.world_pos[:, roots]
        return offsets


def chain(parents: tuple[int, ...], local_rot: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics.

    Args:
        parents: [J] parents before children, -1 for a root.
        local_rot: [T, J, 3, 3] rotation of each node relative to its parent.
        offsets: [J, 3] or [T, J, 3] position of each node in its parent's axes; of a root, in the world.

    Returns:
        World rotations [T, J, 3, 3] and positions [T, J, 3] in the unit of the offsets.
    """
    world_rot = np.empty_like(local_rot)
    world_pos = np.empty(local_rot.shape[:-1])
    for j, parent in enumerate(parents):
        if parent < 0:
            world_rot[:, j], world_pos[:, j] = local_rot[:, j], offsets[..., j, :]
        else:
            world_rot[:, j] = world_rot[:, parent] @ local_rot[:, j]
            bone = (world_rot[:, parent] @ offsets[..., j, :, None])[..., 0]
            world_pos[:, j] = world_pos[:, parent] + bone
    return world_rot, world_pos


def check_leg(metres: float, source: str) -> None:
    """Checks a leg length, hip to ankle, of a format that states its unit.

    Raises:
        MotionError: no adult or youth has such legs; the file's unit is not what it says.
    """
    low, high = PLAUSIBLE_LEG
    if not low <= metres <= high:
        raise MotionError(
            f"Legs of a plausible length, {low} m to {high} m from hip to ankle, are needed: is the unit right? "
            f"Received: {metres:.3g} m in {source}"
        )
