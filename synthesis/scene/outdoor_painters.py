"""Painted open air. Each function takes (rng, size) and returns sRGB 0..1 [size, size, 3], float32, row 0 on top."""

from __future__ import annotations

import math

import numpy as np

from synthesis.scene import painting
from synthesis.scene import surface_pictures as surfaces
from synthesis.scene.scenery import Box, Skin, View, World, picture

# Metres to either side and ahead that the ground reaches.
_FAR = 150.0


def park(rng: np.random.Generator, size: int) -> np.ndarray:
    """A lawn, a path, a bench, trees and bushes."""
    boxes = [_ground(surfaces.grass(rng, rng.uniform(0, 0.6)))]
    boxes += _trees(rng, int(rng.integers(6, 16)), 7, 45)
    if rng.random() < 0.75:
        boxes.append(_cut_out(surfaces.hedge(rng), rng.uniform(-20, -8), 40, rng.uniform(1.2, 5), rng.uniform(12, 45)))
    if rng.random() < 0.6:
        x, across = rng.uniform(-4, 4), rng.uniform(1.2, 3)
        path = surfaces.paving(rng) if rng.random() < 0.4 else surfaces.asphalt(rng)
        boxes.append(Box((x, 0, -5), (x + across, 0.004, _FAR), path))
    if rng.random() < 0.4:
        boxes += _bench(rng, rng.uniform(-3, 2), rng.uniform(4, 9))
    return _seen(rng, size, boxes, haze=rng.uniform(60, 200))


def street(rng: np.random.Generator, size: int) -> np.ndarray:
    """House fronts across a road or along it, a pavement, cars, lamp posts, a tree."""
    along = rng.random() < 0.5
    boxes = [_ground(surfaces.asphalt(rng))]
    pavement = surfaces.paving(rng)
    if along:
        half = rng.uniform(4, 8)
        for side in (-1, 1):
            low, high = sorted((side * half, side * (half + 3)))
            boxes.append(Box((low, 0, -5), (high, 0.13, _FAR), pavement))
            z = -4.0
            while z < 60:
                front, tall = rng.uniform(7, 14), rng.uniform(7, 18)
                low, high = sorted((side * (half + 3), side * (half + 15)))
                boxes.append(Box((low, 0, z), (high, tall, z + front), _front(rng, front, tall)))
                z += front
        boxes += _cars(rng, [(side * (half - 1.1), z) for side in (-1, 1) for z in (6, 13, 20, 28)], ahead=True)
    else:
        wall = rng.uniform(8, 16)
        boxes.append(Box((-_FAR, 0, wall - 3), (_FAR, 0.13, wall + 1), pavement))
        x = rng.uniform(-30, -24)
        while x < 25:
            front, tall = rng.uniform(6, 14), rng.uniform(6, 16)
            boxes.append(Box((x, 0, wall), (x + front, tall, wall + 10), _front(rng, front, tall)))
            x += front + (rng.uniform(1, 4) if rng.random() < 0.15 else 0)
        boxes += _cars(rng, [(x, wall - 4.2) for x in np.arange(-14, 14, 5.5)], ahead=False)
        if rng.random() < 0.5:
            boxes += _trees(rng, int(rng.integers(1, 4)), wall - 3, wall - 1.5, tall=(4, 7))
    for x, z in rng.uniform((-7, 5), (7, 22), (int(rng.integers(0, 4)), 2)):
        boxes.append(Box((x, 0, z), (x + 0.1, 5, z + 0.1), Skin.plain(np.full(3, 0.25))))
    return _seen(rng, size, boxes, haze=rng.uniform(80, 300))


def court(rng: np.random.Generator, size: int) -> np.ndarray:
    """A sports ground: painted lines, a fence or hoardings, trees and houses behind."""
    paint = painting.draw_colour(rng, (0.0, 0.65), (0.25, 0.6), (0.3, 0.6))
    ground = surfaces.asphalt(rng).image * 0.3 + 0.8 * painting.float32(paint)
    end = rng.uniform(9, 22)
    grass = surfaces.grass(rng, 0.2)
    inside = Skin(ground, (4.0, 4.0)) if rng.random() < 0.65 else surfaces.grass(rng, 0.0)
    boxes = [_ground(grass), Box((-30, 0, -6), (30, 0.003, end), inside)]
    white = Skin.plain(np.array([0.93, 0.93, 0.9]))
    for z in rng.uniform(1.5, end - 0.5, int(rng.integers(1, 4))):
        boxes.append(Box((-30, 0, z), (30, 0.006, z + 0.1), white))
    for x in rng.uniform(-6, 6, int(rng.integers(1, 4))):
        boxes.append(Box((x, 0, -6), (x + 0.1, 0.006, end - 0.5), white))
    if rng.random() < 0.6:
        fence, tall = surfaces.mesh_fence(rng), rng.uniform(2, 4)
        boxes += [_cut_out(fence, x, tall, tall, end) for x in np.arange(-30, 30, tall)]
    else:
        for x in np.arange(-30, 30, 4.0):
            board = Skin(surfaces.poster(rng).image)
            boxes.append(Box((x, 0, end), (x + 3.9, 1.0, end + 0.1), board))
    boxes += _trees(rng, int(rng.integers(6, 14)), end + 2, end + 25)
    boxes.append(_cut_out(surfaces.hedge(rng), -40, 80, rng.uniform(2, 6), end + 26))
    if rng.random() < 0.4:
        tall = rng.uniform(6, 14)
        boxes.append(Box((5, 0, end + 10), (25, tall, end + 20), _front(rng, 20, tall)))
    return _seen(rng, size, boxes, haze=rng.uniform(80, 250))


def hills(rng: np.random.Generator, size: int) -> np.ndarray:
    """A meadow before hills, one behind another, bluer and paler with distance."""
    sky = surfaces.sky(rng)
    haze = sky[128:].reshape(-1, 3).mean(0) * np.array([0.93, 0.97, 1.0])
    boxes = [_ground(surfaces.grass(rng, rng.uniform(0, 1)))]
    layers = int(rng.integers(2, 5))
    for k in range(layers):
        share = (k + 1) / layers
        green = painting.draw_colour(rng, (0.17, 0.3), (0.25, 0.5), (0.25, 0.42))
        boxes.append(
            _cut_out(_ridge(rng, green + share * 0.85 * (haze - green)), -140, 280, 9 + 20 * share, 60 + 15 * k)
        )
    boxes += _trees(rng, int(rng.integers(0, 9)), 15, 50)
    if rng.random() < 0.4:
        boxes.append(_cut_out(surfaces.hedge(rng), -40, 80, rng.uniform(1, 3), 50))
    return _seen(rng, size, boxes, haze=300, sky=sky)


def beach(rng: np.random.Generator, size: int) -> np.ndarray:
    """Sand, surf, sea."""
    sky = surfaces.sky(rng)
    sand = painting.draw_colour(rng, (0.08, 0.12), (0.2, 0.4), (0.65, 0.85))
    grain = surfaces.asphalt(rng).image
    sea = painting.draw_colour(rng, (0.48, 0.58), (0.3, 0.6), (0.35, 0.65)) * 0.7 + 0.3 * sky[120].mean(0)
    waves = painting.periodic_noise(rng, 192, 48, 1.5, 0.6).repeat(4, 1)
    water = painting.float32(sea) * (1 + 0.07 * waves[..., None])
    shore = rng.uniform(5, 12)
    foam = np.ones((64, 256, 4), np.float32) * 0.95
    foam[..., 3] = np.arange(64)[:, None] / 64 + 0.3 * painting.periodic_noise(rng, 64, 256, 4.0, 1.0) > 0.6
    boxes = [
        _ground(Skin(painting.float32(grain / grain.mean() * sand), (3.0, 3.0))),
        Box((-_FAR, 0, shore), (_FAR, 0.002, _FAR), Skin(water, (9.0, 14.0))),
        Box((-40, 0, shore - 0.6), (40, 0.004, shore + 0.6), Skin(foam, (20.0, 1.2))),
        Box((-40, 0, shore + 3), (40, 0.004, shore + 3.6), Skin(foam, (31.0, 0.6))),
    ]
    for _ in range(int(rng.integers(0, 4))):
        colour = Skin.plain(painting.draw_colour(rng, saturation=(0.3, 0.8), value=(0.4, 0.9)))
        x, z = rng.uniform(-3, 3), rng.uniform(2.5, shore - 1)
        boxes.append(Box((x, 0, z), (x + 0.8, 0.04, z + 1.6), colour))
    return _seen(rng, size, boxes, haze=400, sky=sky)


def _ground(skin: Skin) -> Box:
    return Box((-_FAR, -1, -_FAR), (_FAR, 0, _FAR), skin)


def _cut_out(image: np.ndarray, x: float, width: float, height: float, z: float) -> Box:
    """A picture with opacity that faces the viewer."""
    return Box((x, 0, z), (x + width, height, z + 1e-3), Skin(image), glows=True)


def _trees(
    rng: np.random.Generator, count: int, nearest: float, farthest: float, tall: tuple[float, float] = (4, 12)
) -> list[Box]:
    # A few kinds of tree, each at several places and turned about.
    kinds = [surfaces.tree(rng) for _ in range(min(count, 3))]
    kinds += [kind[:, ::-1] for kind in kinds]
    trees = []
    for k in range(count):
        z, height = rng.uniform(nearest, farthest), rng.uniform(*tall)
        reach = 0.6 * z + 3
        trees.append(_cut_out(kinds[k % len(kinds)], rng.uniform(-reach, reach) - height / 2, height, height, z))
    return trees


def _front(rng: np.random.Generator, width: float, height: float) -> Skin:
    return surfaces.facade(rng, max(round(height / 3.1), 2), max(round(width / rng.uniform(2, 3)), 2))


def _bench(rng: np.random.Generator, x: float, z: float) -> list[Box]:
    wood, iron = surfaces.wood(rng), Skin.plain(np.full(3, 0.2))
    return [
        Box((x, 0.42, z), (x + 1.6, 0.47, z + 0.45), wood), Box((x, 0.55, z + 0.42), (x + 1.6, 0.85, z + 0.46), wood),
        Box((x + 0.1, 0, z), (x + 0.16, 0.42, z + 0.45), iron), Box((x + 1.44, 0, z), (x + 1.5, 0.42, z + 0.45), iron),
    ]  # fmt: skip


def _cars(rng: np.random.Generator, places: list[tuple[float, float]], ahead: bool) -> list[Box]:
    """Parked cars, lengthwise or across the view: body, cabin with windows, wheels."""
    boxes = []
    for x, z in places:
        if rng.random() < 0.45:
            continue
        paint = painting.draw_colour(rng, saturation=(0.0, 0.15), value=(0.1, 0.9))
        if rng.random() < 0.35:
            paint = painting.draw_colour(rng, saturation=(0.4, 0.85), value=(0.25, 0.7))
        glass = np.tile(painting.float32([0.16, 0.19, 0.22]), (8, 24, 1))
        glass[:2] = 0.85 * paint
        glass[:, [0, 11, 12, 23]] = paint
        glass[3] += 0.25
        wide, long = (0.9, 2.1) if ahead else (2.1, 0.9)
        lower = Skin.plain(paint)
        boxes.append(Box((x - wide, 0.28, z - long), (x + wide, 0.85, z + long), lower))
        inner_x, inner_z = (0.85, 0.62) if ahead else (0.62, 0.85)
        low, high = (x - wide * inner_x, 0.85, z - long * inner_z), (x + wide * inner_x, 1.42, z + long * inner_z)
        boxes.append(Box(low, high, Skin(glass), lower))
        tyre = Skin.plain(np.full(3, 0.06))
        for share in (-0.62, 0.62):
            a, b = (wide, 0.3) if ahead else (0.3, long)
            cx, cz = (x, z + share * long) if ahead else (x + share * wide, z)
            boxes.append(Box((cx - a - 0.01, 0, cz - b - 0.01), (cx + a + 0.01, 0.6, cz + b + 0.01), tyre))
    return boxes


def _ridge(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    """A far hill as a cut-out [h, w, 4]."""
    rows, cols = 96, 512
    profile = 0.45 + 0.16 * painting.periodic_noise(rng, 1, cols, 12.0, 1.6)[0]
    row = np.arange(rows)[:, None] / rows
    texture = 1 + 0.05 * painting.periodic_noise(rng, rows, cols, 2.0, 0.8)
    image = painting.float32(colour) * texture[..., None]
    return painting.float32(np.concatenate([image, (row > profile)[..., None]], 2))


def _seen(
    rng: np.random.Generator, size: int, boxes: list[Box], haze: float, sky: np.ndarray | None = None
) -> np.ndarray:
    light = np.array([rng.uniform(-0.8, 0.8), 0.7, rng.uniform(-0.9, 0.2)])
    world = World(boxes, surfaces.sky(rng) if sky is None else sky, light / np.linalg.norm(light), haze, contact=0.6)
    view = View(
        (rng.uniform(-1, 1), rng.uniform(1.2, 2.0), rng.uniform(-2, 0)),
        rng.uniform(-0.35, 0.35), rng.uniform(-0.14, 0.05), math.radians(rng.uniform(38, 58)),
    )  # fmt: skip
    return painting.float32(picture(world, view, size) * rng.uniform(0.95, 1.2))
