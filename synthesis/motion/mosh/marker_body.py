"""The body's equations for a few points that ride on it, with their derivatives by pose, shape and offset.

The same equations as model.body.numpy_body (SMPL, Loper et al. 2015, section 3), for latent markers in place of
vertices: rest = v_template + shapedirs betas + offset, then pose correctives and linear blend skinning. Derivatives are
analytic; a joint's are by a small rotation in its own axes.
"""

from __future__ import annotations

import dataclasses

import numba
import numpy as np

from model import conventions
from model.body.data import BodyData
from synthesis.motion.mosh.attachment import Latent
from synthesis.motion.mosh.quaternions import to_matrix

# Unknowns of one frame: a small rotation of each joint, then the translation.
UNKNOWNS = conventions.POSE_SIZE + 3

_PARENTS = np.array(conventions.PARENTS)


def _descendants() -> np.ndarray:
    """[24, 24] whether joint k moves with joint j, itself included."""
    moves = np.eye(conventions.NUM_JOINTS, dtype=bool)
    for k, parent in enumerate(conventions.PARENTS):
        if parent >= 0:
            moves[:, k] |= moves[:, parent]
    return moves


_MOVES = _descendants()


@dataclasses.dataclass(frozen=True, eq=False)
class Posed:
    """M markers in one pose.

    Attributes:
        points: [M, 3] metres, world.
        by_pose: [M, 3, 75] their derivative by the rotations of 24 joints, each in its own axes, and by translation.
        blend: [M, 3, 3] their derivative by their rest positions.
        world_rot: [24, 3, 3] of the joints.
    """

    points: np.ndarray
    by_pose: np.ndarray
    blend: np.ndarray
    world_rot: np.ndarray


class MarkerBody:
    """One person's body, reduced to what moves M latent markers.

    Attributes:
        rest: [M, 3] rest positions of the markers, metres.
        joints: [24, 3] rest positions of the joints, metres.
    """

    def __init__(self, data: BodyData, latent: Latent, betas: np.ndarray):
        """Takes the rows of the markers' vertices out of a body.

        Args:
            data: the body.
            latent: its markers.
            betas: [10] the person's shape.
        """
        vertices = latent.vertices
        self._shapedirs = data.shapedirs[vertices].astype(np.float64)
        # SMPL's regressor reaches over the whole surface: joints are found once, not per step.
        self._joint_dirs = np.einsum("jv,vck->jck", data.joint_regressor, data.shapedirs).astype(np.float64)
        self._joint_template = (data.joint_regressor @ data.v_template).astype(np.float64)
        self._template = data.v_template[vertices].astype(np.float64)
        self._posedirs = np.ascontiguousarray(data.posedirs[vertices], np.float64)
        weights = data.weights[vertices].astype(np.float64)
        count = int((weights > 0).sum(1).max())
        self._index = np.argsort(-weights, axis=1, kind="stable")[:, :count]
        held = np.take_along_axis(weights, self._index, 1)
        self._weight = held / held.sum(1, keepdims=True)
        self.reshape(betas, latent.offsets)

    def reshape(self, betas: np.ndarray, offsets: np.ndarray) -> None:
        """Takes another shape [10] and other offsets [M, 3] of the same vertices."""
        self.rest = self._template + self._shapedirs @ betas + offsets
        self.joints = self._joint_template + self._joint_dirs @ betas

    @property
    def carriers(self) -> np.ndarray:
        """[M] the joint that holds most of each marker."""
        return self._index[:, 0]

    def pose(self, quaternions: np.ndarray, trans: np.ndarray) -> Posed:
        """Poses the markers.

        Args:
            quaternions: [24, 4] rotation of each joint relative to its parent.
            trans: [3] metres, added after posing.
        """
        arrays = (self.rest, self.joints, self._index, self._weight, self._posedirs)
        return Posed(*_pose(quaternions, trans, *arrays))

    def by_shape(self, posed: Posed) -> np.ndarray:
        """Derivative [M, 3, 10] of posed markers by the betas."""
        by_joint = np.empty_like(self._joint_dirs)
        by_joint[0] = self._joint_dirs[0]
        for j, parent in enumerate(conventions.PARENTS[1:], start=1):
            bone = self._joint_dirs[j] - self._joint_dirs[parent]
            by_joint[j] = by_joint[parent] + posed.world_rot[parent] @ bone
        shift = by_joint - posed.world_rot @ self._joint_dirs
        return posed.blend @ self._shapedirs + np.einsum("mk,mkcb->mcb", self._weight, shift[self._index])


@numba.njit(cache=True)
def _pose(quaternions, trans, rest, joints, index, weight, posedirs):
    num_joints, num_markers = len(joints), len(rest)
    rot, world_rot = np.empty((num_joints, 3, 3)), np.empty((num_joints, 3, 3))
    world_pos = np.empty((num_joints, 3))
    features = np.empty(9 * (num_joints - 1))
    for j in range(num_joints):
        rot[j] = to_matrix(quaternions[j])
        parent = _PARENTS[j]
        if parent < 0:
            world_rot[j] = rot[j]
            world_pos[j] = joints[j] + trans
        else:
            world_rot[j] = world_rot[parent] @ rot[j]
            world_pos[j] = world_pos[parent] + world_rot[parent] @ (joints[j] - joints[parent])
            features[9 * j - 9 : 9 * j] = (rot[j] - np.eye(3)).ravel()

    points, blend = np.zeros((num_markers, 3)), np.zeros((num_markers, 3, 3))
    by_pose = np.zeros((num_markers, 3, 3 * num_joints + 3))
    held = np.empty((index.shape[1], 3))
    arm, column = np.empty(3), np.empty(3)
    for m in range(num_markers):
        x = rest[m] + posedirs[m] @ features
        for k in range(index.shape[1]):
            j = index[m, k]
            held[k] = world_rot[j] @ (x - joints[j]) + world_pos[j]
            points[m] += weight[m, k] * held[k]
            blend[m] += weight[m, k] * world_rot[j]
        for c in range(3):
            by_pose[m, c, 3 * num_joints + c] = 1.0
        for j in range(num_joints):
            # Rigid part: what hangs on joint j turns about it.
            arm[:] = 0.0
            for k in range(index.shape[1]):
                if _MOVES[j, index[m, k]]:
                    arm += weight[m, k] * (held[k] - world_pos[j])
            for c in range(3):
                axis = world_rot[j, :, c]
                by_pose[m, 0, 3 * j + c] = axis[1] * arm[2] - axis[2] * arm[1]
                by_pose[m, 1, 3 * j + c] = axis[2] * arm[0] - axis[0] * arm[2]
                by_pose[m, 2, 3 * j + c] = axis[0] * arm[1] - axis[1] * arm[0]
            if j == 0:
                continue
            # Pose correctives: R exp(omega) changes R's column b by R's column a where omega turns a into b.
            for c in range(3):
                before, after = (c + 1) % 3, (c + 2) % 3
                for i in range(3):
                    total = 0.0
                    for row in range(3):
                        feature = 9 * (j - 1) + 3 * row
                        total += posedirs[m, i, feature + before] * rot[j, row, after]
                        total -= posedirs[m, i, feature + after] * rot[j, row, before]
                    column[i] = total
                for i in range(3):
                    by_pose[m, i, 3 * j + c] += (
                        blend[m, i, 0] * column[0] + blend[m, i, 1] * column[1] + blend[m, i, 2] * column[2]
                    )
    return points, by_pose, blend, world_rot
