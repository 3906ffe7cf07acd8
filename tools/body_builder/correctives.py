"""Pose blend shapes fitted to dual-quaternion skinning.

SMPL learns its pose blend shapes from scans. Here the aim is the surface that dual-quaternion skinning (Kavan et al.
2007) gives, which does not collapse at bent joints; the blend shapes are the linear part of the difference.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from model import conventions, rotations
from model.body.numpy_body import forward_kinematics
from tools.body_builder import meshes
from tools.body_builder.poses import random_poses

LARGEST_OFFSET = 0.06  # metres; beyond it the two skinnings differ for reasons that no blend shape should copy
DAMPING = 1e-2  # of the blended matrix's inverse, which is singular where linear skinning collapses
RIDGE = 0.02
RINGS = 4  # how far beyond its skinning weights a joint's correctives reach
STEP = 1e-5  # metres; entries are rounded to multiples, and vanish below half of it


def fit_posedirs(
    template: np.ndarray, joints: np.ndarray, weights: np.ndarray, faces: np.ndarray, mirror: np.ndarray, count: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Pose blend shapes [V, 3, 207] metres per unit of R - I, mirror symmetric and local to each joint.

    Args:
        template: [V, 3] metres, rest shape.
        joints: [24, 3] metres, its joints.
        weights: [V, 24] skinning weights.
        faces: [F, 3].
        mirror: [V] mirror image of each vertex.
        count: poses to fit to.
        rng: draws the poses.
    """
    local = rotations.axis_angle_to_matrix(random_poses(count, rng).reshape(count, -1, 3))
    features = (local[:, 1:] - np.eye(3)).reshape(count, -1)
    world, position = forward_kinematics(local, joints)
    shift = position - np.einsum("tjab,jb->tja", world, joints)
    offsets = np.stack([_rest_offsets(template, weights, r, t) for r, t in zip(world, shift, strict=True)])

    posedirs = np.zeros((*template.shape, conventions.POSE_FEATURES))
    groups, group = np.unique(_reach(weights, faces), axis=0, return_inverse=True)
    for index, reach in enumerate(groups):
        columns = np.flatnonzero(np.repeat(reach[1:], 9))
        if len(columns) == 0:
            continue
        vertices = np.flatnonzero(group.ravel() == index)
        x, y = features[:, columns], offsets[:, vertices].reshape(count, -1)
        solved = np.linalg.solve(x.T @ x + RIDGE * count * np.eye(len(columns)), x.T @ y)
        posedirs[vertices[:, None], :, columns] = solved.reshape(len(columns), len(vertices), 3).transpose(1, 0, 2)
    return np.round(_symmetric(posedirs, mirror) / STEP) * STEP


def _rest_offsets(template: np.ndarray, weights: np.ndarray, world: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Displacements [V, 3] of the rest shape after which linear skinning gives what dual quaternions give."""
    matrix = (weights @ world.reshape(-1, 9)).reshape(-1, 3, 3)
    linear = np.einsum("vab,vb->va", matrix, template) + weights @ shift
    difference = _dual_quaternion_skin(template, weights, world, shift) - linear
    length = np.linalg.norm(difference, axis=1, keepdims=True)
    difference *= np.minimum(1.0, LARGEST_OFFSET / np.maximum(length, 1e-9))
    damped = matrix @ matrix.transpose(0, 2, 1) + DAMPING * np.eye(3)
    return np.einsum("vba,vb->va", matrix, np.linalg.solve(damped, difference[..., None])[..., 0])


def _dual_quaternion_skin(
    template: np.ndarray, weights: np.ndarray, world: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Vertices [V, 3] skinned by blended unit dual quaternions."""
    real = rotations.matrix_to_quaternion(world)
    dual = 0.5 * _product(np.concatenate([np.zeros((len(shift), 1)), shift], axis=1), real)
    # q and -q are one rotation: bring all to the side of the vertex's main joint, for the short way round.
    sign = np.where(real[weights.argmax(1)] @ real.T < 0, -1.0, 1.0)
    blended_real, blended_dual = (weights * sign) @ real, (weights * sign) @ dual
    norm = np.linalg.norm(blended_real, axis=1, keepdims=True)
    blended_real, blended_dual = blended_real / norm, blended_dual / norm
    translation = 2 * _product(blended_dual, blended_real * [1, -1, -1, -1])[:, 1:]
    return Rotation.from_quat(blended_real[:, [1, 2, 3, 0]]).apply(template) + translation


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton products [n, 4] of quaternions (w, x, y, z)."""
    w, x, y, z = a.T
    s, i, j, k = b.T
    parts = (
        w * s - x * i - y * j - z * k,
        w * i + x * s + y * k - z * j,
        w * j - x * k + y * s + z * i,
        w * k + x * j - y * i + z * s,
    )
    return np.stack(parts, axis=1)


def _reach(weights: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices, bool [V, 24], near both a joint and its parent, which is where that joint's rotation bends the skin."""
    near = meshes.dilate(weights > 1e-3, meshes.adjacency(meshes.edges(faces), len(weights)), RINGS)
    reach = near & near[:, np.maximum(conventions.PARENTS, 0)]
    reach[:, 0] = False
    return reach


def _symmetric(posedirs: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average with the mirror image: reflection in x turns R into S R S, S = diag(-1, 1, 1)."""
    flip = np.array([-1.0, 1.0, 1.0])
    by_joint = posedirs.reshape(len(posedirs), 3, -1, 3, 3)
    joint_mirror = conventions.JOINT_MIRROR[1:] - 1
    mirrored = by_joint[mirror][:, :, joint_mirror] * np.einsum("c,a,b->cab", flip, flip, flip)[None, :, None]
    return 0.5 * (by_joint + mirrored).reshape(posedirs.shape)
