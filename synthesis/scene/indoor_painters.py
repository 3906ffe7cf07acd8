"""Painted rooms. Each function takes (rng, size) and returns sRGB 0..1 [size, size, 3], float32, row 0 at the top."""

from __future__ import annotations

import math

import numpy as np

from synthesis.scene import painting
from synthesis.scene import surface_pictures as surfaces
from synthesis.scene.scenery import Box, Skin, View, World, picture

# Metres that a picture or a window stands out from its wall, so that the two do not flicker.
_PROUD = 0.02


def room(rng: np.random.Generator, size: int) -> np.ndarray:
    """A furnished room."""
    width, depth, height = rng.uniform(4, 7), rng.uniform(3, 5.5), rng.uniform(2.5, 3.0)
    boxes = _shell(rng, width, depth, height)
    boxes += _along_wall(rng, width, depth, ("door", "poster", "shelf", "cabinet", "poster", "sofa", "plant"))
    if rng.random() < 0.5:
        boxes.append(_carpet(rng, depth))
    if rng.random() < 0.6:
        boxes += _table(rng, rng.uniform(-1.5, 1.5), rng.uniform(0.9, depth - 1.2))
    return _seen(rng, size, boxes, rng.uniform(0.0, 0.12))


def window(rng: np.random.Generator, size: int) -> np.ndarray:
    """A room with bright windows and curtains in its far wall."""
    width, depth, height = rng.uniform(4, 8), rng.uniform(2.5, 5), rng.uniform(2.6, 3.4)
    boxes = _shell(rng, width, depth, height)
    pane, drape = surfaces.window(rng), surfaces.curtain(rng)
    count = int(rng.integers(2, 5))
    pitch, low, top = width / count, rng.choice([0.05, 0.9]), height - rng.uniform(0.2, 0.5)
    half, drapes = rng.uniform(0.3, 0.45) * pitch, rng.random() < 0.6
    for k in range(count):
        x = (k + 0.5) * pitch - width / 2
        boxes.append(Box((x - half, low, depth - _PROUD), (x + half, top, depth), pane, glows=True))
        boxes.append(Box((x - half - 0.08, low - 0.06, depth - 0.16), (x + half + 0.08, low, depth), _board(rng)))
        if drapes:
            for side in (-1, 1):
                edge = x + side * half
                low_x, high_x = sorted((edge - side * 0.1, edge + side * 0.3))
                boxes.append(Box((low_x, 0.02, depth - 0.2), (high_x, top + 0.12, depth - 0.1), drape))
    if low > 0.5:
        boxes += _along_wall(rng, width, depth, ("bench", "plant"))
    if rng.random() < 0.5:
        boxes += _table(rng, rng.uniform(-1.5, 1.5), rng.uniform(0.9, depth - 1.0))
    return _seen(rng, size, boxes, rng.uniform(0.05, 0.2))


def shelves(rng: np.random.Generator, size: int) -> np.ndarray:
    """Bookcases along the walls of a library or a shop."""
    width, depth, height = rng.uniform(4, 7), rng.uniform(2.5, 5), rng.uniform(2.7, 3.5)
    boxes = _shell(rng, width, depth, height)
    tall, x = rng.uniform(1.9, height - 0.2), -width / 2
    while x < width / 2 - 0.5:
        across = rng.uniform(0.8, 1.3)
        boxes.append(Box((x, 0, depth - 0.35), (x + across, tall, depth - _PROUD), surfaces.shelf(rng), _board(rng)))
        x += across + (rng.uniform(0.3, 1.0) if rng.random() < 0.2 else 0.01)
    side = rng.choice([-1, 1])
    for k in range(int(rng.integers(0, 3))):
        low_x, high_x = sorted((side * width / 2, side * (width / 2 - 0.35)))
        z = depth - 0.5 - 1.1 * (k + 1)
        boxes.append(Box((low_x, 0, z), (high_x, tall, z + 1.0), surfaces.shelf(rng), _board(rng)))
    if rng.random() < 0.4:
        boxes += _table(rng, rng.uniform(-1.5, 1.5), rng.uniform(0.9, depth - 1.2))
    return _seen(rng, size, boxes, rng.uniform(0.0, 0.15))


def hall(rng: np.random.Generator, size: int) -> np.ndarray:
    """A corridor with doors or lockers, lamps in its ceiling and a floor that shines."""
    width, depth, height = rng.uniform(2.6, 5), rng.uniform(9, 24), rng.uniform(2.6, 3.3)
    boxes = _shell(rng, width, depth, height)
    pitch, kinds = rng.uniform(1.6, 3.2), [surfaces.door(rng), surfaces.fronts(rng, 5, 1), surfaces.poster(rng)]
    lamp = Skin.plain(np.array([1.0, 0.99, 0.96]))
    for z in np.arange(1.0, depth - 1, pitch):
        for side in (-1, 1):
            kind = int(rng.choice(3, p=[0.45, 0.35, 0.2]))
            tall, across, low = ((2.05, 0.95, 0.0), (1.9, pitch - 0.1, 0.0), (1.8, 0.7, 1.1))[kind]
            out = (_PROUD, 0.4, _PROUD)[kind]
            low_x, high_x = sorted((side * width / 2, side * (width / 2 - out)))
            boxes.append(Box((low_x, low, z), (high_x, tall, z + across), kinds[kind]))
        boxes.append(Box((-0.3, height - 0.03, z), (0.3, height, z + 0.6 * pitch), lamp, glows=True))
    end = surfaces.window(rng) if rng.random() < 0.5 else surfaces.door(rng)
    boxes.append(Box((-0.8, 0.0, depth - _PROUD), (0.8, 2.2, depth), end, glows=rng.random() < 0.5))
    return _seen(rng, size, boxes, rng.uniform(0.1, 0.35), turn=0.3)


def gym(rng: np.random.Generator, size: int) -> np.ndarray:
    """A sports hall: boards with painted lines, wall bars, mats, high windows."""
    width, depth, height = rng.uniform(12, 22), rng.uniform(7, 14), rng.uniform(5, 7)
    boxes = _shell(rng, width, depth, height, surfaces.boards(rng))
    for _ in range(3):
        paint = Skin.plain(painting.draw_colour(rng, saturation=(0.0, 0.9), value=(0.6, 1.0)))
        x, z = rng.uniform(-5, 5), rng.uniform(1.5, depth - 1)
        boxes.append(Box((-width / 2, 0, z), (width / 2, 0.004, z + 0.07), paint))
        boxes.append(Box((x, 0, 0.5), (x + 0.07, 0.004, depth), paint))
    pane = surfaces.window(rng)
    for x in np.arange(-width / 2 + 0.5, width / 2 - 2.5, 3.0):
        boxes.append(Box((x, height - 2.2, depth - _PROUD), (x + 2.4, height - 0.6, depth), pane, glows=True))
    bars, across = _wall_bars(rng), 0.9
    if rng.random() < 0.7:
        start = rng.uniform(-6, 0)
        for k in range(int(rng.integers(2, 7))):
            x = start + k * across
            boxes.append(Box((x, 0.2, depth - 0.12), (x + across, 2.6, depth - _PROUD), bars))
    band = Skin.plain(painting.draw_colour(rng, saturation=(0.2, 0.7), value=(0.3, 0.8)))
    boxes.append(Box((-width / 2, 0.0, depth - 0.06), (width / 2, rng.uniform(0.8, 2.2), depth - _PROUD), band))
    for _ in range(int(rng.integers(0, 4))):
        x, z, tall = rng.uniform(-4, 4), depth - rng.uniform(0.5, 2), rng.uniform(0.2, 1.1)
        mat = Skin.plain(painting.draw_colour(rng, saturation=(0.3, 0.8), value=(0.3, 0.8)))
        boxes.append(Box((x, 0, z - 0.6), (x + rng.uniform(0.6, 2.0), tall, z), mat))
    return _seen(rng, size, boxes, rng.uniform(0.1, 0.3))


def studio(rng: np.random.Generator, size: int) -> np.ndarray:
    """A seamless paper or mottled cloth, lit from one side."""
    row, col = np.mgrid[:size, :size].astype(np.float32) / size
    glow = np.exp(-(((col - rng.uniform(0.2, 0.8)) / 0.5) ** 2) - ((row - rng.uniform(0.2, 0.7)) / 0.5) ** 2)[..., None]
    colour = painting.draw_colour(rng, saturation=(0.0, 0.15), value=(0.3, 0.95))
    if rng.random() < 0.4:
        colour = painting.draw_colour(rng, saturation=(0.1, 0.5), value=(0.2, 0.8))
    mottle = (
        rng.uniform(0, 0.08) * painting.periodic_noise(rng, size, size, wavelength=0.03 * size, slope=1.5)[..., None]
    )
    # Paper rolls out onto the floor, which catches the light.
    bend = 0.08 * np.exp(-(((row - rng.uniform(0.7, 0.9)) / 0.12) ** 2))[..., None]
    return painting.float32(colour) * (0.55 + 0.5 * glow - bend) * (1 + mottle)


def _shell(rng: np.random.Generator, width: float, depth: float, height: float, floor: Skin | None = None) -> list[Box]:
    """Walls, ceiling, floor and skirting boards, seen from inside; the far wall lies at `depth`."""
    walls, ceiling = surfaces.wall(rng), Skin.plain(surfaces.wall_colour(rng) ** 0.5)
    far = Skin(walls.image * rng.uniform(0.92, 1.0), walls.metres) if rng.random() < 0.8 else surfaces.wall(rng)
    behind, half = -6.0, width / 2
    skirting, tall = _board(rng), rng.uniform(0.06, 0.14)
    return [
        # The shell reaches below the floor, whose top would else be drawn in turn with the shell's bottom.
        Box((-half, -0.1, behind), (half, height, depth), walls, ceiling),
        Box((-half, 0, depth - 0.005), (half, height, depth), far),
        Box((-half, -0.05, behind), (half, 0, depth), floor or surfaces.floor(rng)),
        Box((-half, 0, depth - 0.03), (half, tall, depth), skirting),
        Box((-half, 0, behind), (-half + 0.03, tall, depth), skirting),
        Box((half - 0.03, 0, behind), (half, tall, depth), skirting),
    ]


def _board(rng: np.random.Generator) -> Skin:
    return surfaces.wood(rng)


def _along_wall(rng: np.random.Generator, width: float, depth: float, kinds: tuple[str, ...]) -> list[Box]:
    """Things along the far wall, one beside another, in random order."""
    boxes: list[Box] = []
    x = -width / 2 + rng.uniform(0.1, 0.8)
    for kind in rng.permutation(kinds):
        if rng.random() < 0.3:
            continue
        across = {"door": 0.9, "poster": 0.9, "shelf": 1.1, "cabinet": 1.4, "sofa": 2.0, "plant": 0.8, "bench": 1.8}[
            kind
        ]
        across *= rng.uniform(0.8, 1.2)
        if x + across > width / 2:
            break
        boxes += _thing(rng, str(kind), x, across, depth - _PROUD)
        x += across + rng.uniform(0.1, 0.7)
    return boxes


def _thing(rng: np.random.Generator, kind: str, x: float, across: float, wall: float) -> list[Box]:
    end = x + across
    if kind == "door":
        return [Box((x - 0.08, 0, wall - 0.03), (end + 0.08, 2.13, wall), _board(rng)),
                Box((x, 0, wall - 0.05), (end, 2.05, wall), surfaces.door(rng))]  # fmt: skip
    if kind == "poster":
        low = rng.uniform(1.1, 1.5)
        return [Box((x, low, wall - 0.03), (end, low + rng.uniform(0.5, 0.9), wall), surfaces.poster(rng))]
    if kind == "shelf":
        return [Box((x, 0, wall - 0.35), (end, rng.uniform(1.2, 2.2), wall), surfaces.shelf(rng), _board(rng))]
    if kind in ("cabinet", "bench"):
        tall = rng.uniform(0.6, 1.0) if kind == "cabinet" else 0.45
        boxes = [
            Box((x, 0, wall - 0.45), (end, tall, wall), surfaces.fronts(rng, int(rng.integers(2, 4)), 2), _board(rng))
        ]
        for _ in range(int(rng.integers(0, 4))):
            at, wide = rng.uniform(x, end - 0.3), rng.uniform(0.08, 0.3)
            colour = Skin.plain(painting.draw_colour(rng, value=(0.1, 0.9)))
            boxes.append(Box((at, tall, wall - 0.35), (at + wide, tall + rng.uniform(0.1, 0.45), wall - 0.15), colour))
        return boxes
    if kind == "sofa":
        cloth = Skin.plain(painting.draw_colour(rng, saturation=(0.0, 0.45), value=(0.2, 0.75)))
        boxes = [Box((x, 0.1, wall - 0.85), (end, 0.42, wall), cloth),
                 Box((x, 0.42, wall - 0.25), (end, 0.82, wall), cloth),
                 Box((x, 0.1, wall - 0.85), (x + 0.18, 0.6, wall), cloth),
                 Box((end - 0.18, 0.1, wall - 0.85), (end, 0.6, wall), cloth)]  # fmt: skip
        cushion = Skin.plain(painting.draw_colour(rng, saturation=(0.1, 0.7), value=(0.3, 0.9)))
        return [*boxes, Box((x + 0.3, 0.43, wall - 0.4), (x + 0.75, 0.8, wall - 0.26), cushion)]
    pot = Skin.plain(painting.draw_colour(rng, (0.02, 0.1), (0.0, 0.6), (0.3, 0.9)))
    middle, leaves = (x + end) / 2, Skin(surfaces.tree(rng, 0.02))
    return [
        Box((middle - 0.16, 0, wall - 0.5), (middle + 0.16, 0.35, wall - 0.18), pot),
        Box((x, 0.25, wall - 0.34), (end, rng.uniform(1.1, 1.8), wall - 0.339), leaves),
    ]


def _table(rng: np.random.Generator, x: float, z: float) -> list[Box]:
    """A table and chairs."""
    board, half, tall = _board(rng), rng.uniform(0.5, 0.9), rng.uniform(0.7, 0.78)
    boxes = [Box((x - half, tall - 0.04, z - 0.4), (x + half, tall, z + 0.4), board)]
    legs = [(x + sx * (half - 0.08), z + sz * 0.32) for sx in (-1, 1) for sz in (-1, 1)]
    boxes += [Box((a - 0.03, 0, b - 0.03), (a + 0.03, tall, b + 0.03), board) for a, b in legs]
    seat = _board(rng)
    for a in rng.uniform(x - half, x + half, int(rng.integers(0, 3))):
        back = z + 0.75
        boxes += [
            Box((a - 0.22, 0.42, back - 0.42), (a + 0.22, 0.47, back), seat),
            Box((a - 0.22, 0.55, back - 0.03), (a + 0.22, 0.95, back), seat),
        ]
        boxes += [Box((a + s * 0.2 - 0.02, 0, back - 0.04), (a + s * 0.2 + 0.02, 0.95, back), seat) for s in (-1, 1)]
    return boxes


def _carpet(rng: np.random.Generator, depth: float) -> Box:
    colour = painting.draw_colour(rng, saturation=(0.1, 0.6), value=(0.25, 0.75))
    image = np.tile(painting.float32(colour), (96, 96, 1))
    for k in range(int(rng.integers(1, 4))):
        edge = 4 + 8 * k
        image[edge:-edge, edge:-edge] = painting.draw_colour(rng, saturation=(0.1, 0.6), value=(0.25, 0.9))
    x, half = rng.uniform(-1, 1), rng.uniform(0.8, 1.6)
    return Box((x - half, 0, 0.8), (x + half, 0.012, depth - rng.uniform(0.6, 1.2)), Skin(image))


def _wall_bars(rng: np.random.Generator) -> Skin:
    base = surfaces.wood(rng).image
    colour = base.reshape(-1, 3).mean(0)
    image = np.tile(0.45 * colour, (192, 64, 1))
    image[np.arange(192) % 16 < 5] = colour
    image[:, :5] = 0.9 * colour
    return Skin(painting.float32(image))


def _seen(rng: np.random.Generator, size: int, boxes: list[Box], shine: float, turn: float = 0.5) -> np.ndarray:
    """The room from about eye height, looked at a little from the side and from above."""
    light = np.array([rng.uniform(-0.7, 0.7), 0.6, -0.5])
    lit = World(boxes, np.full((2, 2, 3), 0.9), light / np.linalg.norm(light), shine=shine)
    eye = (rng.uniform(-0.8, 0.8), rng.uniform(1.1, 1.7), rng.uniform(-2.0, -0.5))
    field = math.radians(rng.uniform(42, 62))
    view = View(eye, rng.uniform(-turn, turn), -rng.uniform(0.02, 0.22), field)
    image = picture(lit, view, size)
    # A lamp or a window that is not seen: one side is brighter, in its own tint.
    col = np.linspace(-1, 1, size)[None, :, None] * rng.choice([-1, 1])
    row = np.linspace(0.5, -0.5, size)[:, None, None]
    tint = np.array([1.0, 1.0, 1.0]) + rng.uniform(-0.05, 0.07) * np.array([1.0, 0.1, -1.2])
    return painting.float32(
        image * tint * (1 + rng.uniform(0, 0.16) * col + rng.uniform(0, 0.1) * row) * rng.uniform(0.75, 1.08)
    )
