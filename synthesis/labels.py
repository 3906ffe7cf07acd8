"""Exact labels of rendered clips: pose, translation and keypoints in the camera frame, with visibility."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import rotations
from model.body.numpy_body import NumpyBody
from synthesis import geometry
from synthesis.visibility import visible


@dataclasses.dataclass(frozen=True)
class Labels:
    """Labels of T frames in the camera frame.

    Attributes:
        pose: [T, 72] axis-angle, global rotation first.
        trans: [T, 3] metres; body(pose, betas) + trans is what the camera sees.
        keypoints3d: [T, 19, 3] metres.
        keypoints2d: [T, 19, 3] pixels x, y and visible 0 or 1.
    """

    pose: np.ndarray
    trans: np.ndarray
    keypoints3d: np.ndarray
    keypoints2d: np.ndarray


def to_camera(
    pose: np.ndarray, trans: np.ndarray, pelvis: np.ndarray, extrinsics: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Moves pose and translation from the world into the camera frame.

    The global rotation turns the body about its rest pelvis J_0, which is not the origin:
    R_c (R (v - J_0) + J_0 + trans) + t_c = (R_c R) (v - J_0) + J_0 + [R_c (J_0 + trans) + t_c - J_0].

    Args:
        pose: [T, 72] axis-angle, world.
        trans: [T, 3] metres, world.
        pelvis: [3] rest position of the pelvis joint, metres.
        extrinsics: [T, 3, 4] world to camera.

    Returns:
        pose [T, 72] and trans [T, 3] of the camera frame, float32.
    """
    rotation, shift = extrinsics[:, :, :3], extrinsics[:, :, 3]
    root = rotation @ rotations.axis_angle_to_matrix(pose[:, :3].astype(np.float64))
    moved = np.concatenate([rotations.matrix_to_axis_angle(root), pose[:, 3:]], 1)
    new_trans = np.einsum("tab,tb->ta", rotation, pelvis + trans) + shift - pelvis
    return moved.astype(np.float32), new_trans.astype(np.float32)


def _seen_by(extrinsics: np.ndarray, points: np.ndarray) -> np.ndarray:
    """World points [T, N, 3] in the camera frame."""
    return np.einsum("tab,tkb->tka", extrinsics[:, :, :3], points) + extrinsics[:, None, :, 3]


def label(
    body: NumpyBody,
    betas: np.ndarray,
    pose: np.ndarray,
    trans: np.ndarray,
    vertices: np.ndarray,
    intrinsics: np.ndarray,
    extrinsics: np.ndarray,
    depth: np.ndarray,
) -> Labels:
    """Labels of a rendered clip.

    Args:
        body: the avatar's body.
        betas: [10].
        pose: [T, 72] world.
        trans: [T, 3] world, metres.
        vertices: [T, V, 3] world, metres, posed with the above.
        intrinsics: [3, 3] K.
        extrinsics: [T, 3, 4] world to camera.
        depth: [T, H, W] metres along the camera's z, inf where nothing is.
    """
    _, rest_joints = body.shaped(betas)
    camera_pose, camera_trans = to_camera(pose, trans, rest_joints[0], extrinsics)
    world = body.keypoints(vertices)
    keypoints3d, skin = (_seen_by(extrinsics, points) for points in (world, vertices))
    pixels, skin_pixels = (geometry.project(points, intrinsics) for points in (keypoints3d, skin))
    faces = body.data.faces[body.data.face_parts == 0]
    seen = visible(pixels, keypoints3d[..., 2], skin_pixels, skin[..., 2], faces, depth)
    keypoints2d = np.concatenate([pixels, seen[..., None]], -1)
    return Labels(camera_pose, camera_trans, keypoints3d.astype(np.float32), keypoints2d.astype(np.float32))
