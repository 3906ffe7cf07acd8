"""The body's equations in NumPy and numba, where no graph is wanted (SMPL, Loper et al. 2015, section 3)."""

from __future__ import annotations

import functools

import numba
import numpy as np

from model import conventions, rotations
from model.body.data import BodyData


class NumpyBody:
    """Poses one body model: theta, beta -> vertices, joints, keypoints; the twin of model.body.layer.BodyLayer.

    Runs on one core, since synthesis runs a process a core. Each vertex is blended from the few joints that hold it.
    """

    def __init__(self, data: BodyData):
        self.data = data

    @functools.cached_property
    def _influences(self) -> tuple[np.ndarray, np.ndarray]:
        """Joints and weights [V, K] that hold each vertex; K = 4 in SMPL's files, rows with fewer end in zeros."""
        count = int((self.data.weights > 0).sum(1).max())
        index = np.argsort(-self.data.weights, axis=1, kind="stable")[:, :count]
        return index, np.take_along_axis(self.data.weights, index, 1)

    @functools.cached_property
    def _pose_basis(self) -> np.ndarray:
        """[207, V * 3], contiguous for one matrix product per batch."""
        return np.ascontiguousarray(self.data.posedirs.reshape(-1, conventions.POSE_FEATURES).T)

    def shaped(self, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rest shape of one person: betas [10] -> (vertices [V, 3], joints [24, 3]) metres."""
        rest = self.data.v_template + self.data.shapedirs @ np.asarray(betas, np.float32)
        return rest, self.data.joint_regressor @ rest

    def __call__(
        self, pose: np.ndarray, betas: np.ndarray, trans: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Poses one person through T frames.

        Args:
            pose: [T, 72] axis-angle, global rotation first.
            betas: [10].
            trans: [T, 3] metres added after posing, or None.

        Returns:
            Vertices [T, V, 3] and joints [T, 24, 3], float32, metres, in the frame of `pose` and `trans`.
        """
        rest, joints = self.shaped(betas)
        rot = rotations.axis_angle_to_matrix(np.asarray(pose, np.float64).reshape(len(pose), -1, 3))
        features = (rot[:, 1:] - np.eye(3)).reshape(len(pose), -1).astype(np.float32)
        vertices = (features @ self._pose_basis).reshape(len(pose), -1, 3)
        world_rot, world_pos = forward_kinematics(rot, joints)
        shift = world_pos - np.einsum("tjab,jb->tja", world_rot, joints)
        if trans is not None:
            shift = shift + np.asarray(trans)[:, None]
            world_pos = world_pos + np.asarray(trans)[:, None]
        affine = np.concatenate([world_rot, shift[..., None]], -1).astype(np.float32)
        _skin(rest, vertices, *self._influences, affine)
        return vertices, world_pos.astype(np.float32)

    def keypoints(self, vertices: np.ndarray) -> np.ndarray:
        """The 19 keypoints of posed vertices: [..., V, 3] -> [..., 19, 3]."""
        return np.einsum("kv,...vc->...kc", self.data.keypoint_regressor, vertices)


def forward_kinematics(rot: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World rotation and position of every joint.

    Args:
        rot: [T, 24, 3, 3] rotation of each joint relative to its parent.
        joints: [24, 3] rest positions, metres.

    Returns:
        World rotations [T, 24, 3, 3] and joint positions [T, 24, 3] metres.
    """
    world_rot = np.empty_like(rot)
    world_pos = np.empty(rot.shape[:-1])
    for j, parent in enumerate(conventions.PARENTS):
        if parent < 0:
            world_rot[:, j], world_pos[:, j] = rot[:, j], joints[j]
        else:
            world_rot[:, j] = world_rot[:, parent] @ rot[:, j]
            bone = joints[j] - joints[parent]
            world_pos[:, j] = world_pos[:, parent] + world_rot[:, parent] @ bone
    return world_rot, world_pos


@numba.njit(cache=True, nogil=True, fastmath=True)
def _skin(rest, vertices, index, weight, affine):
    """Linear blend skinning, in place: pose offsets [T, V, 3] become posed vertices.

    Args:
        rest: [V, 3] shaped rest vertices, metres.
        vertices: [T, V, 3] offsets of the pose blend shapes on entry.
        index: [V, K] joints that hold each vertex.
        weight: [V, K] their weights.
        affine: [T, 24, 3, 4] transform of each joint.
    """
    for t in range(vertices.shape[0]):
        for v in range(vertices.shape[1]):
            x = rest[v, 0] + vertices[t, v, 0]
            y = rest[v, 1] + vertices[t, v, 1]
            z = rest[v, 2] + vertices[t, v, 2]
            for a in range(3):
                posed = np.float32(0.0)
                for k in range(index.shape[1]):
                    row = affine[t, index[v, k], a]
                    posed += weight[v, k] * (row[0] * x + row[1] * y + row[2] * z + row[3])
                vertices[t, v, a] = posed
