"""Flat pictures of what rooms and streets are made of, for the boxes of scenery.py.

All are sRGB 0..1, float32, row 0 at the top: [h, w, 3], or [h, w, 4] with opacity where said.
"""

from __future__ import annotations

import cv2
import numpy as np

from synthesis.scene import painting
from synthesis.scene.scenery import Skin

_SIZE = 192


def _canvas(colour: np.ndarray, height: int = _SIZE, width: int = _SIZE) -> np.ndarray:
    return np.tile(painting.float32(colour), (height, width, 1))


def _fill(image: np.ndarray, left: float, top: float, right: float, bottom: float, colour: np.ndarray) -> None:
    """Fills a rectangle given in shares of the picture."""
    rows, cols = image.shape[:2]
    part = image[
        max(int(top * rows), 0) : max(int(bottom * rows), 0), max(int(left * cols), 0) : max(int(right * cols), 0)
    ]
    part[..., :3] = colour


def _mottled(
    rng: np.random.Generator, image: np.ndarray, depth: float, wavelength: float = 2.0, slope: float = 1.0
) -> np.ndarray:
    noise = painting.periodic_noise(rng, image.shape[0], image.shape[1], wavelength, slope)
    return image * (1 + depth * noise[..., None])


def wall_colour(rng: np.random.Generator) -> np.ndarray:
    """Paint of walls: mostly whites, creams and greys."""
    if rng.random() < 0.65:
        return painting.draw_colour(rng, (0.05, 0.16), (0.0, 0.16), (0.62, 0.93))
    hue = (0.03, 0.2) if rng.random() < 0.5 else (0.3, 0.62)
    return painting.draw_colour(rng, hue, (0.08, 0.35), (0.4, 0.85))


def wall(rng: np.random.Generator) -> Skin:
    """Plaster, brick, boards or wallpaper."""
    colour, kind = wall_colour(rng), rng.choice(4, p=[0.55, 0.15, 0.15, 0.15])
    if kind == 1:
        return bricks(rng)
    image = _mottled(rng, _canvas(colour), 0.012, 3.0, 1.3)
    if kind == 2:
        boards = int(rng.integers(4, 10))
        image *= np.repeat(rng.normal(1, 0.025, boards), -(-_SIZE // boards))[:_SIZE, None]
        image *= (1 - 0.25 * ((np.arange(_SIZE) * boards / _SIZE) % 1 < 0.06))[None, :, None]
    if kind == 3:
        image *= (1 + rng.uniform(0.02, 0.06) * np.sign(np.sin(2 * np.pi * np.arange(_SIZE) * 12 / _SIZE)))[
            None, :, None
        ]
    return Skin(image, (2.4, 2.4))


def bricks(rng: np.random.Generator) -> Skin:
    """Stretcher bond, red, yellow or painted."""
    brick = painting.draw_colour(rng, (0.01, 0.09), (0.25, 0.6), (0.35, 0.7))
    if rng.random() < 0.25:
        brick = wall_colour(rng)
    row, col = np.mgrid[:_SIZE, :_SIZE] / _SIZE
    courses, along = 16, 6
    course = np.floor(row * courses).astype(int)
    shifted = col * along + 0.5 * (course % 2)
    tint = rng.normal(1, 0.09, (courses, along))
    image = painting.float32(brick) * tint[course, np.floor(shifted).astype(int) % along][..., None]
    joint = ((row * courses) % 1 < 0.13) | (shifted % 1 < 0.045)
    image[joint] = 0.45 * brick + 0.3
    return Skin(_mottled(rng, painting.float32(image), 0.04, 1.5, 0.6), (1.5, 1.2))


def floor(rng: np.random.Generator) -> Skin:
    """Boards, tiles, carpet or concrete."""
    kind = rng.integers(4)
    if kind == 0:
        return boards(rng)
    if kind == 1:
        return tiles(rng, wall_colour(rng) * rng.uniform(0.5, 1.0))
    colour = painting.draw_colour(rng, saturation=(0.0, 0.35), value=(0.2, 0.6))
    if kind == 2:
        return Skin(_mottled(rng, _canvas(colour), 0.07, 1.2, 0.3), (1.2, 1.2))
    grey = painting.draw_colour(rng, (0.06, 0.14), (0.0, 0.08), (0.35, 0.65))
    return Skin(_mottled(rng, _canvas(grey), 0.05, 2.0, 1.4), (3.0, 3.0))


def boards(rng: np.random.Generator) -> Skin:
    """Floorboards along z."""
    base = painting.draw_colour(rng, (0.055, 0.1), (0.3, 0.6), (0.3, 0.72))
    count = 12
    col = np.arange(_SIZE) * count // _SIZE
    image = _canvas(base)
    # Boards end at different places; each has its own shade.
    for board in range(count):
        ends = np.sort(rng.integers(0, _SIZE, 2))
        part = np.searchsorted(ends, np.arange(_SIZE)) % 2
        image[:, col == board] *= painting.float32(rng.normal(1, 0.09, 2))[part][:, None, None]
        grain = painting.periodic_noise(rng, _SIZE, _SIZE * 6, 1.5, 0.4).reshape(_SIZE, _SIZE, 6).mean(2)
    image *= (1 + 0.1 * cv2.blur(grain, (1, 15)))[..., None]
    image[:, np.append(True, np.diff(col) > 0)] *= 0.7
    return Skin(image, (1.3, 2.6))


def tiles(rng: np.random.Generator, colour: np.ndarray) -> Skin:
    """Square tiles, of one colour or two in turn."""
    count = 4
    row, col = np.mgrid[:_SIZE, :_SIZE] * count / _SIZE
    image = _canvas(colour) * rng.normal(1, 0.03, (count, count))[row.astype(int), col.astype(int)][..., None]
    if rng.random() < 0.3:
        image[(row.astype(int) + col.astype(int)) % 2 == 1] *= rng.uniform(0.35, 0.8)
    image[(row % 1 < 0.04) | (col % 1 < 0.04)] *= 0.75
    side = rng.uniform(0.3, 0.6) * count
    return Skin(painting.float32(image), (side, side))


def wood(rng: np.random.Generator) -> Skin:
    """Furniture: stained or painted."""
    if rng.random() < 0.35:
        return Skin.plain(wall_colour(rng))
    base = painting.draw_colour(rng, (0.04, 0.1), (0.3, 0.65), (0.18, 0.65))
    grain = painting.periodic_noise(rng, _SIZE * 8, _SIZE, 1.5, 0.4).reshape(_SIZE, 8, _SIZE).mean(1)
    return Skin(painting.float32(base) * (1 + 0.12 * cv2.blur(grain, (25, 1)))[..., None], (1.2, 1.2))


def shelf(rng: np.random.Generator) -> Skin:
    """A bookcase from the front: boards, books and boxes."""
    case = painting.draw_colour(rng, (0.04, 0.12), (0.05, 0.6), (0.2, 0.9))
    image = _canvas(case * 0.35)
    levels = int(rng.integers(4, 7))
    for level in range(levels):
        bottom, left = (level + 0.93) / levels, 0.03
        while left < 0.95:
            if rng.random() < 0.12:
                left += rng.uniform(0.05, 0.25)
                continue
            box = rng.random() < 0.12
            width = rng.uniform(0.1, 0.22) if box else rng.uniform(0.018, 0.05)
            height = rng.uniform(0.55, 0.85) / levels
            colour = painting.draw_colour(rng, (-0.05, 0.16), (0.05, 0.6), (0.2, 0.85))
            if rng.random() < 0.35:
                colour = painting.draw_colour(rng, (0.5, 0.68), (0.1, 0.5), (0.15, 0.7))
            _fill(image, left, bottom - height, min(left + width, 0.96), bottom, colour)
            _fill(image, left + width - 0.008, bottom - height, min(left + width, 0.96), bottom, 0.6 * colour)
            left += width + 0.002
        _fill(image, 0, bottom, 1, bottom + 0.05 / levels + 0.012, case)
        # Boards throw a shadow on what stands below them.
        shade = image[int((bottom - 0.93 / levels) * _SIZE) : int((bottom - 0.68 / levels) * _SIZE)]
        shade *= np.linspace(0.55, 1, len(shade), dtype=np.float32)[:, None, None]
    for side in ((0, 0.03), (0.97, 1)):
        _fill(image, side[0], 0, side[1], 1, case)
    return Skin(image)


def window(rng: np.random.Generator) -> Skin:
    """A bright window: frame, panes, something out of focus outside."""
    view = sky(rng, bright=True)[:_SIZE, :_SIZE]
    ground = painting.draw_colour(rng, (0.15, 0.35), (0.05, 0.35), (0.45, 0.75))
    edge = 0.6 + 0.1 * painting.periodic_noise(rng, 1, _SIZE, 8.0, 1.0)[0]
    below = np.arange(_SIZE)[:, None] / _SIZE > edge[None]
    view[below] = 0.4 * view[below] + 0.6 * painting.float32(ground)
    image = cv2.GaussianBlur(view, (0, 0), 5)
    image = np.clip(image * 1.12, 0, 1)
    if rng.random() < 0.25:
        image *= (0.86 + 0.14 * (np.arange(_SIZE) % 8 < 5))[:, None, None]
    frame = wall_colour(rng) if rng.random() < 0.7 else painting.draw_colour(rng, value=(0.1, 0.4))
    across, down = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    for k in range(across + 1):
        _fill(image, k / across - 0.02, 0, k / across + 0.02, 1, frame)
    for k in range(down + 1):
        _fill(image, 0, k / down - 0.025, 1, k / down + 0.025, frame)
    return Skin(painting.float32(image))


def curtain(rng: np.random.Generator) -> Skin:
    """Hanging folds."""
    colour = painting.draw_colour(rng, saturation=(0.0, 0.5), value=(0.3, 0.9))
    folds = painting.periodic_noise(rng, 1, _SIZE, 7.0, 0.5)[0]
    return Skin(_canvas(colour) * painting.float32(1 + 0.16 * folds)[None, :, None])


def door(rng: np.random.Generator) -> Skin:
    """A door with panels and a handle."""
    colour = wall_colour(rng) if rng.random() < 0.5 else painting.draw_colour(rng, (0.03, 0.1), (0.3, 0.6), (0.25, 0.6))
    image = _canvas(colour, 2 * _SIZE)
    for top, bottom in ((0.06, 0.45), (0.52, 0.94)):
        for left in (0.1, 0.54):
            _fill(image, left, top, left + 0.36, bottom, 0.82 * colour)
            _fill(image, left + 0.02, top + 0.01, left + 0.35, bottom - 0.006, 0.95 * colour)
    _fill(image, 0.88, 0.49, 0.95, 0.5, np.array([0.75, 0.74, 0.7]))
    return Skin(image)


def fronts(rng: np.random.Generator, across: int, down: int) -> Skin:
    """Doors or drawers of cabinets and lockers."""
    colour = painting.draw_colour(rng, saturation=(0.0, 0.5), value=(0.25, 0.9))
    image = _canvas(colour)
    for k in range(across):
        for j in range(down):
            left, top = k / across, j / down
            _fill(image, left, top, left + 1 / across, top + 1 / down, 0.55 * colour)
            tint = colour * rng.uniform(0.94, 1.04)
            _fill(image, left + 0.012, top + 0.012, left + 1 / across - 0.012, top + 1 / down - 0.012, tint)
            _fill(image, left + 0.75 / across, top + 0.45 / down, left + 0.85 / across, top + 0.5 / down, 0.4 * colour)
    return Skin(image)


def poster(rng: np.random.Generator) -> Skin:
    """A framed picture or a noticeboard: blobs of colour."""
    image = _canvas(painting.draw_colour(rng, saturation=(0.0, 0.4), value=(0.5, 0.95)))
    for _ in range(int(rng.integers(2, 9))):
        left, top, width, height = (
            rng.uniform(0, 0.8),
            rng.uniform(0, 0.8),
            rng.uniform(0.1, 0.6),
            rng.uniform(0.1, 0.6),
        )
        _fill(image, left, top, left + width, top + height, painting.draw_colour(rng))
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 12))
    frame = rng.uniform(0.03, 0.06)
    colour = painting.draw_colour(rng, (0.05, 0.12), (0.0, 0.5), (0.08, 0.9))
    for left, top, right, bottom in ((0, 0, 1, frame), (0, 1 - frame, 1, 1), (0, 0, frame, 1), (1 - frame, 0, 1, 1)):
        _fill(image, left, top, right, bottom, colour)
    return Skin(image)


def facade(rng: np.random.Generator, floors: int, bays: int) -> Skin:
    """A house front with windows in reveals, sills and a ground floor of doors and shops."""
    base = bricks(rng).image if rng.random() < 0.45 else _mottled(rng, _canvas(_stone(rng)), 0.02, 3.0, 1.4)
    size = 384
    wallpaper = np.tile(cv2.resize(painting.float32(base), (64, 64), interpolation=cv2.INTER_AREA), (6, 6, 1))
    image = np.ascontiguousarray(wallpaper[:size, :size])
    glass, frame = painting.draw_colour(rng, (0.52, 0.64), (0.1, 0.35), (0.18, 0.5)), wall_colour(rng)
    share, tall = rng.uniform(0.35, 0.7), rng.uniform(0.5, 0.72)
    for floor_ in range(floors):
        top = (floor_ + (1 - tall) / 2) / floors
        ground = floor_ == floors - 1
        for bay in range(bays):
            left = (bay + (1 - share) / 2) / bays
            right, bottom = left + share / bays, top + tall / floors
            if ground:
                left, right, bottom = (bay + 0.1) / bays, (bay + 0.9) / bays, 1.0
            _fill(image, left - 0.006, top - 0.006, right + 0.006, bottom + 0.006, 0.6 * frame)
            _fill(image, left, top, right, bottom, frame)
            tone = glass * rng.uniform(0.5, 1.5)
            middle = (left + right) / 2
            for a, b in ((left + 0.004, middle - 0.002), (middle + 0.002, right - 0.004)):
                _fill(image, a, top + 0.005, b, bottom - 0.005, tone)
                # The sky's reflection in the upper part of a pane, or a drawn curtain.
                gleam = tone + rng.uniform(0.1, 0.35) if rng.random() < 0.6 else np.array([0.75, 0.73, 0.68])
                _fill(image, a, top + 0.005, b, top + rng.uniform(0.2, 0.6) * (bottom - top), gleam)
            if not ground:
                _fill(image, left - 0.01, bottom, right + 0.01, bottom + 0.012, np.clip(1.15 * frame, 0, 1))
    _fill(image, 0, 0, 1, 0.015, 0.75 * frame)
    return Skin(cv2.GaussianBlur(image, (0, 0), 0.6))


def _stone(rng: np.random.Generator) -> np.ndarray:
    return painting.draw_colour(rng, (0.05, 0.14), (0.03, 0.35), (0.45, 0.85))


def paving(rng: np.random.Generator) -> Skin:
    """Slabs of a pavement or a square."""
    return tiles(rng, painting.draw_colour(rng, (0.05, 0.13), (0.0, 0.15), (0.4, 0.65)))


def asphalt(rng: np.random.Generator) -> Skin:
    """A road."""
    grey = painting.draw_colour(rng, (0.5, 0.7), (0.0, 0.06), (0.25, 0.45))
    return Skin(_mottled(rng, _canvas(grey), 0.05, 1.2, 0.7), (4.0, 4.0))


def grass(rng: np.random.Generator, dry: float) -> Skin:
    """A lawn or a meadow, `dry` 0..1."""
    leaf = painting.draw_colour(rng, (0.23 - 0.09 * dry, 0.29 - 0.09 * dry), (0.4, 0.62), (0.32, 0.55))
    image = _mottled(rng, _canvas(leaf), 0.12, 1.2, 0.4)
    patches = painting.periodic_noise(rng, _SIZE, _SIZE, 12.0, 1.4)
    return Skin(painting.float32(image * (1 + 0.08 * patches[..., None] * painting.float32([1.2, 1, 0.8]))), (6.0, 6.0))


def sky(rng: np.random.Generator, bright: bool = False) -> np.ndarray:
    """Blue with clouds, overcast, or evening: [256, 256, 3]; its lower half is what stands near the horizon."""
    size = 256
    t = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    kind = rng.choice(3, p=[0.5, 0.38, 0.12])
    if kind == 0:
        top, bottom = painting.draw_colour(rng, (0.56, 0.61), (0.35, 0.62), (0.62, 0.88)), np.array([0.83, 0.89, 0.94])
    elif kind == 1:
        top, bottom = rng.uniform(0.7, 0.88) * np.array([0.97, 1.0, 1.03]), np.full(3, rng.uniform(0.82, 0.94))
    else:
        top = painting.draw_colour(rng, (0.58, 0.64), (0.2, 0.45), (0.5, 0.75))
        bottom = painting.draw_colour(rng, (0.04, 0.11), (0.15, 0.4), (0.85, 1.0))
    t = np.clip(t * 1.8, 0, 1)
    image = np.broadcast_to(painting.float32(top) * (1 - t) + painting.float32(bottom) * t, (size, size, 3)).copy()
    if bright:
        image = 0.55 * image + 0.45
    # Clouds lie flatter towards the horizon.
    noise = painting.periodic_noise(rng, size, size, 3.0, 1.7)
    rows = (np.linspace(0, 1, size) ** 0.6 * (size - 1)).astype(int)
    cover = np.clip(0.5 * noise[rows] + rng.uniform(-0.5, 0.35), 0, 1)[..., None]
    shade = 0.93 - 0.1 * np.clip(painting.periodic_noise(rng, size, size, 6.0, 1.7)[rows], 0, 2)[..., None]
    return painting.float32(image + 0.85 * cover * (shade * painting.float32([1, 1, 1.01]) - image))


def tree(rng: np.random.Generator, bare: float = 0.12) -> np.ndarray:
    """A broad-leaved tree or a conifer as a cut-out [h, w, 4], lit from above; `bare` is the trunk's share."""
    leaf = painting.draw_colour(rng, (0.18, 0.33), (0.3, 0.6), (0.3, 0.58))
    image = np.concatenate([_canvas(0.5 * leaf), np.zeros((_SIZE, _SIZE, 1), np.float32)], 2)
    row, col = np.mgrid[:_SIZE, :_SIZE] / _SIZE
    trunk = (np.abs(col - 0.5) < 0.022 * (0.7 + row)) & (row > 0.4)
    image[trunk] = [*painting.draw_colour(rng, (0.05, 0.1), (0.1, 0.4), (0.2, 0.4)), 1]
    ragged = painting.periodic_noise(rng, _SIZE, _SIZE, 2.2, 0.7)
    conifer, clumps = rng.random() < 0.3, 80
    for k, (a, b) in enumerate(rng.uniform(0, 1, (clumps, 2))):
        if conifer:
            y = 0.04 + (0.9 - bare) * a
            x, radius = 0.5 + (b - 0.5) * 0.75 * (0.08 + a), rng.uniform(0.03, 0.06) * (0.5 + a)
        else:
            y = 0.42 - 0.5 * bare + 0.33 * np.sqrt(a) * np.sin(2 * np.pi * b)
            x, radius = 0.5 + 0.4 * np.sqrt(a) * np.cos(2 * np.pi * b), rng.uniform(0.06, 0.13)
        reach = 1.8 * radius
        rows = slice(max(int((y - reach) * _SIZE), 0), int((y + reach) * _SIZE) + 1)
        cols = slice(max(int((x - reach) * _SIZE), 0), int((x + reach) * _SIZE) + 1)
        down, noise = (row[rows, cols] - y) / radius, ragged[rows, cols]
        inside = np.hypot(down, (col[rows, cols] - x) * 0.85 / radius) + 0.28 * noise < 1
        # Light from above, on each clump and on the crown; clumps painted first lie deeper and are darker.
        shade = (0.6 + 0.4 * k / clumps) * (1.1 - 0.5 * down) * (1.15 - 0.6 * y) * (1 + 0.13 * noise)
        colour = np.clip(shade, 0.3, 1.9)[..., None] * (leaf * rng.uniform(0.9, 1.1, 3))
        image[rows, cols][inside] = np.concatenate([colour, np.ones((*colour.shape[:2], 1))], 2)[inside]
    return image


def hedge(rng: np.random.Generator) -> np.ndarray:
    """Bushes side by side as a cut-out [h, w, 4]."""
    size = 256
    row = np.arange(size)[:, None] / size
    top = 0.25 + 0.09 * painting.periodic_noise(rng, 1, size, 10.0, 1.2)[0]
    ragged = painting.periodic_noise(rng, size, size, 2.0, 0.7)
    clumps = painting.periodic_noise(rng, size, size, 9.0, 1.0)
    leaf = painting.draw_colour(rng, (0.19, 0.32), (0.3, 0.6), (0.22, 0.45))
    shade = np.clip((1.25 - 0.7 * row) * (1 + 0.2 * clumps + 0.14 * ragged), 0.2, 1.9)
    opacity = (row + 0.03 * ragged > top).astype(np.float32)
    return painting.float32(np.concatenate([leaf * shade[..., None], opacity[..., None]], 2))


def mesh_fence(rng: np.random.Generator) -> np.ndarray:
    """A wire fence's posts and rails as a cut-out [h, w, 4]; wires are finer than the eye sees."""
    size = 128
    image = np.zeros((size, size, 4), np.float32)
    colour = painting.draw_colour(rng, saturation=(0.0, 0.5), value=(0.15, 0.6))
    for part in (np.s_[:, :5], np.s_[:5, :], np.s_[62:65, :]):
        image[part] = [*colour, 1]
    return image
