"""The scalp of a body as a polar grid around the crown: where hair grows, on any shape of that body."""

from __future__ import annotations

import dataclasses
import functools

import numba
import numpy as np
from scipy import ndimage

from model import conventions
from model.body.data import BodyData
from synthesis.scene.landmarks import find_landmarks

COLUMNS = 72
# The whorl lies behind the top of the head: the grid's pole leans back by this, radians.
_LEAN = np.deg2rad(25.0)
_REACH, _RAYS = np.deg2rad(150.0), 60
# Skin of the head for the rays, and hairs that leave the line's raggedness to paint.
_HEAD_WEIGHT = 0.4
_SMOOTHING = 1.2


@dataclasses.dataclass(frozen=True, eq=False)
class Scalp:
    """Skin of the head seen from inside, by azimuth and angle from the pole.

    Attributes:
        azimuth: [COLUMNS] radians from the front towards the body's left, -pi .. pi.
        angle: [R] radians from the pole.
        directions: [R, COLUMNS, 3] unit rays.
        corners: [R, COLUMNS, 3] body vertices of the triangle that each ray leaves the head through.
        shares: [R, COLUMNS, 3] their barycentric weights.
        template: [R, COLUMNS, 3] where that is on the body's template, metres.
    """

    azimuth: np.ndarray
    angle: np.ndarray
    directions: np.ndarray
    corners: np.ndarray
    shares: np.ndarray
    template: np.ndarray

    def on(self, vertices: np.ndarray) -> np.ndarray:
        """The grid's points [R, COLUMNS, 3] on a body of any shape or pose [V, 3]."""
        return np.einsum("rck,rckd->rcd", self.shares, vertices[self.corners])

    def hairline(self, data: BodyData, forehead: float, ears: bool) -> np.ndarray:
        """Angle [COLUMNS] at which hair ends, radians.

        Args:
            data: the body.
            forehead: see Landmarks.above_hairline.
            ears: hair goes round the ears rather than over them.
        """
        marks = find_landmarks(data)
        grown = marks.above_hairline(self.template, forehead) > 0
        if ears:
            grown &= marks.ear_distance(self.template) > 1.0
        first_bare = np.where(grown.all(0), len(grown) - 1, np.argmin(grown, 0))
        line = ndimage.median_filter(self.angle[np.maximum(first_bare, 1)], 3, mode="wrap")
        return ndimage.gaussian_filter1d(line, _SMOOTHING, mode="wrap")


@functools.lru_cache(maxsize=4)
def find_scalp(data: BodyData) -> Scalp:
    """The scalp of a body."""
    marks, template = find_landmarks(data), data.v_template.astype(np.float64)
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    angle = np.linspace(0, _REACH, _RAYS)
    pole = np.array([0.0, np.cos(_LEAN), -np.sin(_LEAN)])
    front = np.array([0.0, np.sin(_LEAN), np.cos(_LEAN)])
    around = np.cos(azimuth)[:, None] * front + np.sin(azimuth)[:, None] * [1.0, 0.0, 0.0]
    directions = np.cos(angle)[:, None, None] * pole + np.sin(angle)[:, None, None] * around
    head_weight = data.weights[:, [conventions.joint("head"), conventions.joint("neck")]].sum(1)
    head = data.faces[(data.face_parts == 0) & (head_weight[data.faces] > _HEAD_WEIGHT).all(1)]
    centre = marks.ears.mean(0) + np.array([0, 0.3 * marks.crown, 0])
    face, shares = _cast(centre, directions.reshape(-1, 3), template, head)
    corners = head[face].reshape(*directions.shape)
    shares = shares.reshape(*directions.shape)
    return Scalp(azimuth, angle, directions, corners, shares, np.einsum("rck,rckd->rcd", shares, template[corners]))


@numba.njit(cache=True)
def _cast(origin, directions, vertices, faces):  # type: ignore[no-untyped-def]
    """First face of a closed surface that each ray from inside leaves through (Moeller and Trumbore 1997)."""
    found = np.zeros(len(directions), np.int64)
    shares = np.zeros((len(directions), 3))
    for r in range(len(directions)):
        d = directions[r]
        nearest = np.inf
        shares[r, 0] = 1.0
        for f in range(len(faces)):
            a = vertices[faces[f, 0]]
            e1x, e1y, e1z = (
                vertices[faces[f, 1], 0] - a[0],
                vertices[faces[f, 1], 1] - a[1],
                vertices[faces[f, 1], 2] - a[2],
            )
            e2x, e2y, e2z = (
                vertices[faces[f, 2], 0] - a[0],
                vertices[faces[f, 2], 1] - a[1],
                vertices[faces[f, 2], 2] - a[2],
            )
            px, py, pz = d[1] * e2z - d[2] * e2y, d[2] * e2x - d[0] * e2z, d[0] * e2y - d[1] * e2x
            det = e1x * px + e1y * py + e1z * pz
            if det > -1e-14:  # entering, or along the face
                continue
            sx, sy, sz = origin[0] - a[0], origin[1] - a[1], origin[2] - a[2]
            u = (sx * px + sy * py + sz * pz) / det
            if u < 0 or u > 1:
                continue
            qx, qy, qz = sy * e1z - sz * e1y, sz * e1x - sx * e1z, sx * e1y - sy * e1x
            v = (d[0] * qx + d[1] * qy + d[2] * qz) / det
            if v < 0 or u + v > 1:
                continue
            t = (e2x * qx + e2y * qy + e2z * qz) / det
            if 0 < t < nearest:
                nearest = t
                found[r] = f
                shares[r, 0], shares[r, 1], shares[r, 2] = 1 - u - v, u, v
    return found, shares
