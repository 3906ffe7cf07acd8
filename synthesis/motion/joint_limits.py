"""How far each joint can turn, learned from motion capture.

The range of a joint is no box: how far a shoulder twists depends on where the arm points (Akhter and Black 2015). So
the range is kept as examples: rotations that people were seen to take, thinned until none is nearer to another than
`SPACING`. A rotation is possible where an example lies within a margin of it.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterable

import numpy as np

from model import conventions, rotations
from model.conventions import JOINTS
from model.storage import written_aside

# Radians between neighbouring examples.
SPACING = np.radians(9.0)
# Optical capture does not see these move (retarget leaves them straight): ranges of textbooks instead, radians. Toes
# bend up by 60 degrees and down by 35; fingers, all as one, close by 95 and open by 30.
_HINGES = {
    "L_foot": (0, -60, 35), "R_foot": (0, -60, 35), "L_hand": (2, -95, 30), "R_hand": (2, -30, 95),
}  # fmt: skip
# What the hinges leave open to either side.
_HINGE_PLAY = np.radians(12.0)
_TABLE = pathlib.Path(__file__).parent / "joint_limits.npz"
_MIRROR = np.array([1.0, 1.0, -1.0, -1.0])


def learn(poses: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Examples of every joint but root, toes and fingers, from poses and from their mirror images.

    Args:
        poses: [T, 72] each.

    Returns:
        Joint name -> unit quaternions [N, 4] (w, x, y, z), w >= 0.
    """
    stacked = np.concatenate([pose.reshape(-1, conventions.NUM_JOINTS, 3) for pose in poses]).astype(np.float64)
    quaternions = rotations.matrix_to_quaternion(rotations.axis_angle_to_matrix(stacked))
    examples = {}
    for j, name in enumerate(JOINTS):
        if j and name not in _HINGES:
            mirrored = quaternions[:, conventions.JOINT_MIRROR[j]] * _MIRROR
            examples[name] = _thinned(np.concatenate([quaternions[:, j], mirrored]))
    return examples


def save(examples: dict[str, np.ndarray], path: str | pathlib.Path = _TABLE) -> None:
    """Writes a table of examples, whole or not at all; half precision is 0.1 degrees."""
    with written_aside(path) as aside:
        np.savez_compressed(aside, **{name: values.astype(np.float16) for name, values in examples.items()})


@functools.cache
def load(path: str | pathlib.Path = _TABLE) -> dict[str, np.ndarray]:
    """Joint name -> unit quaternions [N, 4] of a table that `save` wrote; the package's own by default."""
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name].astype(np.float64) for name in file.files}
    return {name: q / np.linalg.norm(q, axis=1, keepdims=True) for name, q in values.items()}


def excess(pose: np.ndarray) -> np.ndarray:
    """How far each joint is from what it was seen to do.

    Args:
        pose: [T, 72].

    Returns:
        [T, 24] radians: the angle to the nearest example less half of their spacing, at least zero; zero for the root.
    """
    matrices = rotations.axis_angle_to_matrix(pose.astype(np.float64).reshape(len(pose), -1, 3))
    quaternions = rotations.matrix_to_quaternion(matrices)
    examples = load()
    result = np.zeros((len(pose), conventions.NUM_JOINTS))
    for j, name in enumerate(JOINTS):
        if name in examples:
            cosine = np.abs(quaternions[:, j] @ examples[name].T).max(1)
            result[:, j] = np.maximum(2 * np.arccos(np.clip(cosine, 0.0, 1.0)) - SPACING / 2, 0.0)
        elif name in _HINGES:
            axis, low, high = _HINGES[name]
            result[:, j] = _off_hinge(rotations.quaternion_to_axis_angle(quaternions[:, j]), axis, low, high)
    return result


def _off_hinge(vectors: np.ndarray, axis: int, low: float, high: float) -> np.ndarray:
    """Radians by which axis-angle vectors [T, 3] leave the range (degrees) of a hinge about a coordinate axis."""
    along = vectors[:, axis]
    beyond = np.maximum(np.maximum(np.radians(low) - along, along - np.radians(high)), 0.0)
    aside = np.linalg.norm(np.delete(vectors, axis, 1), axis=1)
    return np.hypot(beyond, np.maximum(aside - _HINGE_PLAY, 0.0))


def _thinned(quaternions: np.ndarray) -> np.ndarray:
    """A subset of [N, 4] such that all are within SPACING of it and none of it are nearer to each other than that."""
    left = quaternions
    kept = []
    near = np.cos(SPACING / 2)
    while len(left):
        kept.append(left[0])
        left = left[np.abs(left @ left[0]) < near]
    return np.array(kept)
