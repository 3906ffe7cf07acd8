"""The body's equations in NumPy, for synthesis, where no graph is wanted (SMPL, Loper et al. 2015, section 3)."""

from __future__ import annotations

import functools

import numpy as np

from model import conventions, rotations
from model.body.files import BodyData

INFLUENCES = 4


class NumpyBody:
    """Poses one body model: theta, beta -> vertices, joints, keypoints.

    Skinning uses the four largest weights of each vertex, which is all that SMPL's weights hold.
    """

    def __init__(self, data: BodyData):
        self.data = data

    @functools.cached_property
    def _influences(self) -> tuple[np.ndarray, np.ndarray]:
        index = np.argsort(-self.data.weights, axis=1, kind="stable")[:, :INFLUENCES]
        weight = np.take_along_axis(self.data.weights, index, 1)
        return index, weight / weight.sum(1, keepdims=True)

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
        posed = rest + (features @ self._pose_basis).reshape(len(pose), -1, 3)
        world_rot, world_pos = forward_kinematics(rot, joints)
        offset = world_pos - np.einsum("tjab,jb->tja", world_rot, joints)
        index, weight = self._influences
        affine = np.concatenate([world_rot, offset[..., None]], -1).astype(np.float32).reshape(len(pose), -1, 12)
        vertices = np.empty_like(posed)
        for t in range(len(pose)):
            blended = np.einsum("vk,vkm->vm", weight, affine[t][index]).reshape(-1, 3, 4)
            vertices[t] = np.einsum("vab,vb->va", blended[..., :3], posed[t]) + blended[..., 3]
        world_pos = world_pos.astype(np.float32)
        if trans is not None:
            shift = np.asarray(trans, np.float32)[:, None]
            return vertices + shift, world_pos + shift
        return vertices, world_pos

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
