"""A small world of boxes and cut-outs, seen in perspective: what painted backdrops are made of.

Its frame: x right, y up, z away from the viewer, metres; the floor is y = 0. A pixel looks along one ray; the nearest
thing lends its picture, shaded by the way it faces and by the darkness where floor and things meet.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from synthesis.scene import painting


@dataclasses.dataclass(frozen=True, eq=False)
class Skin:
    """What a surface shows.

    Attributes:
        image: [h, w, 3] sRGB 0..1, or [h, w, 4] with opacity; row 0 at the top.
        metres: width and height that the picture covers before it repeats; None: it is stretched over the side.
    """

    image: np.ndarray
    metres: tuple[float, float] | None = None

    @classmethod
    def plain(cls, colour: np.ndarray) -> Skin:
        """One colour [3]."""
        return cls(np.broadcast_to(painting.float32(colour), (2, 2, 3)))


@dataclasses.dataclass(frozen=True, eq=False)
class Box:
    """A box with upright sides; cut-outs are boxes without depth.

    Attributes:
        low: [3] corner, metres.
        high: [3] corner.
        sides: what its four upright sides show.
        top: what its top and bottom show; None: as the sides.
        glows: its light is its own: windows, lamps.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    sides: Skin
    top: Skin | None = None
    glows: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """Everything there is.

    Attributes:
        boxes: things; the viewer may stand inside of one, whose inner sides are seen.
        sky: [h, w, 3] sRGB shown where nothing is, stretched over the frame.
        light: direction [3] towards the main light, unit.
        haze: metres in which a third of a colour fades into the sky's; inf: none.
        shine: share of the mirror image that the floor shows.
        contact: metres around things in which the floor is darker.
    """

    boxes: Sequence[Box]
    sky: np.ndarray
    light: np.ndarray
    haze: float = math.inf
    shine: float = 0.0
    contact: float = 0.35


@dataclasses.dataclass(frozen=True)
class View:
    """Where the viewer stands and looks.

    Attributes:
        eye: metres.
        yaw: radians to the right of +z.
        pitch: radians up.
        field: radians across the picture.
    """

    eye: tuple[float, float, float]
    yaw: float
    pitch: float
    field: float


def picture(world: World, view: View, size: int) -> np.ndarray:
    """What the viewer sees: [size, size, 3] sRGB 0..1, float32."""
    ticks = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * math.tan(view.field / 2)
    x, y = np.meshgrid(ticks, -ticks)
    z = np.ones_like(x)
    y, z = y * math.cos(view.pitch) + z * math.sin(view.pitch), z * math.cos(view.pitch) - y * math.sin(view.pitch)
    x, z = x * math.cos(view.yaw) + z * math.sin(view.yaw), z * math.cos(view.yaw) - x * math.sin(view.yaw)
    rays = np.stack([x, y, z], -1).reshape(-1, 3)
    eye = np.tile(painting.float32(view.eye), (len(rays), 1))
    sky = cv2.resize(painting.float32(world.sky), (size, size), interpolation=cv2.INTER_LINEAR).reshape(-1, 3)
    colour, where, up = _look(world, eye, rays, sky)
    floor = up & (where[:, 1] < 0.02)
    if world.shine > 0 and floor.any():
        mirrored = rays[floor] * painting.float32([1, -1, 1])
        seen, _, _ = _look(world, where[floor] + 1e-3 * painting.float32([0, 1, 0]), mirrored, sky[floor])
        colour[floor] += world.shine * (seen - colour[floor])
    return colour.reshape(size, size, 3)


def _look(
    world: World, eye: np.ndarray, rays: np.ndarray, sky: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours [n, 3], places [n, 3] and whether they face up [n], of rays [n, 3]."""
    # Axes apart: reducing over a last axis of three is many times slower.
    origins = [np.ascontiguousarray(eye[:, k]) for k in range(3)]
    inverses = [1 / np.where(np.abs(rays[:, k]) < 1e-9, painting.float32(1e-9), rays[:, k]) for k in range(3)]
    near = np.full(len(rays), np.inf, np.float32)
    colour, glows = sky.copy(), np.ones(len(rays), bool)
    normal = np.zeros_like(rays)
    for box in world.boxes:
        enters, leaves = [], []
        for k in range(3):
            first = (painting.float32(box.low[k]) - origins[k]) * inverses[k]
            second = (painting.float32(box.high[k]) - origins[k]) * inverses[k]
            enters.append(np.minimum(first, second))
            leaves.append(np.maximum(first, second))
        entry = np.maximum(np.maximum(enters[0], enters[1]), enters[2])
        exit_ = np.minimum(np.minimum(leaves[0], leaves[1]), leaves[2])
        inside = entry < 0
        reach = np.where(inside, exit_, entry)
        hit = np.flatnonzero((entry <= exit_) & (exit_ > 0) & (reach < near))
        if not len(hit):
            continue
        entered = np.stack([enter[hit] for enter in enters]).argmax(0)
        left = np.stack([leave[hit] for leave in leaves]).argmin(0)
        axis = np.where(inside[hit], left, entered)
        place = eye[hit] + reach[hit, None] * rays[hit]
        shown, opacity = _shown(box, place, axis)
        solid = opacity > 0.5
        hit, axis = hit[solid], axis[solid]
        near[hit], colour[hit], glows[hit] = reach[hit], shown[solid], box.glows
        normal[hit] = 0
        normal[hit, axis] = -np.sign(rays[hit, axis])
    where = eye + np.where(np.isfinite(near), near, 0)[:, None] * rays
    lit = ~glows
    colour[lit] *= _light(world, where[lit], normal[lit])[:, None]
    if math.isfinite(world.haze):
        seen = np.isfinite(near)
        share = 1 - np.exp(-near[seen] / world.haze / 2.5)
        colour[seen] += share[:, None] * (sky.reshape(-1, 3).mean(0) - colour[seen])
    return colour, where, normal[:, 1] > 0.5


def _shown(box: Box, place: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours [n, 3] and opacities [n] of places on a box."""
    low, high = painting.float32(box.low), painting.float32(box.high)
    level = axis == 1
    # Across an upright side: the other horizontal axis. On a level one: x and z.
    across = np.where(axis == 0, 2, 0)
    u = np.take_along_axis(place - low, across[:, None], 1)[:, 0]
    v = np.where(level, (place - low)[:, 2], (high - place)[:, 1])
    extent = np.maximum(high - low, 1e-6)
    colour, opacity = np.empty((len(place), 3), np.float32), np.ones(len(place), np.float32)
    for chosen, skin in ((~level, box.sides), (level, box.top or box.sides)):
        rows, cols = skin.image.shape[:2]
        width = skin.metres[0] if skin.metres else extent[across[chosen]]
        height = skin.metres[1] if skin.metres else np.where(level[chosen], extent[2], extent[1])
        col = (u[chosen] / width * cols).astype(int)
        row = (v[chosen] / height * rows).astype(int)
        texel = skin.image[row % rows, col % cols]
        colour[chosen] = texel[:, :3]
        if skin.image.shape[2] == 4:
            opacity[chosen] = texel[:, 3]
    return colour, opacity


def _light(world: World, where: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Brightness [n]: soft sky and one light; darker where floor and things meet, and low on things."""
    facing = normal @ painting.float32(world.light)
    brightness = 0.72 + 0.3 * np.clip(facing, -0.35, 1) + 0.06 * normal[:, 1]
    floor = (normal[:, 1] > 0.5) & (where[:, 1] < 0.02)
    for box in world.boxes:
        stands = box.low[1] < 0.1 and box.high[1] > 0.15
        if stands and max(np.subtract(box.high, box.low)) < 30:
            place = where[floor][:, [0, 2]]
            low, high = painting.float32(box.low)[[0, 2]], painting.float32(box.high)[[0, 2]]
            gap = np.maximum(np.maximum(low - place, place - high), 0)
            inside = np.minimum(np.abs(place - low), np.abs(high - place)).min(1)
            away = np.where((gap == 0).all(1), inside, np.hypot(*gap.T))
            brightness[floor] *= 1 - 0.45 * np.exp(-away / world.contact)
    upright = np.abs(normal[:, 1]) < 0.5
    brightness[upright] *= 1 - 0.25 * np.exp(-np.maximum(where[upright, 1], 0) / 0.25)
    return brightness
