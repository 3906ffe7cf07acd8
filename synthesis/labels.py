"""Exact labels of rendered clips: pose, translation and keypoints in the camera frame, with visibility by depth."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import conventions, rotations
from model.body.numpy_body import NumpyBody
from synthesis import geometry

# A keypoint counts as visible when nothing lies further than this in front of it, metres. Joint centres lie inside
# the limb, so their own skin and clothes must not hide them; points of the face lie on the skin.
_CLEARANCE = {
    "ankle": 0.09, "knee": 0.11, "hip": 0.18, "wrist": 0.07, "elbow": 0.09, "shoulder": 0.13,
    "neck": 0.12, "head_top": 0.10, "nose": 0.04, "eye": 0.04, "ear": 0.04,
}  # fmt: skip
CLEARANCE = np.array([_CLEARANCE[name.split("_", 1)[1] if name[1] == "_" else name] for name in conventions.KEYPOINTS])


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
    keypoints3d = np.einsum("tab,tkb->tka", extrinsics[:, :, :3], world) + extrinsics[:, None, :, 3]
    pixels = geometry.project(keypoints3d, intrinsics)
    visible = visibility(pixels, keypoints3d[..., 2], depth)
    keypoints2d = np.concatenate([pixels, visible[..., None]], -1)
    return Labels(camera_pose, camera_trans, keypoints3d.astype(np.float32), keypoints2d.astype(np.float32))


def visibility(pixels: np.ndarray, distance: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Which keypoints are inside the frame and not hidden.

    Args:
        pixels: [T, 19, 2].
        distance: [T, 19] metres along the camera's z.
        depth: [T, H, W] metres, inf where nothing is.

    Returns:
        [T, 19] 0 or 1.
    """
    height, width = depth.shape[1:]
    column, row = np.rint(pixels[..., 0]).astype(int), np.rint(pixels[..., 1]).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (distance > 0)
    frame = np.arange(len(depth))[:, None]
    surface = depth[frame, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return (inside & (surface > distance - CLEARANCE)).astype(np.float32)
