"""Things that ride on a body: hair and shoes, moved by the skin under them."""

from __future__ import annotations

import dataclasses
import functools

import numba
import numpy as np
from scipy import ndimage

from model import rotations
from model.body.data import BodyData
from synthesis.cloth.proximity import vertex_normals
from synthesis.render.interface import Surface

# Skin that a joint holds this firmly moves with its bone; with fewer such vertices the joint's strongest are taken.
_FIRM = 0.8
_FEWEST = 30
# Skin within this distance is what a point rests on, metres.
_NEAR = 0.03
# What hangs does so this willingly, once "down" on its bearer is this far from the ground's.
_DOWN, _GIVE, _UPRIGHT = np.array([0.0, -1.0, 0.0]), 0.9, 0.15
# Standard deviations of the smoothing of what hangs, frames and strands.
_HANG_SMOOTHING = (2.0, 1.5)


@dataclasses.dataclass(frozen=True, eq=False)
class Cushion:
    """Skin that an attachment rests on without touching it.

    Attributes:
        skin: [S] indices into the body's vertices.
        faces: [F, 3] triangles of that skin, indices into `skin`.
        resting: [M] indices into the attachment's vertices.
        clearance: metres kept between the two.
    """

    skin: np.ndarray
    faces: np.ndarray
    resting: np.ndarray
    clearance: float

    def push_out(self, points: np.ndarray, vertices: np.ndarray) -> None:
        """Moves points [N, 3] out of a posed body [V, 3], in place."""
        skin = np.ascontiguousarray(vertices[self.skin], np.float32)
        _push_out(points, self.resting, skin, vertex_normals(skin, self.faces), np.float32(self.clearance))


@numba.njit(cache=True, nogil=True)
def _push(point, skin, normals, clearance):  # type: ignore[no-untyped-def]
    """Along the normal of the nearest vertex, to `clearance` above its tangent plane.

    A point further off than the skin's vertices are from each other is inside only where it lies well behind them:
    beside a ridge it is below the tangent plane too.
    """
    nearest, best = 0, np.inf
    for j in range(len(skin)):
        x, y, z = point[0] - skin[j, 0], point[1] - skin[j, 1], point[2] - skin[j, 2]
        distance = x * x + y * y + z * z
        if distance < best:
            best, nearest = distance, j
    height = 0.0
    for k in range(3):
        height += (point[k] - skin[nearest, k]) * normals[nearest, k]
    distance = np.sqrt(best)
    if height < clearance and (distance < _NEAR or height < -0.5 * distance):
        for k in range(3):
            point[k] += (clearance - height) * normals[nearest, k]


@numba.njit(cache=True, nogil=True)
def _push_out(points, resting, skin, normals, clearance):  # type: ignore[no-untyped-def]
    for i in resting:
        _push(points[i], skin, normals, clearance)


@dataclasses.dataclass(frozen=True, eq=False)
class Strands:
    """Locks that hang from their upper ends, whichever way their bearer leans.

    Each link keeps the direction that it has on the moving body, drawn towards the ground by as much as the bearer has
    turned "down" away from it: nothing changes on one who stands upright.

    Attributes:
        links: [S, R] indices into the attachment's vertices, from each strand's upper end on.
        bearer: which of the attachment's bones leans.
        cushion: what the strands hang around.
    """

    links: np.ndarray
    bearer: int
    cushion: Cushion

    def hang(self, points: np.ndarray, vertices: np.ndarray, turns: np.ndarray) -> None:
        """Lets points [T, N, 3] hang about a posed body [T, V, 3] whose bearer has turned by R [T, 3, 3], in place.

        Which way round a neck a strand falls can change from one frame to the next: what hanging adds is smoothed over
        time and over neighbouring strands.
        """
        pulls = _DOWN - turns @ _DOWN
        leaning = np.linalg.norm(pulls, axis=1)
        if leaning.max() <= _UPRIGHT:
            return
        added = np.zeros((len(points), *self.links.shape, 3), np.float32)
        for t in np.flatnonzero(leaning > _UPRIGHT):
            pull = (pulls[t] * _GIVE * (leaning[t] - _UPRIGHT) / leaning[t]).astype(np.float32)
            skin = np.ascontiguousarray(vertices[t, self.cushion.skin], np.float32)
            normals = vertex_normals(skin, self.cushion.faces)
            hung = points[t].copy()
            _hang(hung, self.links, pull, skin, normals, np.float32(self.cushion.clearance))
            added[t] = (hung - points[t])[self.links] @ turns[t]
        modes = ("nearest", "wrap", "nearest", "nearest")
        added = ndimage.gaussian_filter(added, (*_HANG_SMOOTHING, 0, 0), mode=modes)
        points[:, self.links] += np.einsum("tab,tsrb->tsra", turns, added)


@numba.njit(cache=True, nogil=True)
def _normalise(vector):  # type: ignore[no-untyped-def]
    """Scales a vector [3] to length 1, in place; returns the length that it had."""
    length = np.float32(np.sqrt((vector * vector).sum()))
    vector /= max(length, np.float32(1e-9))
    return length


@numba.njit(cache=True, nogil=True)
def _hang(points, links, pull, skin, normals, clearance):  # type: ignore[no-untyped-def]
    """Follows each strand down: links turn by `pull`, are pushed out of the skin and keep their length."""
    aim = np.empty(3, points.dtype)
    for s in range(len(links)):
        before = points[links[s, 0]].copy()
        end = before.copy()
        for r in range(1, links.shape[1]):
            here = points[links[s, r]].copy()
            aim[:] = here - before
            length = _normalise(aim)
            if length > 1e-5:
                aim += pull
                _normalise(aim)
                new = end + length * aim
                _push(new, skin, normals, clearance)
                aim[:] = new - end
                _normalise(aim)
                end += length * aim
            points[links[s, r]] = end
            before = here


@dataclasses.dataclass(frozen=True, eq=False)
class Attachment:
    """A surface bound to a body.

    It is blended from a few bones as skin is, but the bones are found from the posed skin itself: whatever moves the
    body, poses or captured vertices, moves what it wears.

    Attributes:
        surface: topology and look.
        rest: [N, 3] metres, on the rest shape.
        weights: [N, G] share of each bone, rows sum to 1.
        bones: G groups of body vertices that move rigidly.
        bones_rest: rest positions of each group, metres.
        cushion: skin that it is kept away from in every pose, or None.
        strands: parts that hang, or None.
    """

    surface: Surface
    rest: np.ndarray
    weights: np.ndarray
    bones: tuple[np.ndarray, ...]
    bones_rest: tuple[np.ndarray, ...]
    cushion: Cushion | None = None
    strands: Strands | None = None

    def follow(self, vertices: np.ndarray) -> np.ndarray:
        """Its vertices on a body in motion.

        Args:
            vertices: [T, V, 3] posed body, metres, with y up: successive frames at about 30 a second, for what hangs
                is smoothed over time.

        Returns:
            float32 [T, N, 3] metres, in the frame of `vertices`.
        """
        moved = np.zeros((len(vertices), *self.rest.shape), np.float32)
        turns = []
        for bone, bone_rest, weight in zip(self.bones, self.bones_rest, self.weights.T, strict=True):
            held = weight > 0
            rotation, translation = rigid_motion(bone_rest, vertices[:, bone])
            turns.append(rotation)
            there = self.rest[held] @ np.swapaxes(rotation, 1, 2) + translation[:, None]
            moved[:, held] += weight[held, None] * there.astype(np.float32)
        if self.cushion is not None:
            for points, posed in zip(moved, vertices, strict=True):
                self.cushion.push_out(points, posed)
        # Last, for the strands keep themselves off the skin, and smoothly so.
        if self.strands is not None:
            self.strands.hang(moved, vertices, turns[self.strands.bearer])
        return moved


def rigid_motion(rest: np.ndarray, posed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares rotation and translation that take points to where they went (Arun et al. 1987).

    Args:
        rest: [K, 3].
        posed: [T, K, 3].

    Returns:
        R [T, 3, 3] and t [T, 3] with posed ~ R rest + t.
    """
    rest = rest.astype(np.float64)
    centre, centres = rest.mean(0), posed.mean(1, dtype=np.float64)
    covariance = np.einsum("tka,kb->tab", posed - centres[:, None], rest - centre)
    rotation = rotations.nearest_rotation(covariance)
    return rotation, centres - rotation @ centre


@functools.lru_cache(maxsize=64)
def bone_vertices(data: BodyData, joint: int) -> np.ndarray:
    """Indices of the skin that moves with a joint's bone alone."""
    held = data.weights[:, joint]
    firm = np.flatnonzero(held > _FIRM)
    return firm if len(firm) >= _FEWEST else np.sort(np.argsort(-held, kind="stable")[:_FEWEST])


def bind(
    data: BodyData,
    rest_vertices: np.ndarray,
    surface: Surface,
    rest: np.ndarray,
    joint_weights: dict[int, np.ndarray],
    cushion: Cushion | None = None,
    strands: Strands | None = None,
) -> Attachment:
    """Binds a surface to a body.

    Args:
        data: the body.
        rest_vertices: [V, 3] its rest shape, metres.
        surface: what is worn.
        rest: [N, 3] its vertices on the rest shape, metres.
        joint_weights: for each joint that moves it, [N] shares; they are made to sum to 1.
        cushion: skin to be kept away from.
        strands: parts that hang; their bearer counts the joints of `joint_weights`.
    """
    weights = np.stack(list(joint_weights.values()), 1).astype(np.float32)
    bones = tuple(bone_vertices(data, joint) for joint in joint_weights)
    return Attachment(
        surface=surface,
        rest=np.asarray(rest, np.float32),
        weights=weights / weights.sum(1, keepdims=True),
        bones=bones,
        bones_rest=tuple(np.asarray(rest_vertices[bone], np.float32) for bone in bones),
        cushion=cushion,
        strands=strands,
    )


def grid_faces(rows: int, columns: int, closed: bool) -> np.ndarray:
    """Triangles [F, 3] of a grid of vertices numbered row by row; `closed` joins the last column to the first.

    They face the viewer for whom rows run downwards and columns to the right.
    """
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij")
    a, b = row * columns + column, row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3).astype(np.int32)


def grid_uv(rows: np.ndarray, columns: np.ndarray, closed: bool) -> np.ndarray:
    """Texture coordinates [F, 3, 2] of the corners of `grid_faces`.

    Args:
        rows: [R] v of each row.
        columns: u of each column; one more than there are columns where the grid is closed.
        closed: as for `grid_faces`.
    """
    v, u = np.meshgrid(rows, columns, indexing="ij")
    uv = np.stack([u, v], -1)
    # With its seam laid open, a closed grid is an open one.
    return uv.reshape(-1, 2)[grid_faces(len(rows), len(columns), closed=False)]
