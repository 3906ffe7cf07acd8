"""The body as a differentiable Keras layer (SMPL, Loper et al. 2015, section 3)."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
from keras import ops

from model import conventions, rotations
from model.body.data import BodyData


@dataclasses.dataclass(frozen=True)
class PosedBody:
    """What the body layer returns, float32 metres, in SMPL's frame (no translation).

    Attributes:
        joints: [..., 24, 3].
        keypoints: [..., 19, 3].
        vertices: [..., V, 3], or None when only keypoints were asked for.
    """

    joints: keras.KerasTensor
    keypoints: keras.KerasTensor
    vertices: keras.KerasTensor | None


class BodyLayer(keras.layers.Layer):
    """theta, beta -> joints, keypoints and vertices, for any leading dimensions.

    Computes in float32 under every dtype policy: half precision would put vertices centimetres off. Keypoints need only
    the few hundred vertices that their regressor reads, so without `vertices=True` only those are posed: a training
    step does not pay for a whole mesh.

    Coordinates are the slow axis and vertices the fast one ([N, 3, V]) until the end, so that the inner loops of CPUs
    run over vertices. Blended transforms are one product with the weights [24, V]: on CPUs that is faster, both ways,
    than gathering four transforms a vertex (`mviper bench body --compare_skinning` prints both).

    Example:
        >>> body = BodyLayer(load_body("neutral"))
        >>> body(keras.ops.zeros((2, 16, 72)), keras.ops.zeros((2, 16, 10))).keypoints.shape
        (2, 16, 19, 3)
    """

    def __init__(self, data: BodyData, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.body_id = data.body_id
        support = np.flatnonzero(np.abs(data.keypoint_regressor).sum(0))
        self._keypoint_mesh = self._constants(data, support, "keypoint")
        self.full_mesh = self._constants(data, np.arange(data.num_vertices), "full")
        # J = J_regressor @ (template + shapedirs beta) is linear in beta: fold the regressor in once.
        self._rest_joints = self._constant(data.joint_regressor @ data.v_template, "rest_joints")
        shape_joints = np.einsum("jv,vcb->bjc", data.joint_regressor, data.shapedirs)
        self._shape_joints = self._constant(shape_joints.reshape(conventions.NUM_BETAS, -1), "shape_joints")
        self.built = True

    def _constants(self, data: BodyData, vertices: np.ndarray, name: str) -> dict[str, keras.Variable]:
        """What posing these vertices needs, with the vertices as last axis."""
        directions = np.concatenate([data.shapedirs[vertices], data.posedirs[vertices]], axis=2)
        return {
            "template": self._constant(data.v_template[vertices].T, f"{name}_template"),
            "directions": self._constant(
                directions.transpose(2, 1, 0).reshape(directions.shape[2], -1), f"{name}_directions"
            ),
            "weights": self._constant(data.weights[vertices].T, f"{name}_weights"),
            "regressor": self._constant(data.keypoint_regressor[:, vertices], f"{name}_regressor"),
        }

    def _constant(self, value: np.ndarray, name: str) -> keras.Variable:
        value = np.ascontiguousarray(value, np.float32)
        variable = self.add_weight(shape=value.shape, initializer="zeros", trainable=False, name=name)
        variable.assign(value)
        return variable

    def call(self, pose, betas, vertices: bool = False) -> PosedBody:
        """Poses the body.

        Args:
            pose: [..., 72] axis-angle radians, global rotation first.
            betas: [..., 10].
            vertices: whether to return the mesh too.
        """
        lead = tuple(pose.shape[:-1])
        rows = -1 if None in lead else int(np.prod(lead))
        pose = ops.reshape(ops.cast(pose, "float32"), (rows, conventions.NUM_JOINTS, 3))
        betas = ops.reshape(ops.cast(betas, "float32"), (rows, conventions.NUM_BETAS))
        rot = rotations.axis_angle_to_matrix(pose, ops)
        rest = self._rest_joints + ops.reshape(ops.matmul(betas, self._shape_joints), (-1, conventions.NUM_JOINTS, 3))
        joints, affine = _kinematics(rot, rest)
        features = ops.reshape(rot[:, 1:] - ops.eye(3), (-1, conventions.POSE_FEATURES))
        mesh = self.full_mesh if vertices else self._keypoint_mesh
        posed = skin(mesh, ops.concatenate([betas, features], -1), affine)
        keypoints = ops.matmul(mesh["regressor"], posed)
        outer = tuple(-1 if d is None else d for d in lead)
        return PosedBody(
            joints=ops.reshape(joints, (*outer, conventions.NUM_JOINTS, 3)),
            keypoints=ops.reshape(keypoints, (*outer, conventions.NUM_KEYPOINTS, 3)),
            vertices=ops.reshape(posed, (*outer, posed.shape[1], 3)) if vertices else None,
        )


def _kinematics(rot, joints):
    """Posed joints [N, 24, 3] and the transforms [N, 24, 3, 4] that take rest points along with each joint.

    Args:
        rot: [N, 24, 3, 3] rotation of each joint relative to its parent.
        joints: [N, 24, 3] rest positions, metres.
    """
    bones = joints - ops.take(joints, np.maximum(conventions.PARENTS, 0), axis=1)
    level_rot, level_pos = rot[:, :1], joints[:, :1]
    all_rot, all_pos = [level_rot], [level_pos]
    # One product a level of the tree, not one a joint: parents of a level all lie in the level before.
    for above, level in itertools.pairwise(conventions.LEVELS):
        parents = [above.index(conventions.PARENTS[j]) for j in level]
        here = slice(level[0], level[-1] + 1)
        parent_rot, parent_pos = ops.take(level_rot, parents, axis=1), ops.take(level_pos, parents, axis=1)
        level_rot = ops.matmul(parent_rot, rot[:, here])
        level_pos = parent_pos + ops.matmul(parent_rot, bones[:, here, :, None])[..., 0]
        all_rot.append(level_rot)
        all_pos.append(level_pos)
    world_rot, world_pos = ops.concatenate(all_rot, 1), ops.concatenate(all_pos, 1)
    offset = world_pos[..., None] - ops.matmul(world_rot, joints[..., None])
    return world_pos, ops.concatenate([world_rot, offset], -1)


def skin(mesh, coefficients, affine):
    """Linear blend skinning of the shaped and corrected rest vertices.

    Args:
        mesh: "template" [3, V], "directions" [217, 3 V] (shape and pose blend shapes) and "weights" [24, V].
        coefficients: [N, 217] betas, then pose features.
        affine: [N, 24, 3, 4] transform of each joint.

    Returns:
        [N, V, 3] metres.
    """
    count = mesh["template"].shape[1]
    rest = mesh["template"] + ops.reshape(ops.matmul(coefficients, mesh["directions"]), (-1, 3, count))
    columns = ops.reshape(ops.transpose(affine, (0, 3, 2, 1)), (-1, 12, conventions.NUM_JOINTS))
    blended = ops.reshape(ops.matmul(columns, mesh["weights"]), (-1, 4, 3, count))
    # One split, whose gradient is one concatenation; slices would each pad their gradient to the whole array.
    linear, offset = ops.split(blended, [3], axis=1)
    return ops.swapaxes(ops.sum(linear * rest[:, :, None], 1) + offset[:, 0], 1, 2)
