"""Painters of cloth that is printed or dyed as a piece.

Each takes (rng, size) and returns Painted. Motifs are stamped around the repeat's edges, so that it tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from synthesis.scene import fabric_structures as structures
from synthesis.scene import painting
from synthesis.scene.fabric_weaves import Painted

# What is written on clothes: drawn letters in these patterns, c a consonant and v a vowel.
_WORDS = ("cvcv", "vcv", "cvc", "cvcvc", "ccv")
_CONSONANTS, _VOWELS = "BDFKLMNRSTVZ", "AEIOU"

# Metres between the threads of shirts and dresses that are printed on.
_THREAD = 5e-4

# Signed distance inwards from a motif's outline, nearly: of (dx, dy) in the motif's own frame; all in its radii.
_Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


def stripes(rng: np.random.Generator, size: int) -> Painted:
    """Bands across or along the cloth, even as a sailor's or of mixed widths."""
    metres = rng.uniform(0.04, 0.18)
    ticks = (np.arange(size) + 0.5) / size
    if rng.random() < 0.5:
        count = int(rng.integers(2, 7))
        band = (ticks * count % 1 < rng.uniform(0.25, 0.6)).astype(int)
        palette = painting.draw_palette(rng, 2)
    else:
        edges = np.sort(rng.uniform(0, 1, 2 * int(rng.integers(2, 5))))
        band = np.searchsorted(edges, ticks) % len(edges)
        order = np.concatenate([[0], rng.integers(0, 4, len(edges) - 1)])
        band = order[band]
        palette = painting.draw_palette(rng, 4)
    colour = palette[band]
    image = colour[:, None] if rng.random() < 0.65 else colour[None]
    return on_cloth(rng, np.broadcast_to(image, (size, size, 3)), metres)


def dots(rng: np.random.Generator, size: int) -> Painted:
    """Polka dots, staggered."""
    ground, *others = painting.draw_palette(rng, 2 if rng.random() < 0.7 else 4)
    image = np.tile(ground, (size, size, 1))
    count = int(rng.integers(3, 7))
    radius = rng.uniform(0.14, 0.36) / count
    for k in range(2 * count * count):
        row, col = divmod(k, count)
        at = ((row + 0.5) / (2 * count), (col + 0.25 + 0.5 * (row % 2)) / count)
        # Rows are half as far apart as columns, which staggers the dots at 45 degrees.
        _stamp(image, at, radius, 0.0, _disc, others[(row + col) % len(others)])
    return on_cloth(rng, image, count * rng.uniform(0.012, 0.06))


def flowers(rng: np.random.Generator, size: int) -> Painted:
    """Flowers with hearts and leaves, strewn over a ground."""
    ground, leaf, *petals = painting.draw_palette(rng, 5)
    if rng.random() < 0.6:
        leaf = painting.draw_colour(rng, (0.2, 0.42), (0.25, 0.6), (0.2, 0.6))
    image = np.tile(ground, (size, size, 1))
    heart = painting.draw_colour(rng, (0.08, 0.16), (0.5, 0.9), (0.5, 0.95))
    largest, count = rng.uniform(0.06, 0.13), int(rng.integers(4, 8))
    places = _strewn(rng, largest, int(0.55 / (np.pi * largest**2)))
    for at in places:
        radius, turn = largest * rng.uniform(0.5, 1.0), rng.uniform(0, 2 * np.pi)
        for side in rng.uniform(0, 2 * np.pi, int(rng.integers(1, 4))):
            _stamp(image, _beside(at, side, 1.0 * radius), 0.75 * radius, side, _leaf, leaf * rng.uniform(0.85, 1.1))
        colour = petals[int(rng.integers(len(petals)))]
        _stamp(image, at, radius, turn, _flower(count, 0.75), colour)
        _stamp(image, at, 0.62 * radius, turn + 0.4, _flower(count, 0.7), 0.8 * colour)
        _stamp(image, at, 0.24 * radius, 0.0, _disc, heart)
    for at in rng.uniform(0, 1, (len(places), 2)):
        _stamp(image, at, rng.uniform(0.006, 0.016), 0.0, _disc, leaf)
    return on_cloth(rng, image, rng.uniform(0.12, 0.45))


def leaves(rng: np.random.Generator, size: int) -> Painted:
    """Palm fronds and large leaves over one another."""
    ground, *_ = painting.draw_palette(rng, 2)
    image = np.tile(ground, (size, size, 1))
    hue = rng.uniform(0, 1) if rng.random() < 0.4 else rng.uniform(0.25, 0.45)
    for at in rng.uniform(0, 1, (int(rng.integers(8, 16)), 2)):
        colour = painting.draw_colour(rng, (hue - 0.06, hue + 0.06), (0.25, 0.7), (0.2, 0.8))
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.14, 0.26)
        if rng.random() < 0.5:
            for share in np.linspace(0.1, 1, 9):
                stem = _beside(at, turn, (share - 0.5) * 2 * length)
                reach = 0.75 * length * (1.1 - share)
                for lean in (0.7, -0.7):
                    _stamp(image, _beside(stem, turn + lean, 0.8 * reach), reach, turn + lean, _blade, colour)
        else:
            _stamp(image, at, length, turn, _leaf, colour)
            _stamp(image, at, 0.95 * length, turn, _vein, 0.7 * colour)
    return on_cloth(rng, image, rng.uniform(0.25, 0.6))


def paisley(rng: np.random.Generator, size: int) -> Painted:
    """Curved drops within drops, with dotted rims."""
    ground, first, second, third = painting.draw_palette(rng, 4)
    image = np.tile(ground, (size, size, 1))
    largest = rng.uniform(0.09, 0.14)
    for at in _strewn(rng, largest, 40):
        turn, radius = rng.uniform(0, 2 * np.pi), largest * rng.uniform(1.0, 1.4)
        for scale, colour in ((1.0, first), (0.86, ground), (0.76, second), (0.5, third), (0.3, ground)):
            # The drops share their round end's centre.
            _stamp(image, at, scale * radius, turn, _drop, colour)
        for angle in np.arange(0, 2 * np.pi, np.pi / 9):
            _stamp(image, _beside(at, angle, 1.12 * 0.6 * radius), 0.05 * radius, 0.0, _disc, third)
        _stamp(image, at, 0.17 * radius, turn, _flower(6, 0.6), first)
    for at in rng.uniform(0, 1, (60, 2)):
        _stamp(image, at, 0.008, 0.0, _disc, first)
    return on_cloth(rng, image, rng.uniform(0.12, 0.35), shine=0.1)


def lettering(rng: np.random.Generator, size: int) -> Painted:
    """A made-up word or badge, large as on a sports shirt or small all over."""
    ground, ink, other = painting.draw_palette(rng, 3)
    image = np.tile(ground, (size, size, 1))
    word = "".join(rng.choice(list(_CONSONANTS if c == "c" else _VOWELS)) for c in rng.choice(_WORDS))
    rows = int(rng.integers(2, 5))
    for row in range(rows):
        centre = np.array([(row + 0.5) / rows, 0.25 + 0.5 * (row % 2)])
        if row % 2 and rng.random() < 0.7:
            radius = 0.42 / rows
            for scale, colour in ((1.0, ink), (0.86, ground), (0.78, other)):
                _stamp(image, centre, scale * radius, 0.0, _disc, colour)
            _write(image, centre, word[0], 1.0 * radius, ground)
        else:
            _write(image, centre, word, 0.5 / rows, ink)
            _write(image, (centre[0], centre[1] + 0.5), word[::-1], 0.5 / rows, other)
    return on_cloth(rng, image, rng.uniform(0.25, 0.6))


def geometric(rng: np.random.Generator, size: int) -> Painted:
    """Chevrons, triangles, scales or a lattice in a few colours."""
    palette = painting.draw_palette(rng, 3)
    ticks = (np.arange(size) + 0.5) / size
    row, col = ticks[:, None], ticks[None]
    count, kind = int(rng.integers(3, 7)), rng.integers(4)
    if kind == 0:
        cell = np.floor(2 * count * row + 2 * np.abs(count * col % 1 - 0.5)).astype(int) % 2
    elif kind == 1:
        x, y = count * col % 1, count * row % 1
        cell = np.where(x > y, 0, 1) + (np.floor(count * col) + np.floor(count * row)).astype(int) % 2
    elif kind == 2:
        cell = np.zeros((size, size), int)
        for level in range(2 * count + 2, -1, -1):
            x = (count * col + 0.5 * (level % 2)) % 1 - 0.5
            away = np.hypot(x, count * row - level / 2 + 0.5)
            cell = np.where(away < 0.5, 1, cell)
            cell = np.where(away < 0.4, 0, cell)
            cell = np.where(away < 0.2, 2, cell)
    else:
        x, y = np.abs(count * col % 1 - 0.5), np.abs(count * row % 1 - 0.5)
        cell = np.where(np.abs(x + y - 0.5) < 0.07, 1, np.where(x + y < 0.18, 2, 0))
    return on_cloth(rng, palette[cell % 3], count * rng.uniform(0.02, 0.07))


def camouflage(rng: np.random.Generator, size: int) -> Painted:
    """Rounded blobs of four related colours."""
    hue = rng.uniform(0.1, 0.3) if rng.random() < 0.6 else rng.uniform(0, 1)
    image = np.tile(painting.draw_colour(rng, (hue, hue + 0.05), (0.2, 0.4), (0.5, 0.7)), (size, size, 1))
    for level, value in ((0.2, (0.35, 0.5)), (0.6, (0.22, 0.35)), (1.05, (0.08, 0.2))):
        noise = painting.periodic_noise(rng, size, size, wavelength=size / 14, slope=0.6)
        blobs = noise + 0.12 * painting.periodic_noise(rng, size, size, wavelength=size / 60, slope=0.6) > level
        image[blobs] = painting.draw_colour(rng, (hue - 0.04, hue + 0.08), (0.15, 0.5), value)
    return on_cloth(rng, image, rng.uniform(0.25, 0.5), structures.TWILL_2_2)


def animal(rng: np.random.Generator, size: int) -> Painted:
    """Leopard's rosettes or zebra's bands."""
    if rng.random() < 0.6:
        ground = painting.draw_colour(rng, (0.07, 0.12), (0.3, 0.6), (0.6, 0.85))
        image = np.tile(ground, (size, size, 1))
        radius = rng.uniform(0.03, 0.045)
        dark = painting.draw_colour(rng, (0.03, 0.1), (0.3, 0.6), (0.07, 0.18))
        bend = 0.012 * painting.periodic_noise(rng, size, size, wavelength=size / 20, slope=1.0)
        for at in _strewn(rng, radius, int(0.7 / (np.pi * radius**2))):
            _stamp(image, at, radius * rng.uniform(0.8, 1.1), rng.uniform(0, 6.3), _rosette(rng), dark)
            _stamp(image, at, 0.45 * radius, 0.0, _disc, 0.75 * ground)
        image = _warped(image, bend)
    else:
        bend = 0.9 * painting.periodic_noise(rng, size, size, wavelength=size / 6, slope=1.5)
        row = (np.arange(size)[:, None] + 0.5) / size
        wave = np.sin(2 * np.pi * (int(rng.integers(5, 9)) * row) + 2.2 * bend) + 0.3 * bend
        share = np.clip(wave * size / 60 + 0.5, 0, 1)
        image = painting.mix(np.array([0.93, 0.91, 0.86]), np.array([0.08, 0.07, 0.07]), share)
    return on_cloth(rng, image, rng.uniform(0.2, 0.5))


def dip_dyed(rng: np.random.Generator, size: int) -> Painted:
    """One colour that fades into another down the cloth."""
    first, second = painting.draw_palette(rng, 2)
    row = (np.arange(size)[:, None] + 0.5) / size
    drift = 0.03 * painting.periodic_noise(rng, size, size, wavelength=size / 20, slope=1.5)
    share = 0.5 - 0.5 * np.cos(2 * np.pi * (row + drift))
    return on_cloth(rng, painting.mix(first, second, share), rng.uniform(0.8, 1.4))


def tie_dyed(rng: np.random.Generator, size: int) -> Painted:
    """Rings, stars and swirls about knots, bleeding into the white."""
    palette = np.stack(
        [np.full(3, 0.93), *(painting.draw_colour(rng, saturation=(0.5, 0.9), value=(0.4, 0.9)) for _ in range(3))]
    )
    ticks = (np.arange(size) + 0.5) / size - 0.5
    row, col = np.sin(np.pi * ticks)[:, None] * 0.5, np.sin(np.pi * ticks)[None] * 0.5
    # Distances about the middle that have no kink at the repeat's edges.
    radius = np.hypot(row, col) + 0.012 * painting.periodic_noise(rng, size, size, wavelength=size / 40, slope=1.0)
    fade = np.clip(1.3 - 2.6 * np.maximum(np.abs(row), np.abs(col)), 0, 1)
    swirl = np.cos(int(rng.integers(1, 6)) * np.arctan2(row, col) + rng.uniform(0, 14) * radius)
    clouds = painting.periodic_noise(rng, size, size, wavelength=size / 30, slope=1.2)
    phase = rng.uniform(2.5, 5) * radius + rng.uniform(0.05, 0.25) * fade * swirl + 0.05 * clouds
    place = phase % 1 * len(palette)
    index, share = place.astype(int) % len(palette), place % 1
    image = painting.mix(palette[index], palette[(index + 1) % len(palette)], np.clip(2.2 * share - 0.6, 0, 1))
    veins = painting.periodic_noise(rng, size, size, wavelength=size / 50, slope=0.8)
    image = painting.mix(image, palette[0], 0.5 * np.exp(-((veins / 0.2) ** 2)))
    return on_cloth(rng, image, rng.uniform(0.4, 0.8))


def on_cloth(
    rng: np.random.Generator, image: np.ndarray, metres: float, draft: np.ndarray = structures.PLAIN, shine: float = 0.0
) -> Painted:
    """Prints a tileable picture on fine cloth, whose threads show faintly.

    Args:
        rng: of the grain.
        image: [size, size, 3] sRGB 0..1.
        metres: of the repeat.
        draft: of the weave.
        shine: by how much the cloth is less rough than cotton.
    """
    size = len(image)
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, _THREAD, 4), draft)
    # Texels hold coarser threads than the cloth has; those must not stand out as much as real ones of their size.
    fineness = min(_THREAD * cloth.threads / metres, 1.0)
    grain = 1 + 0.02 * painting.periodic_noise(rng, size, size, wavelength=1.2, slope=0.2)[..., None]
    colour = image * grain * structures.shade(cloth.height, 0.12 * fineness)
    return Painted(colour, fineness * cloth.height, metres, 0.85 - shine)


def _strewn(rng: np.random.Generator, radius: float, count: int) -> np.ndarray:
    """Places [n, 2] in the unit square, at most `count`, about two radii apart, around its edges too."""
    places: list[np.ndarray] = []
    for at in rng.uniform(0, 1, (30 * count, 2)):
        gaps = np.abs(np.array(places).reshape(-1, 2) - at)
        if len(places) < count and np.hypot(*np.minimum(gaps, 1 - gaps).T).min(initial=1.0) > 1.9 * radius:
            places.append(at)
    return np.array(places)


def _beside(at: np.ndarray, turn: float, distance: float) -> np.ndarray:
    """The place (row, col) at a distance in direction `turn`, radians from +col towards -row."""
    return np.array([at[0] - distance * np.sin(turn), at[1] + distance * np.cos(turn)])


def _stamp(image: np.ndarray, at, radius: float, turn: float, shape: _Shape, colour: np.ndarray) -> None:
    """Paints a motif of a radius (share of the repeat) around (row, col), across the edges where need be."""
    size = len(image)
    reach = int(np.ceil(radius * size)) + 2
    middle = np.floor(np.asarray(at) * size).astype(int)
    span = np.arange(-reach, reach + 1)
    dy = -((middle[0] + span + 0.5) / size - at[0])[:, None] / radius
    dx = ((middle[1] + span + 0.5) / size - at[1])[None] / radius
    cos, sin = np.cos(turn), np.sin(turn)
    coverage = np.clip(shape(cos * dx + sin * dy, cos * dy - sin * dx) * radius * size + 0.5, 0, 1)[..., None]
    place = np.ix_((middle[0] + span) % size, (middle[1] + span) % size)
    image[place] += coverage * (np.float32(colour) - image[place])


def _disc(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return 1 - np.hypot(dx, dy)


def _flower(petals: int, inner: float) -> _Shape:
    def shape(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        lobe = np.abs(np.cos(petals / 2 * np.arctan2(dy, dx))) ** 0.6
        return (1 - inner) + inner * lobe - np.hypot(dx, dy)

    return shape


def _leaf(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return 0.42 * (1 - dx**2) - np.abs(dy)


def _blade(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return 0.13 * (1 - dx**2) - np.abs(dy)


def _vein(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    along = np.abs((dx - np.abs(dy)) * 3 % 1 - 0.5) / 3
    ribs = np.where(np.abs(dy) < 0.36 * (1 - dx**2), 0.018 - along * 0.7, -1)
    return np.maximum(ribs, 0.03 - np.abs(dy) - 10 * np.clip(np.abs(dx) - 0.9, 0, None))


def _drop(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """A drop whose tip, at (0.95, 0.3), bends over; its round end's centre is the origin."""
    t = np.clip(dx, 0, 1)
    return 0.6 * (1 - t) ** 0.7 - np.hypot(dx - t, dy - 0.45 * t**2)


def _rosette(rng: np.random.Generator) -> _Shape:
    gaps = rng.uniform(0, 2 * np.pi, 2)

    def shape(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        angle = np.arctan2(dy, dx)
        ring = 0.3 - np.abs(np.hypot(dx, dy) - 0.65)
        for gap in gaps:
            ring = np.minimum(ring, 2.0 * np.abs(np.sin((angle - gap) / 2)) - 0.35)
        return ring

    return shape


def _write(image: np.ndarray, at, word: str, height: float, colour: np.ndarray) -> None:
    """Letters at most `height` high (share of the repeat) and half a repeat wide, centred on (row, col)."""
    size = len(image)
    # At scale 1 these letters are 22 px high and, drawn bold, up to 25 px apart.
    scale = size * min(height / 22, 0.46 / (25 * len(word)))
    thickness = max(int(3.2 * scale), 1)
    (width, tall), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    mask = np.zeros((tall + 4 * thickness, width + 4 * thickness), np.uint8)
    cv2.putText(
        mask, word, (2 * thickness, tall + 2 * thickness), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA
    )
    rows = (int(at[0] * size) - mask.shape[0] // 2 + np.arange(mask.shape[0])) % size
    cols = (int(at[1] * size) - mask.shape[1] // 2 + np.arange(mask.shape[1])) % size
    place = np.ix_(rows, cols)
    image[place] += (mask / 255.0)[..., None] * (np.float32(colour) - image[place])


def _warped(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Moves texels along both axes by shares of the repeat."""
    size = len(image)
    index = np.arange(size)
    moved = np.rint(shift * size).astype(int)
    return image[(index[:, None] + moved) % size, (index[None] + moved.T) % size]
