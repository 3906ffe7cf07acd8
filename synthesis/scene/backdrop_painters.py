"""Painted rooms and open air: each function paints one kind of scene from a Generator.

All take (rng, size) and return sRGB 0..1 [size, size, 3], float32, row 0 at the top. They need to be right only at a
glance: a telephoto lens shows them blurred and a few degrees wide.
"""

from __future__ import annotations

import cv2
import numpy as np

from synthesis.scene import painting

# Pixels; a product of small primes, for the Fourier transform.
_NOISE_SIZE = 160


def _canvas(colour: np.ndarray, size: int) -> np.ndarray:
    return np.tile(np.float32(colour), (size, size, 1))


def _vertical(top: np.ndarray, bottom: np.ndarray, size: int) -> np.ndarray:
    """Gradient [size, size, 3] from one colour to another."""
    t = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    return np.broadcast_to(np.float32(top) * (1 - t) + np.float32(bottom) * t, (size, size, 3)).copy()


def _rectangle(image: np.ndarray, left: float, top: float, right: float, bottom: float, colour: np.ndarray) -> None:
    """Fills a rectangle given in shares of the canvas."""
    size = len(image)
    rows = slice(max(int(top * size), 0), max(int(bottom * size), 0))
    cols = slice(max(int(left * size), 0), max(int(right * size), 0))
    image[rows, cols] = colour


def _noise(rng: np.random.Generator, size: int, wavelength: float, slope: float = 1.0) -> np.ndarray:
    """[size, size, 1], standard deviation about 1; wavelength as a share of the canvas.

    Made small and enlarged: the lens's blur leaves nothing finer, and Fourier transforms are most of a picture's cost.
    """
    noise = painting.periodic_noise(rng, _NOISE_SIZE, _NOISE_SIZE, wavelength * _NOISE_SIZE, slope)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]


def _wall_colour(rng: np.random.Generator) -> np.ndarray:
    return painting.draw_colour(rng, saturation=(0.0, 0.3), value=(0.4, 0.95))


def _wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """Plaster, brick, panels or wallpaper, lit unevenly."""
    colour = _wall_colour(rng)
    row, col = np.mgrid[:size, :size].astype(np.float32) / size
    kind = rng.integers(4)
    image = _canvas(colour, size)
    if kind == 1:
        count = rng.uniform(14, 34)
        course = np.floor(row * count)
        joint = ((row * count) % 1 < 0.14) | ((col * count / 2.6 + 0.5 * (course % 2)) % 1 < 0.06)
        brick = painting.draw_colour(rng, hue=(0.0, 0.09), saturation=(0.2, 0.65), value=(0.3, 0.75))
        tint = rng.normal(1, 0.09, (64, 64)).astype(np.float32)
        image = (
            np.float32(brick)
            * tint[course.astype(int) % 64, np.floor(col * count / 2.6 + 0.5 * (course % 2)).astype(int) % 64][
                ..., None
            ]
        )
        image[joint] = 0.65 * colour
    elif kind == 2:
        image *= (1 - 0.25 * ((col * rng.uniform(4, 18)) % 1 < 0.04))[..., None]
    elif kind == 3:
        image *= (1 + rng.uniform(0.03, 0.12) * np.sign(np.sin(2 * np.pi * col * rng.uniform(6, 24))))[..., None]
    lamp = np.exp(-(((col - rng.uniform(0, 1)) / 0.6) ** 2) - ((row - rng.uniform(-0.2, 0.6)) / 0.7) ** 2)[..., None]
    return image * (0.72 + 0.4 * lamp) * (1 + 0.02 * _noise(rng, size, 0.01, 1.0))


def _floor(rng: np.random.Generator, image: np.ndarray, horizon: float) -> None:
    """Paints wood, tiles, carpet or concrete below the horizon (share of the canvas), in perspective."""
    size = len(image)
    start = int(horizon * size)
    row, col = np.mgrid[start:size, :size].astype(np.float32) / size
    away = 1 / (row - horizon + rng.uniform(0.08, 0.25))
    across = (col - rng.uniform(0.2, 0.8)) * away
    kind = rng.integers(4)
    if kind == 0:
        base = painting.draw_colour(rng, hue=(0.05, 0.11), saturation=(0.3, 0.65), value=(0.3, 0.75))
        plank = np.floor(across * rng.uniform(2, 5)).astype(int)
        shade = rng.normal(1, 0.1, 64)[plank % 64]
    elif kind == 1:
        base = _wall_colour(rng)
        count = rng.uniform(1.5, 4)
        shade = 1 - 0.22 * ((np.floor(across * count) + np.floor(away * count)) % 2)
    else:
        base = painting.draw_colour(rng, saturation=(0.0, 0.4), value=(0.2, 0.7))
        shade = 1 + rng.uniform(0.01, 0.04) * painting.periodic_noise(rng, len(row), size, wavelength=2.0, slope=0.6)
    fade = np.linspace(0.85, 1.05, len(row))[:, None]
    image[start:] = base * (shade * fade)[..., None]


def _clutter(rng: np.random.Generator, image: np.ndarray, floor: float, count: int) -> None:
    """Boxes that could be furniture, pictures or people's bags."""
    for _ in range(count):
        left, width, height = rng.uniform(-0.1, 1), rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.35)
        bottom = floor + rng.uniform(0, 0.06) if rng.random() < 0.6 else rng.uniform(0.15, floor)
        colour = painting.draw_colour(rng, saturation=(0.0, 0.7), value=(0.08, 0.85))
        _rectangle(image, left, bottom - height, left + width, bottom, colour)
        if rng.random() < 0.5:
            edge = 0.012
            inner = np.clip(colour * rng.uniform(0.6, 1.5), 0, 1)
            _rectangle(image, left + edge, bottom - height + edge, left + width - edge, bottom - edge, inner)


def room(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wall, a skirting board, a floor and some furniture."""
    image = _wall(rng, size)
    floor = rng.uniform(0.6, 0.88)
    _rectangle(image, 0, floor - rng.uniform(0.01, 0.04), 1, floor, _wall_colour(rng))
    _floor(rng, image, floor)
    _clutter(rng, image, floor, int(rng.integers(0, 7)))
    return image


def window(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wall with bright windows and curtains."""
    image = _wall(rng, size) * rng.uniform(0.5, 0.9)
    floor = rng.uniform(0.7, 0.95)
    hue = (0.08, 0.14) if rng.random() < 0.4 else (0.54, 0.62)
    light = painting.draw_colour(rng, hue, (0.0, 0.22), (0.85, 1.0))
    frame, count = _wall_colour(rng), int(rng.integers(1, 4))
    pitch, start, top = 1 / count, rng.uniform(0, 0.1), rng.uniform(0.0, 0.15)
    bottom = rng.uniform(0.45, floor)
    for i in range(count):
        left, right = start + i * pitch + 0.04, start + (i + 1) * pitch - 0.04
        _rectangle(image, left, top, right, bottom, frame)
        middle = (left + right) / 2
        for a, b in ((left, middle), (middle, right)):
            _rectangle(image, a + 0.012, top + 0.015, b - 0.008, bottom - 0.015, light)
        if rng.random() < 0.4:
            _rectangle(
                image, left - 0.03, top - 0.05, left + 0.06, bottom + 0.1, painting.draw_colour(rng, value=(0.2, 0.8))
            )
    _floor(rng, image, floor)
    return image


def shelves(rng: np.random.Generator, size: int) -> np.ndarray:
    """Shelves full of books or goods."""
    image = _canvas(painting.draw_colour(rng, saturation=(0.0, 0.5), value=(0.1, 0.5)), size)
    board = painting.draw_colour(rng, hue=(0.04, 0.12), saturation=(0.1, 0.6), value=(0.3, 0.9))
    count = int(rng.integers(4, 9))
    hue, spread = rng.uniform(0, 1), rng.uniform(0.4, 1.0)
    for i in range(count):
        bottom, left = (i + 1) / count - 0.015, 0.0
        while left < 1:
            width = rng.uniform(0.012, 0.06)
            height = rng.uniform(0.5, 0.95) / count
            colour = painting.draw_colour(rng, (hue, hue + spread), (0.05, 0.6), (0.15, 0.9))
            _rectangle(image, left, bottom - height, left + width, bottom, colour)
            left += width + (rng.uniform(0, 0.08) if rng.random() < 0.1 else 0.002)
        _rectangle(image, 0, bottom, 1, bottom + 0.02, board)
    if rng.random() < 0.6:
        _floor(rng, image, rng.uniform(0.75, 0.95))
    return image


def hall(rng: np.random.Generator, size: int) -> np.ndarray:
    """A deep hall: pillars or lockers, a lit ceiling, a shining floor."""
    top, bottom = _wall_colour(rng), _wall_colour(rng) * 0.7
    image = _vertical(top, bottom, size)
    floor, count = rng.uniform(0.55, 0.85), int(rng.integers(3, 14))
    pillar = painting.draw_colour(rng, saturation=(0.0, 0.7), value=(0.2, 0.85))
    share = rng.uniform(0.25, 0.8)
    for i in range(count):
        _rectangle(
            image, i / count, rng.uniform(0.0, 0.04), (i + share) / count, floor, pillar * rng.uniform(0.85, 1.1)
        )
    if rng.random() < 0.6:
        for i in range(int(rng.integers(2, 6))):
            centre = rng.uniform(0, 1)
            _rectangle(image, centre, 0.02 + 0.03 * i, centre + 0.15, 0.035 + 0.03 * i, np.full(3, 1.0))
    _floor(rng, image, floor)
    start = int(floor * size)
    mirrored = image[:start][::-1][: size - start]
    image[start : start + len(mirrored)] += 0.3 * (mirrored - image[start : start + len(mirrored)])
    return image


def studio(rng: np.random.Generator, size: int) -> np.ndarray:
    """A seamless paper or mottled cloth, lit from one side."""
    row, col = np.mgrid[:size, :size].astype(np.float32) / size
    glow = np.exp(-(((col - rng.uniform(0.2, 0.8)) / 0.5) ** 2) - ((row - rng.uniform(0.2, 0.7)) / 0.5) ** 2)[..., None]
    colour = painting.draw_colour(rng, saturation=(0.0, 0.6), value=(0.2, 0.95))
    return np.float32(colour) * (0.5 + 0.55 * glow) * (1 + rng.uniform(0, 0.1) * _noise(rng, size, 0.03, 1.5))


def _sky(rng: np.random.Generator, size: int) -> np.ndarray:
    """Blue, grey or evening sky with clouds."""
    kind = rng.integers(3)
    if kind == 0:
        image = _vertical(
            painting.draw_colour(rng, (0.55, 0.62), (0.35, 0.7), (0.6, 0.9)), np.array([0.82, 0.89, 0.95]), size
        )
    elif kind == 1:
        top, bottom = rng.uniform(0.6, 0.92, (2, 1)) * [0.97, 1.0, 1.03]
        image = _vertical(top, bottom, size)
    else:
        warm = painting.draw_colour(rng, (0.02, 0.12), (0.2, 0.6), (0.8, 1.0))
        image = _vertical(painting.draw_colour(rng, (0.57, 0.66), (0.15, 0.5), (0.45, 0.75)), warm, size)
    clouds = np.clip(_noise(rng, size, 0.015, 1.6) * 0.5 + rng.uniform(-0.3, 0.3), 0, 1)
    return image + clouds * (np.array([0.95, 0.95, 0.96]) * rng.uniform(0.8, 1.0) - image) * 0.8


def _below(rng: np.random.Generator, size: int, height: float, roughness: float) -> np.ndarray:
    """Mask [size, size] of what lies under a random skyline around a height (share of the canvas from the top)."""
    profile = painting.periodic_noise(rng, 1, 1024, wavelength=5.0, slope=1.2)[0]
    profile = np.interp(np.linspace(0, 511, size), np.arange(512), profile[:512])
    return np.arange(size)[:, None] / size > height + roughness * profile[None]


def _foliage(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> None:
    size = len(image)
    leaf = painting.draw_colour(rng, (0.18, 0.36), (0.25, 0.6), (0.18, 0.5))
    shade = np.clip(0.85 + 0.35 * _noise(rng, size, 0.008, 0.8), 0.2, 2.0)
    np.copyto(image, leaf * shade, where=mask[..., None])


def _ground(rng: np.random.Generator, image: np.ndarray, horizon: float, near: np.ndarray) -> None:
    """Paints open ground below the horizon (share of the canvas): grain that is finer towards it."""
    size = len(image)
    start = int(horizon * size)
    far = near * rng.uniform(0.8, 1.2)
    t = np.linspace(0, 1, size - start, dtype=np.float32)[:, None, None]
    grain = _noise(rng, size, 0.006, 0.7)[..., 0]
    rows = (np.sqrt(np.linspace(0, 1, size - start)) * (size - 1)).astype(int)
    mottle = 1 + rng.uniform(0.02, 0.07) * grain[rows][..., None]
    image[start:] = (np.float32(far) * (1 - t) + np.float32(near) * t) * mottle


def park(rng: np.random.Generator, size: int) -> np.ndarray:
    """Trees behind a lawn."""
    image = _sky(rng, size)
    horizon = rng.uniform(0.55, 0.85)
    for height in np.sort(rng.uniform(0.0, horizon - 0.05, int(rng.integers(1, 4)))):
        _foliage(rng, image, _below(rng, size, float(height), 0.07))
    for _ in range(int(rng.integers(0, 5))):
        left, width = rng.uniform(0, 1), rng.uniform(0.01, 0.05)
        _rectangle(
            image, left, 0, left + width, horizon, painting.draw_colour(rng, (0.04, 0.1), (0.1, 0.5), (0.1, 0.4))
        )
    _ground(rng, image, horizon, painting.draw_colour(rng, (0.16, 0.3), (0.2, 0.6), (0.3, 0.65)))
    return image


def street(rng: np.random.Generator, size: int) -> np.ndarray:
    """House fronts with rows of windows, a pavement."""
    image = _sky(rng, size)
    horizon, left = rng.uniform(0.65, 0.88), rng.uniform(-0.2, 0)
    while left < 1:
        width, top = rng.uniform(0.2, 0.6), rng.uniform(-0.3, 0.3)
        front = painting.draw_colour(rng, (0.0, 0.15), (0.05, 0.5), (0.3, 0.85))
        _rectangle(image, left, top, left + width, horizon, front)
        glass = painting.draw_colour(rng, (0.5, 0.65), (0.0, 0.4), (0.1, 0.7))
        columns, pitch = int(rng.integers(2, 6)), rng.uniform(0.1, 0.2)
        share = rng.uniform(0.4, 0.75)
        for row in np.arange(top + 0.05, horizon - pitch, pitch):
            for i in range(columns):
                x = left + (i + 0.5 - share / 2) * width / columns
                tone = glass * rng.uniform(0.7, 1.2)
                _rectangle(image, x, row, x + share * width / columns, row + 0.65 * pitch, tone)
        left += width
    _ground(rng, image, horizon, painting.draw_colour(rng, saturation=(0.0, 0.12), value=(0.25, 0.7)))
    _clutter(rng, image, horizon, int(rng.integers(0, 4)))
    return image


def hills(rng: np.random.Generator, size: int) -> np.ndarray:
    """Hills one behind another, hazier with distance, or a shore."""
    image = _sky(rng, size)
    hue, haze = rng.uniform(0.08, 0.6), image[size // 2].mean(0)
    layers = int(rng.integers(2, 5))
    for i in range(layers):
        near = (i + 1) / layers
        mask = _below(rng, size, 0.25 + 0.45 * near + rng.uniform(-0.08, 0.08), 0.06)
        colour = painting.draw_colour(rng, (hue - 0.05, hue + 0.05), (0.15, 0.5), (0.25, 0.65))
        layer = (near * colour + (1 - near) * haze) * (1 + 0.045 * near * _noise(rng, size, 0.01, 0.9))
        np.copyto(image, layer, where=mask[..., None])
    return image


def court(rng: np.random.Generator, size: int) -> np.ndarray:
    """A sports ground: painted lines, a fence or hoarding, trees behind."""
    image = _sky(rng, size)
    horizon = rng.uniform(0.5, 0.8)
    _foliage(rng, image, _below(rng, size, rng.uniform(0.0, 0.35), 0.05))
    fence = painting.draw_colour(rng, value=(0.15, 0.9))
    count = int(rng.integers(1, 8))
    for i in range(count):
        _rectangle(
            image,
            i / count,
            horizon - rng.uniform(0.06, 0.2),
            (i + 0.97) / count,
            horizon,
            fence * rng.uniform(0.7, 1.2),
        )
    _ground(rng, image, horizon, painting.draw_colour(rng, (0.0, 0.65), (0.15, 0.6), (0.3, 0.7)))
    row, col = np.mgrid[:size, :size].astype(np.float32) / size
    for _ in range(int(rng.integers(1, 4))):
        slope, at = rng.uniform(-0.15, 0.15), rng.uniform(horizon + 0.02, 1)
        line = (np.abs(row - at - slope * (col - 0.5)) < 0.008) & (row > horizon)
        image[line] = 0.9
    return image
