"""Sparse linear maps from the surface to joints and keypoints."""

from __future__ import annotations

import numpy as np
import scipy.optimize

from model import conventions
from model.body.numpy_body import NumpyBody
from model.conventions import joint, keypoint
from tools.body_builder.poses import random_poses
from tools.body_builder.rig import ANATOMICAL_HIP_SPACING

# Which joint each of LSP's points is, on the left and in the middle; the right side is its mirror image.
LIMB_KEYPOINTS = {
    "L_ankle": "L_ankle", "L_knee": "L_knee", "L_hip": "L_hip",
    "L_wrist": "L_wrist", "L_elbow": "L_elbow", "L_shoulder": "L_shoulder", "neck": "neck",
}  # fmt: skip
TRUNK = ("pelvis", "spine1", "spine2", "spine3")
TRUNK_BAND = 0.05  # half height of the band of skin that a trunk joint is regressed from, metres
NUM_CANDIDATES = 1000
RIDGE = 0.003  # spreads a row over more vertices, so that no single vertex carries a joint
REST_SHARE = 3.0  # weight of rest shapes against posed ones in a keypoint's fit
SMALLEST_ENTRY = 1e-3


def fit_joint_regressor(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, skin: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """J_regressor [24, V]: non-negative, rows sum to 1, mirror symmetric.

    Args:
        vertices: [n, V, 3] metres, T-posed bodies.
        joints: [n, 24, 3] metres, their joints.
        weights: [V, 24] skinning weights.
        skin: bool [V], vertices to regress from.
        mirror: [V] mirror image of each vertex.
    """
    regressor = np.zeros((conventions.NUM_JOINTS, vertices.shape[1]))
    mean, mean_joints = vertices.mean(0), joints.mean(0)
    for j, name in enumerate(conventions.JOINTS):
        if name in TRUNK:
            near = skin & (np.abs(mean[:, 1] - mean_joints[j, 1]) < TRUNK_BAND)
            candidates = np.flatnonzero(near & (weights[:, [joint(n) for n in TRUNK]].sum(1) > 0.6))
        else:
            candidates = _candidates(mean, mean_joints[j], _touched(weights, j) & skin, mirror, _central(j))
        regressor[j, candidates] = _convex_fit(vertices[:, candidates] - joints[:, j, None], np.ones(len(vertices)))
    return _symmetric_rows(regressor, conventions.JOINT_MIRROR, mirror)


def fit_keypoint_regressor(body: NumpyBody, mirror: np.ndarray, ear: int, rng: np.random.Generator) -> np.ndarray:
    """keypoint_regressor [19, V] for posed vertices: non-negative, rows sum to 1, mirror symmetric.

    Limbs and neck are fitted to joint centres over random shapes, at rest and posed. Nose, eyes and ears are points of
    the surface, and head_top is the crown.

    Args:
        body: the body; its own keypoint regressor is not used.
        mirror: [V] mirror image of each vertex.
        ear: vertex in the middle of the left ear.
        rng: draws shapes and poses.
    """
    data = body.data
    vertices, centres, posed = _shapes_and_poses(body, 60, 180, rng)
    importance = np.where(posed, 1.0, REST_SHARE)
    eye = np.zeros(data.num_vertices, bool)
    eye[data.faces[data.face_parts == 1]] = True
    template, template_joints = body.shaped(np.zeros(conventions.NUM_BETAS))

    regressor = np.zeros((conventions.NUM_KEYPOINTS, data.num_vertices))
    for k, (name, joint_name) in enumerate(LIMB_KEYPOINTS.items()):
        j = joint(joint_name)
        skin = _touched(data.weights, j) & ~eye
        candidates = _candidates(template, template_joints[j], skin, mirror, _central(j))
        regressor[keypoint(name), candidates] = _convex_fit(vertices[:, candidates] - centres[:, k, None], importance)

    head = np.flatnonzero((data.weights[:, joint("head")] > 0.9) & ~eye)
    middle = head[mirror[head] == head]
    left_eye = np.flatnonzero(eye & (template[:, 0] > 0))
    regressor[keypoint("nose"), middle[template[middle, 2].argmax()]] = 1
    regressor[keypoint("head_top"), middle[template[middle, 1].argmax()]] = 1
    regressor[keypoint("L_eye"), left_eye[template[left_eye, 2].argmax()]] = 1
    regressor[keypoint("L_ear"), ear] = 1
    for left in (n for n in conventions.KEYPOINTS if n.startswith("L_")):
        regressor[keypoint("R" + left[1:])] = regressor[keypoint(left)][mirror]
    return _symmetric_rows(regressor, conventions.KEYPOINT_MIRROR, mirror)


def keypoint_errors(body: NumpyBody, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Distance in mm of each limb keypoint (left and middle) from its joint centre, over shapes and poses of its own.

    Returns:
        Keypoint -> "rest" and "posed", means over 40 shapes at rest and 120 in random poses.
    """
    vertices, centres, posed = _shapes_and_poses(body, 40, 120, rng)
    rows = [keypoint(name) for name in LIMB_KEYPOINTS]
    error = 1000 * np.linalg.norm(body.keypoints(vertices)[:, rows] - centres, axis=2)
    parts = {"rest": ~posed, "posed": posed}
    return {
        name: {part: round(float(error[chosen, k].mean()), 2) for part, chosen in parts.items()}
        for k, name in enumerate(LIMB_KEYPOINTS)
    }


def _shapes_and_poses(
    body: NumpyBody, num_rest: int, num_posed: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random shapes, first at rest, then in random poses.

    Returns:
        Vertices [n, V, 3] and centres [n, 7, 3] of LIMB_KEYPOINTS, metres; whether each is posed: bool [n].
    """
    betas = rng.normal(size=(num_rest + num_posed, conventions.NUM_BETAS))
    poses = np.concatenate([np.zeros((num_rest, conventions.POSE_SIZE)), random_poses(num_posed, rng)])
    bodies = [body(pose[None], b) for pose, b in zip(poses, betas, strict=True)]
    vertices, joints = (np.concatenate(parts) for parts in zip(*bodies, strict=True))
    centres = joints[:, [joint(name) for name in LIMB_KEYPOINTS.values()]]
    # People point at the anatomical hip, farther out than SMPL's joint. It goes with the pelvis, unturned here.
    stature = np.array([np.ptp(body.shaped(b)[0][:, 1]) for b in betas])
    centres[:, list(LIMB_KEYPOINTS).index("L_hip"), 0] = joints[:, 0, 0] + 0.5 * ANATOMICAL_HIP_SPACING * stature
    return vertices, centres, np.arange(len(betas)) >= num_rest


def _central(j: int) -> bool:
    return bool(conventions.JOINT_MIRROR[j] == j)


def _touched(weights: np.ndarray, j: int) -> np.ndarray:
    """Vertices [V] that move with a joint or with its parent (with its children, at the root)."""
    parent = conventions.PARENTS[j]
    others = [parent] if parent >= 0 else [k for k, p in enumerate(conventions.PARENTS) if p == j]
    return weights[:, [j, *others]].sum(1) > 0.2


def _candidates(
    vertices: np.ndarray, centre: np.ndarray, allowed: np.ndarray, mirror: np.ndarray, central: bool
) -> np.ndarray:
    """The allowed vertices nearest to a joint, sorted; both halves for a joint in the plane of symmetry."""
    distance = np.where(allowed, np.linalg.norm(vertices - centre, axis=1), np.inf)
    nearest = np.argsort(distance, kind="stable")[: min(NUM_CANDIDATES, int(allowed.sum()))]
    return np.unique(np.concatenate([nearest, mirror[nearest]]) if central else nearest)


def _convex_fit(offsets: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Non-negative weights [c] of sum 1 that bring the weighted mean of offsets [n, c, 3] nearest to zero (NNLS)."""
    count = offsets.shape[1]
    scaled = offsets * (importance / importance.sum()).reshape(-1, 1, 1) ** 0.5
    data = scaled.transpose(0, 2, 1).reshape(-1, count).astype(np.float64)
    system = np.concatenate([data, RIDGE * np.eye(count), np.full((1, count), 10.0)])
    wanted = np.concatenate([np.zeros(len(data)), np.full(count, RIDGE / count), [10.0]])
    # The normal equations' square root stands in for the tall system: same minimiser, a fraction of the work.
    factor = np.linalg.cholesky(system.T @ system)
    solution, _ = scipy.optimize.nnls(factor.T, np.linalg.solve(factor, system.T @ wanted), maxiter=50 * count)
    return solution / solution.sum()


def _symmetric_rows(regressor: np.ndarray, row_mirror: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Averages a regressor with its mirror image, drops the smallest entries and makes rows sum to 1."""
    symmetric = 0.5 * (regressor + regressor[row_mirror][:, mirror])
    symmetric[symmetric < SMALLEST_ENTRY] = 0.0
    return symmetric / symmetric.sum(1, keepdims=True)
