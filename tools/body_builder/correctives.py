"""Pose blend shapes fitted to elastic surfaces on top of dual-quaternion skinning.

SMPL learns its pose blend shapes from scans. Here the aim is the surface that dual-quaternion skinning gives, which
does not collapse at bent joints, relaxed as an elastic surface around the joints, which rounds elbows and knees and
opens creases. The blend shapes are the linear part of its difference from linear skinning.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from model import conventions, rotations
from model.body.numpy_body import forward_kinematics
from tools.body_builder import dual_quaternions, meshes
from tools.body_builder.elastic import ElasticSurface
from tools.body_builder.poses import random_poses

LARGEST_OFFSET = 0.06  # metres; beyond it the two skinnings differ for reasons that no blend shape should copy
DAMPING = 1e-2  # of the blended matrix's inverse, which is singular where linear skinning collapses
RIDGE = 0.02
REACH = 0.01  # smallest skinning weight by which a joint counts as moving a vertex
RINGS = 3  # how far beyond its skinning weights a joint's correctives reach
STEP = 1e-5  # metres; entries are rounded to multiples, and vanish below half of it
# How strongly the elastic surface is held to dual-quaternion skinning, where one joint moves the skin alone and where
# several share it.
HOLD_ALONE, HOLD_SHARED = 1.0, 0.02
ELASTIC_STEPS = 4


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
    surface = ElasticSurface(template, faces, _hold(weights, faces))
    offsets = np.stack([_rest_offsets(template, weights, surface, r, t) for r, t in zip(world, shift, strict=True)])

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


def _hold(weights: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """How strongly each vertex is held [V]: little where joints share it and around there."""
    near = meshes.adjacency(meshes.edges(faces), len(weights))
    mean = scipy.sparse.diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    alone = 2 * weights.max(1) - 1
    for _ in range(RINGS):
        alone = np.minimum(alone, 0.5 * alone + 0.5 * (mean @ alone))
    return HOLD_SHARED + (HOLD_ALONE - HOLD_SHARED) * np.clip(alone, 0, 1) ** 4


def _rest_offsets(
    template: np.ndarray, weights: np.ndarray, surface: ElasticSurface, world: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Displacements [V, 3] of the rest shape after which linear skinning gives the wanted surface."""
    matrix = (weights @ world.reshape(-1, 9)).reshape(-1, 3, 3)
    linear = np.einsum("vab,vb->va", matrix, template) + weights @ shift
    wanted = surface.relax(dual_quaternions.skin(template, weights, world, shift), ELASTIC_STEPS)
    difference = wanted - linear
    length = np.linalg.norm(difference, axis=1, keepdims=True)
    difference *= np.minimum(1.0, LARGEST_OFFSET / np.maximum(length, 1e-9))
    damped = matrix @ matrix.transpose(0, 2, 1) + DAMPING * np.eye(3)
    return np.einsum("vba,vb->va", matrix, np.linalg.solve(damped, difference[..., None])[..., 0])


def _reach(weights: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices, bool [V, 24], near both a joint and its parent, which is where that joint's rotation bends the skin."""
    near = meshes.dilate(weights > REACH, meshes.adjacency(meshes.edges(faces), len(weights)), RINGS)
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
