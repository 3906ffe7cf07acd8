"""A body as spheres that lie inside it and move with its joints: how deep it is in itself, in microseconds a pair.

The spheres are medial balls: each touches the skin at a vertex from inside and holds no other vertex (found by Ma, Bae
and Choi 2012, shrinking balls). Since they lie inside, their overlap is never more than that of the flesh.
"""

from __future__ import annotations

import dataclasses
import itertools

import numba
import numpy as np
from scipy.spatial import cKDTree

from model import conventions, rotations
from model.body.numpy_body import NumpyBody, forward_kinematics
from model.conventions import JOINTS

# Parts that bend little within, and the joints that move them.
PARTS = {
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "neck", "L_collar", "R_collar"),
    "head": ("head",),
    **{
        f"{side} {part}": tuple(f"{side[0].upper()}_{name}" for name in names)
        for side in ("left", "right")
        for part, names in {
            "upper arm": ("shoulder",), "forearm": ("elbow",), "hand": ("wrist", "hand"),
            "thigh": ("hip",), "shank": ("knee",), "foot": ("ankle", "foot"),
        }.items()
    },
}  # fmt: skip
# Parts with a joint between them: how far that may fold is a matter of its limits, and flesh gives way there.
_JOINED = {frozenset(("trunk", "head"))}
for _side in ("left", "right"):
    for _limb in (("upper arm", "forearm", "hand"), ("thigh", "shank", "foot")):
        _JOINED |= {frozenset(pair) for pair in itertools.pairwise(("trunk", *(f"{_side} {part}" for part in _limb)))}

# Radius that the search begins with, the least that counts, and how far from a ball its skin may be; metres.
_LARGEST, _SMALLEST, _COVER = 0.25, 0.014, 0.018
_SHRINKINGS = 20
# Spheres that are nearer than this at rest are not held against each other (the insides of the thighs), metres.
_REST_GAP = 0.02
_CHUNK = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Contact:
    """The deepest overlap of each of T frames.

    Attributes:
        depth: [T] metres, zero where nothing overlaps.
        parts: [T] names of the two parts.
    """

    depth: np.ndarray
    parts: list[tuple[str, str]]


class BodySpheres:
    """Spheres of one person.

    Example:
        deepest = BodySpheres(body, betas).contact(motion.pose).depth.max()
    """

    def __init__(self, body: NumpyBody, betas: np.ndarray):
        """Fits the spheres to the rest shape of betas [10]; takes about half a second."""
        vertices, self._joints = body.shaped(betas)
        skin = body.data.faces[body.data.face_parts == 0]
        index = np.unique(skin)
        centres, radii = _medial_balls(vertices.astype(np.float64), skin, index)
        part_of = {JOINTS.index(name): k for k, names in enumerate(PARTS.values()) for name in names}
        owner = body.data.weights[index].argmax(1)
        part = np.array([part_of[j] for j in owner])
        kept = np.concatenate(
            [_covering(vertices[index], centres, radii, np.flatnonzero(part == k)) for k in range(len(PARTS))]
        )
        self._centres, self._radii, self._owner, self._part = centres[kept], radii[kept], owner[kept], part[kept]
        self._pairs = self._tested_pairs()

    def __len__(self) -> int:
        return len(self._radii)

    def contact(self, pose: np.ndarray) -> Contact:
        """Where the body is deepest in itself: pose [T, 72]."""
        depths, where = zip(*(self._deepest(pose[i : i + _CHUNK]) for i in range(0, len(pose), _CHUNK)), strict=True)
        pairs = self._part[self._pairs[:, np.concatenate(where)]]
        names = list(PARTS)
        return Contact(np.concatenate(depths), [(names[a], names[b]) for a, b in pairs.T])

    def _deepest(self, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Depth [T] metres and index of the pair [T]."""
        matrices = rotations.axis_angle_to_matrix(np.asarray(pose, np.float64).reshape(-1, conventions.NUM_JOINTS, 3))
        rot, pos = forward_kinematics(matrices, self._joints.astype(np.float64))
        local = self._centres - self._joints[self._owner]
        centres = (np.einsum("tsab,sb->tsa", rot[:, self._owner], local) + pos[:, self._owner]).astype(np.float32)
        return _deepest_pairs(centres, self._radii.astype(np.float32), self._pairs)

    def _tested_pairs(self) -> np.ndarray:
        """[2, P] indices of spheres that must not overlap."""
        a, b = np.triu_indices(len(self), 1)
        gap = np.linalg.norm(self._centres[a] - self._centres[b], axis=1) - self._radii[a] - self._radii[b]
        names = list(PARTS)
        joined = np.array([[frozenset((x, y)) in _JOINED for y in names] for x in names])
        tested = (self._part[a] != self._part[b]) & ~joined[self._part[a], self._part[b]] & (gap > _REST_GAP)
        return np.stack([a[tested], b[tested]])


@numba.njit(cache=True, nogil=True)
def _deepest_pairs(centres, radii, pairs):
    """Centres [T, S, 3] and radii [S] of spheres, pairs [2, P] of them -> the deepest overlap [T] and its pair [T]."""
    depth = np.zeros(len(centres), np.float32)
    where = np.zeros(len(centres), np.int64)
    for t in range(len(centres)):
        for p in range(pairs.shape[1]):
            a, b = pairs[0, p], pairs[1, p]
            x = centres[t, a, 0] - centres[t, b, 0]
            y = centres[t, a, 1] - centres[t, b, 1]
            z = centres[t, a, 2] - centres[t, b, 2]
            nearer = radii[a] + radii[b] - depth[t]
            if nearer > 0 and x * x + y * y + z * z < nearer * nearer:
                depth[t] = radii[a] + radii[b] - np.sqrt(x * x + y * y + z * z)
                where[t] = p
    return depth, where


def _medial_balls(vertices: np.ndarray, faces: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ball inside the skin at each vertex of `index` [N]: centres [N, 3] and radii [N], metres."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], across)
    points = vertices[index]
    inward = -normals[index] / np.maximum(np.linalg.norm(normals[index], axis=1, keepdims=True), 1e-12)
    tree = cKDTree(points)
    radii = np.full(len(points), _LARGEST)
    for _ in range(_SHRINKINGS):
        distance, nearest = tree.query(points + radii[:, None] * inward)
        to_nearest = points[nearest] - points
        along = (to_nearest * inward).sum(1)
        inside = (distance < radii - 1e-4) & (along > 1e-9)
        if not inside.any():
            break
        radii[inside] = (to_nearest[inside] ** 2).sum(1) / (2 * along[inside])
    return points + radii[:, None] * inward, radii


def _covering(points: np.ndarray, centres: np.ndarray, radii: np.ndarray, part: np.ndarray) -> np.ndarray:
    """A few of a part's balls, largest first, to which nearly all of the part's skin is near: indices."""
    kept = []
    bare = np.ones(len(part), bool)
    for ball in part[np.argsort(-radii[part], kind="stable")]:
        if radii[ball] < _SMALLEST or not bare.any():
            break
        covered = np.linalg.norm(points[part] - centres[ball], axis=1) < radii[ball] + _COVER
        if (covered & bare).any():
            kept.append(ball)
            bare &= ~covered
    return np.array(kept, int)
