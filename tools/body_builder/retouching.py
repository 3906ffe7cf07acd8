"""What is changed in MakeHuman's shapes before bodies are made of them."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from tools.body_builder import meshes
from tools.body_builder.source import NUM_SKIN, Source

WAIST = (0.605, 0.69)  # heights over stature on the base mesh between which rolls of skin are levelled
BELLY = 0.06  # metres before the base mesh's origin; the belly in front of it keeps its shape
# MakeHuman's eyeballs are 31 mm wide and stand through their sockets: scaled about the middle, then moved (metres).
EYE_SCALE, EYE_SHIFT = 0.62, (0.0, -0.0005, 0.0006)
LITTLE_TOE = 0.005  # metres that it is moved outwards; it would overlap the next toe


def operator(source: Source) -> scipy.sparse.csr_matrix:
    """Linear operator [U, U] for the base mesh and for every target.

    It levels the nipples, as the bodies are for a general audience. It levels the waist, where MakeHuman's heavy people
    have sharp rolls of skin, whose average would crease every body. And it scales the eyeballs.
    """
    vertices, faces = source.mesh.vertices, meshes.triangulate(source.mesh.quads)
    near = meshes.adjacency(meshes.edges(faces), len(vertices))
    area = np.zeros(len(vertices), bool)
    area[source.target_area("breast/nipple-size-incr")] = True
    area = meshes.dilate(area, near, 2)
    skin = vertices[:NUM_SKIN]
    height = (skin[:, 1] - skin[:, 1].min()) / np.ptp(skin[:, 1])
    low, high = WAIST
    area[:NUM_SKIN] |= (low < height) & (height < high) & (np.abs(skin[:, 0]) < 0.2) & (skin[:, 2] < BELLY)
    # Once more with the levelled surface's own weights: a bump's shrunken rings would leave a point.
    once = meshes.smooth_fill(area, vertices, faces)
    return _eye_scaling(source) @ meshes.smooth_fill(area, once @ vertices, faces)


def shifts(source: Source) -> np.ndarray:
    """Displacements [U, 3] metres of the base mesh alone, for eyeballs and little toes."""
    moved = np.zeros_like(source.mesh.vertices)
    moved[source.mesh.eye_vertices] = EYE_SHIFT
    for bone, rows in source.bone_weights().items():
        if bone.startswith("toe5"):
            rows = rows[rows[:, 0] < NUM_SKIN]
            moved[rows[:, 0].astype(int), 0] += (LITTLE_TOE if bone.endswith("L") else -LITTLE_TOE) * rows[:, 1]
    return moved


def _eye_scaling(source: Source) -> scipy.sparse.csr_matrix:
    """Operator [U, U] that scales each eyeball about its middle."""
    vertices, eyes = source.mesh.vertices, source.mesh.eye_vertices
    scaling = scipy.sparse.identity(len(vertices), format="lil")
    for side in (1, -1):
        ball = eyes[vertices[eyes, 0] * side > 0]
        scaling[ball[:, None], ball] = EYE_SCALE * np.eye(len(ball)) + (1 - EYE_SCALE) / len(ball)
    return scaling.tocsr()
