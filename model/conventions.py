"""Axes, units, joint and keypoint tables: the one place that says them (docs/conventions.md explains them).

Units are metres, seconds, radians and pixels; reports are in millimetres.
World: x to the body's left, y up, z forward (the body faces +z at rest), right-handed.
Camera (OpenCV): x right, y down, z forward; a point X_w maps to X_c = R X_w + t and to pixels by K.
Pixel centres lie at whole numbers: the top-left pixel's centre is (0, 0).
"""

from __future__ import annotations

import numpy as np

# The 24 joints of SMPL (Loper et al. 2015), root first; "L" is the body's own left, which is +x at rest.
JOINTS = (
    "pelvis", "L_hip", "R_hip", "spine1", "L_knee", "R_knee", "spine2", "L_ankle", "R_ankle", "spine3",
    "L_foot", "R_foot", "neck", "L_collar", "R_collar", "head", "L_shoulder", "R_shoulder",
    "L_elbow", "R_elbow", "L_wrist", "R_wrist", "L_hand", "R_hand",
)  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
NUM_JOINTS = len(JOINTS)
# The tree by depth: LEVELS[d] are the joints d bones from the root, a run of indices with parents in LEVELS[d - 1].
LEVELS = ((0,), (1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12, 13, 14), (15, 16, 17), (18, 19), (20, 21), (22, 23))

# The 14 joints of LSP, then five points of COCO's face. Evaluation uses the first 14.
KEYPOINTS = (
    "R_ankle", "R_knee", "R_hip", "L_hip", "L_knee", "L_ankle", "R_wrist", "R_elbow", "R_shoulder",
    "L_shoulder", "L_elbow", "L_wrist", "neck", "head_top", "nose", "L_eye", "R_eye", "L_ear", "R_ear",
)  # fmt: skip
NUM_KEYPOINTS = len(KEYPOINTS)
NUM_EVAL_KEYPOINTS = 14

NUM_BETAS = 10
POSE_SIZE = 3 * NUM_JOINTS
POSE_FEATURES = 9 * (NUM_JOINTS - 1)

# Theta = [s, t_x, t_y | pose 72, global rotation first | betas 10] (paper section 4.1).
CAMERA_SLICE = slice(0, 3)
POSE_SLICE = slice(3, 3 + POSE_SIZE)
BETAS_SLICE = slice(3 + POSE_SIZE, 3 + POSE_SIZE + NUM_BETAS)
THETA_SIZE = 3 + POSE_SIZE + NUM_BETAS


def joint(name: str) -> int:
    """Index of a joint in JOINTS."""
    return JOINTS.index(name)


def keypoint(name: str) -> int:
    """Index of a keypoint in KEYPOINTS."""
    return KEYPOINTS.index(name)


def _mirror(name: str) -> str:
    return {"L": "R", "R": "L"}.get(name[0], name[0]) + name[1:] if name[1] == "_" else name


# Position i of these tables holds the index of the mirror image of joint or keypoint i.
JOINT_MIRROR = np.array([JOINTS.index(_mirror(n)) for n in JOINTS])
KEYPOINT_MIRROR = np.array([KEYPOINTS.index(_mirror(n)) for n in KEYPOINTS])

# Per-frame root that positions are aligned to before comparison: the middle of the two hips.
ROOT_KEYPOINTS = (keypoint("R_hip"), keypoint("L_hip"))
