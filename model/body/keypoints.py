"""The 19 keypoints on SMPL's own surface; the free bodies carry their regressor in their files."""

from __future__ import annotations

import numpy as np

from model import conventions
from model.errors import BodyFileError

SMPL_VERTICES = 6890

# Vertices of SMPL's topology, which every release from 1.0.0 on shares. The crown is the head of SMPLify (Bogo et al.
# 2016, `head_id` of its fit_3d.py), the face is that of the smplx package (vertex_ids.py, table "smplh"). "L" is the
# body's own left.
_SMPL_VERTEX = {"head_top": 411, "nose": 332, "L_eye": 2800, "R_eye": 6260, "L_ear": 583, "R_ear": 4071}


def smpl_keypoint_regressor(joint_regressor: np.ndarray, num_vertices: int) -> np.ndarray:
    """The keypoint regressor of an SMPL body.

    Limbs and neck are SMPL's joints of the same names, as in SMPLify's fit to the LSP joints; the rest are vertices.

    Args:
        joint_regressor: [24, V].
        num_vertices: V.

    Returns:
        [19, V], rows sum to 1 where the joint regressor's do.

    Raises:
        BodyFileError: the body has not SMPL's 6,890 vertices, so that the vertices of the face are not known.
    """
    if num_vertices != SMPL_VERTICES:
        raise BodyFileError(
            f"Keypoints are known for SMPL's {SMPL_VERTICES} vertices; a body of other size carries its own "
            f"keypoint_regressor [{conventions.NUM_KEYPOINTS}, V]. Received: {num_vertices} vertices and none"
        )
    regressor = np.zeros((conventions.NUM_KEYPOINTS, num_vertices), joint_regressor.dtype)
    for row, name in zip(regressor, conventions.KEYPOINTS, strict=True):
        if name in _SMPL_VERTEX:
            row[_SMPL_VERTEX[name]] = 1
        else:
            row[:] = joint_regressor[conventions.joint(name)]
    return regressor
