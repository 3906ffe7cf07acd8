"""Latent markers: points that ride on a body's skin (Loper et al. 2014).

A latent marker hangs on one vertex by an offset in the rest pose's axes; shape, pose correctives and skinning move it
as they would move that vertex. As offsets are refined, markers are hung anew on the nearest vertex, which keeps them
short; the paper's local basis of a marker's neighbours moves nearly the same way, but not linearly in the offset.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from model.body.data import BodyData
from model.conventions import JOINTS, KEYPOINTS, NUM_BETAS
from model.errors import MotionError
from synthesis.motion.frames import unit
from synthesis.motion.mosh.marker_sets import MarkerSet, Placement


@dataclasses.dataclass(frozen=True, eq=False)
class Latent:
    """M latent markers.

    Attributes:
        vertices: [M] that carry them.
        offsets: [M, 3] from the vertex, metres, in the axes of the rest pose.
    """

    vertices: np.ndarray
    offsets: np.ndarray

    def rest(self, data: BodyData, betas: np.ndarray) -> np.ndarray:
        """Rest positions [M, 3] metres on a body of the shape betas [10]."""
        carriers = data.v_template[self.vertices] + data.shapedirs[self.vertices] @ betas
        return carriers + self.offsets


def place(data: BodyData, marker_set: MarkerSet) -> Latent:
    """Puts markers on a body of mean shape where their set says.

    Raises:
        MotionError: a marker's ray does not leave the skin.
    """
    anchors = dict(zip(KEYPOINTS, data.keypoint_regressor @ data.v_template, strict=True))
    anchors.update(zip(JOINTS, data.joint_regressor @ data.v_template, strict=True))
    triangles = data.v_template[data.faces[data.face_parts == 0]].astype(np.float64)
    centres = np.array([_centre(placement, anchors, triangles) for placement in marker_set.placements])
    return hang(data, np.zeros(NUM_BETAS), centres)


def hang(data: BodyData, betas: np.ndarray, centres: np.ndarray) -> Latent:
    """Hangs markers on the nearest vertices of a body's skin.

    Args:
        data: the body.
        betas: [10] its shape.
        centres: [M, 3] rest positions of the markers on that shape, metres.
    """
    rest = data.v_template + data.shapedirs @ betas
    skin = np.unique(data.faces[data.face_parts == 0])
    nearest = skin[[np.linalg.norm(rest[skin] - centre, axis=1).argmin() for centre in centres]]
    return Latent(nearest, centres - rest[nearest])


def normals(data: BodyData, betas: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Unit normals [M, 3] of the skin at vertices [M] of a body in rest with the shape betas [10]."""
    rest = data.v_template + data.shapedirs @ betas
    return np.array([unit(_face_normals(rest[data.faces[(data.faces == v).any(1)]]).sum(0)) for v in vertices])


def _centre(placement: Placement, anchors: dict[str, np.ndarray], triangles: np.ndarray) -> np.ndarray:
    origin = sum(weight * anchors[name] for name, weight in placement.origin.items())
    direction = unit(np.array(placement.direction))
    distance, face = _first_hit(np.asarray(origin), direction, triangles)
    if face < 0:
        raise MotionError(
            f"A marker's ray starts inside the body and leaves its skin. Received: marker {placement.label} "
            f"with origin {dict(placement.origin)} and direction {placement.direction}"
        )
    normal = unit(_face_normals(triangles[face]))
    return origin + distance * direction + placement.distance * normal


def _face_normals(triangles: np.ndarray) -> np.ndarray:
    """Normals [..., 3] of triangles [..., 3, 3], as long as twice their areas."""
    return np.cross(triangles[..., 1, :] - triangles[..., 0, :], triangles[..., 2, :] - triangles[..., 0, :])


def _first_hit(origin: np.ndarray, direction: np.ndarray, triangles: np.ndarray) -> tuple[float, int]:
    """Where a ray first leaves the surface (Moeller and Trumbore 1997): distance and face, or face -1."""
    a = triangles[:, 0]
    ab, ac = triangles[:, 1] - a, triangles[:, 2] - a
    square = np.cross(direction, ac)
    # Negative for faces seen from inside, which are the ones a ray from inside leaves by.
    determinant = (ab * square).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / determinant
        from_a = origin - a
        u = (from_a * square).sum(1) * inverse
        other = np.cross(from_a, ab)
        v = other @ direction * inverse
        t = (other * ac).sum(1) * inverse
    hit = (determinant < 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
    if not hit.any():
        return 0.0, -1
    face = int(np.argmin(np.where(hit, t, np.inf)))
    return float(t[face]), face
