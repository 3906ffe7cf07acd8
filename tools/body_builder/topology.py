"""The mesh that the three bodies share: decimated skin with eyeballs."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import conventions
from tools.body_builder import decimate, meshes
from tools.body_builder.source import NUM_SKIN, BaseMesh

# Skin of the head that faces other skin of the head nearer than this (metres) lies in a mouth, nostril or eye socket.
POCKET_DEPTH = 0.05
# Factors on the cost of removing a vertex.
BENDING, TOES, FINGERS, FACE, POCKET = 2.0, 0.6, 0.7, 3.0, 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Topology:
    """Connectivity over V vertices, kept skin first, then the eyeballs.

    Attributes:
        kept: [V] indices into the base mesh.
        faces: [F, 3].
        uv: [N, 2].
        uv_faces: [F, 3] indices into uv.
        face_parts: [F] 0 = skin, 1 = eyeball.
        mirror: [V] mirror image of each vertex.
        weights: [V, 24] skinning weights.
        left_ear: vertex in the middle of the left ear, on its outer side.
    """

    kept: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    face_parts: np.ndarray
    mirror: np.ndarray
    weights: np.ndarray
    left_ear: int

    @property
    def is_skin(self) -> np.ndarray:
        """Whether each vertex is skin, not eyeball: bool [V]."""
        skin = np.ones(len(self.kept), bool)
        skin[self.faces[self.face_parts == 1]] = False
        return skin


def make_topology(
    mesh: BaseMesh, reference: np.ndarray, weights: np.ndarray, ears: np.ndarray, skin_vertices: int
) -> Topology:
    """Decimates the skin and joins the eyeballs to it as closed components of their own.

    Args:
        mesh: the base mesh.
        reference: [U, 3] metres, a T-posed body of average build, on which shape is judged.
        weights: [U, 24] skinning weights.
        ears: base mesh vertices of either ear.
        skin_vertices: vertices of the skin to keep, eyeballs not counted.
    """
    faces, uv_faces = meshes.triangulate_symmetric(reference, mesh.quads, mesh.quad_uv)
    importance = _importance(mesh, reference, weights, faces)
    decimator = decimate.Decimator(reference[:NUM_SKIN], faces, uv_faces, mesh.mirror, importance)
    skin, faces, uv_faces = decimator.run(skin_vertices)

    eyes = mesh.eye_vertices
    kept = np.concatenate([skin, eyes])
    new_index = np.full(len(mesh.vertices), -1)
    new_index[kept] = np.arange(len(kept))
    faces = new_index[np.concatenate([faces, meshes.triangulate(mesh.eye_quads)])]
    uv_faces = np.concatenate([uv_faces, meshes.triangulate(mesh.eye_quad_uv)])
    used_uv = np.unique(uv_faces)
    reflected = reference[eyes] * [-1.0, 1.0, 1.0]
    eye_mirror = [np.linalg.norm(reference[eyes] - point, axis=1).argmin() for point in reflected]
    return Topology(
        kept=kept,
        faces=faces,
        uv=mesh.uv[used_uv],
        uv_faces=np.searchsorted(used_uv, uv_faces),
        face_parts=(faces[:, 0] >= len(skin)).astype(np.uint8),
        mirror=np.concatenate([new_index[mesh.mirror[skin]], len(skin) + np.array(eye_mirror)]),
        weights=weights[kept],
        left_ear=int(new_index[_ear_centre(reference, ears[reference[ears, 0] > 0], skin)]),
    )


def _ear_centre(reference: np.ndarray, ear: np.ndarray, kept: np.ndarray) -> int:
    """The kept vertex of the left ear that is nearest to its middle and on its outer side."""
    centre = reference[ear].mean(0)
    outer = ear[np.isin(ear, kept) & (reference[ear, 0] > centre[0])]
    return int(outer[np.linalg.norm(reference[outer] - centre, axis=1).argmin()])


def _importance(mesh: BaseMesh, reference: np.ndarray, weights: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Factor on the cost of removing each skin vertex: the face is looked at, its pockets are not."""
    weights = weights[:NUM_SKIN]
    importance = np.ones(NUM_SKIN)
    importance[(weights > 0.05).sum(1) > 1] = BENDING
    for name, factor in (("foot", TOES), ("hand", FINGERS)):
        joints = [conventions.joint(f"{side}_{name}") for side in "LR"]
        importance[weights[:, joints].sum(1) > 0.9] = factor
    head = np.flatnonzero(weights[:, conventions.joint("head")] > 0.5)
    normals = meshes.vertex_normals(reference, faces)[head]
    around = np.concatenate([faces[np.isin(faces, head).all(1)], meshes.triangulate(mesh.eye_quads)])
    start = reference[head] + 1e-4 * normals  # off the surface, which the ray would hit otherwise
    pocket = meshes.hit_distance(start, normals, reference, around) < POCKET_DEPTH
    pocket &= pocket[np.searchsorted(head, mesh.mirror[head])]
    importance[head] = np.where(pocket, POCKET, FACE)
    return importance
