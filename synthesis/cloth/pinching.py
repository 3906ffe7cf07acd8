"""Where the posed body leaves no room for cloth: limbs that touch or have been posed into each other.

An arm that hangs down touches the chest, and a captured pose on another body puts it some centimetres inside. Cloth
that had to stay on both skins would be pulled into the crease between them; it shares the room instead, half each, and
where there is less than none it meets in the middle of what the two limbs overlap.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy.spatial import cKDTree

from synthesis.cloth import hash_grid
from synthesis.cloth.proximity import vertex_normals

# Two cloths between two skins need this much room, metres.
PINCHED = 0.014
# Other limbs are looked for this near, face this skin at least so much, and in the first frame lay outside of it.
_REACH, _FACING, _OUTSIDE = 0.06, -0.2, -0.01
# Cloth this near to the skin shares its room.
_CLOSE = 0.03
# Skin this near to cloth when it was put on is clothed.
_CLOTHED = 0.06


@numba.njit(cache=True, nogil=True, inline="always")
def shared_gap(gap, room):
    """Metres off the skin, `gap` where there is room for two, that cloth is to keep."""
    return min(gap, 0.5 * (room - PINCHED) + gap)


@numba.njit(cache=True, nogil=True)
def measure_room(body, normals, first, first_normals, used, clothed, room, clothed_room):
    """Measures how far from another limb's skin the body's vertices are, negative inside it.

    Args:
        body: [B, 3] metres.
        normals: [B, 3] unit.
        first: [B, 3] metres, the body in a pose in which limbs are apart.
        first_normals: [B, 3] unit.
        used: [U] vertices to look at.
        clothed: [B] bool, vertices that cloth was put on.
        room: [B] metres, out; at most _REACH.
        clothed_room: [B] metres, out; to clothed skin only.
    """
    points = np.empty((used.shape[0], 3))
    for u in range(used.shape[0]):
        for d in range(3):
            points[u, d] = body[used[u], d]
    low, size, shape, start, items = hash_grid.build(points, 0.5 * _REACH)
    begin, end = np.empty(3, np.int64), np.empty(3, np.int64)
    for u in range(used.shape[0]):
        b = used[u]
        for d in range(3):
            begin[d] = hash_grid.cell_of(points[u, d] - _REACH, low[d], size, shape[d])
            end[d] = hash_grid.cell_of(points[u, d] + _REACH, low[d], size, shape[d])
        nearest, found = _REACH * _REACH, _REACH
        nearest_clothed, found_clothed = _REACH * _REACH, _REACH
        for i in range(begin[0], end[0] + 1):
            for j in range(begin[1], end[1] + 1):
                row = (i * shape[1] + j) * shape[2]
                for n in range(start[row + begin[2]], start[row + end[2] + 1]):
                    o = used[items[n]]
                    squared = facing = before = outside = 0.0
                    for d in range(3):
                        away = body[b, d] - body[o, d]
                        squared += away * away
                        facing += normals[b, d] * normals[o, d]
                        before += away * normals[o, d]
                        outside += (first[b, d] - first[o, d]) * first_normals[o, d]
                    if facing > _FACING or outside < _OUTSIDE:
                        continue
                    if squared < nearest:
                        nearest, found = squared, before
                    if squared < nearest_clothed and clothed[o]:
                        nearest_clothed, found_clothed = squared, before
        room[b], clothed_room[b] = found, found_clothed


class Pinching:
    """The room before the skin of one body, frame after frame.

    Args:
        faces: [F, 3] of the skin.
        used: [U] its vertices.
        first: [B, 3] metres, the body in a pose in which limbs are apart.
        dressed: [V, 3] metres, the cloth put on it.

    Attributes:
        clothed: [B] bool, vertices that the cloth was put on.
        room: [B] metres to another limb's skin, of the last `update`; negative inside it, _REACH where none is near.
        clothed_room: [B] metres to another limb's clothed skin: cloth need not share its room with a bare hand.
    """

    def __init__(self, faces: np.ndarray, used: np.ndarray, first: np.ndarray, dressed: np.ndarray):
        self._faces, self._used = faces, used
        self._first = np.ascontiguousarray(first, np.float64)
        self._first_normals = vertex_normals(self._first, faces)
        self.clothed = cKDTree(dressed).query(first, distance_upper_bound=_CLOTHED)[0] < _CLOTHED
        self.room, self.clothed_room = np.full(len(first), _REACH), np.full(len(first), _REACH)

    def update(self, body: np.ndarray) -> None:
        """Looks at a posed body [B, 3] metres."""
        normals = vertex_normals(body, self._faces)
        measure_room(body, normals, self._first, self._first_normals, self._used, self.clothed,
                     self.room, self.clothed_room)  # fmt: skip

    def over(self, face: np.ndarray, weights: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Room [V] metres before the skin that cloth lies on.

        Args:
            face: [V] the skin's face under each cloth vertex.
            weights: [V, 3] barycentric weights on it.
            distance: [V] metres off it; hanging cloth has room.
        """
        room = (self.clothed_room[self._faces[face]] * weights).sum(1)
        return np.where(distance < _CLOSE, room, _REACH)
