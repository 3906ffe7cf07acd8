"""Painters of cloth whose look comes from its threads: woven and knitted.

Each takes (rng, size) and returns Painted. Threads are as fine as cloth has them, or as the texels can show.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.scene import fabric_structures as structures
from synthesis.scene import painting


@dataclasses.dataclass(frozen=True, eq=False)
class Painted:
    """One repeat of a cloth.

    Attributes:
        colour: [size, size, 3] sRGB 0..1.
        height: [size, size] metres.
        metres: of the repeat.
        roughness: of the GGX lobe.
    """

    colour: np.ndarray
    height: np.ndarray
    metres: float
    roughness: float


def plain(rng: np.random.Generator, size: int) -> Painted:
    """One colour in plain weave: poplin to canvas."""
    metres = 0.05
    cloth = structures.weave(
        size, metres, structures.thread_count(size, metres, rng.uniform(4e-4, 9e-4), 2), structures.PLAIN
    )
    colour = painting.draw_dye(rng) * structures.shade(cloth.height, 0.2)
    return Painted(colour, cloth.height, metres, rng.uniform(0.75, 0.9))


def satin(rng: np.random.Generator, size: int) -> Painted:
    """Long floats of one colour that shine."""
    metres = 0.05
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 5e-4, 5), structures.SATIN_5)
    colour = painting.draw_dye(rng) * structures.shade(cloth.height, 0.1)
    return Painted(colour, 0.5 * cloth.height, metres, rng.uniform(0.4, 0.55))


def chambray(rng: np.random.Generator, size: int) -> Painted:
    """Plain weave of a coloured warp and a white weft, uneven threads: chambray, oxford, linen."""
    metres = 0.06
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 6e-4, 2), structures.PLAIN)
    threads = _uneven(rng, cloth.threads, 0.06)
    warp, weft = painting.draw_dye(rng), np.array([0.9, 0.89, 0.86])
    colour = _woven(cloth, warp * threads[0][:, None], weft * threads[1][:, None])
    return Painted(colour * structures.shade(cloth.height, 0.25), cloth.height, metres, 0.85)


def denim(rng: np.random.Generator, size: int) -> Painted:
    """Twill of a dyed warp, 3 over 1, and a white weft; uneven warp threads give its streaks."""
    metres = 0.09
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 6e-4, 4), structures.TWILL_3_1)
    if rng.random() < 0.75:
        dye = painting.draw_colour(rng, hue=(0.58, 0.63), saturation=(0.45, 0.75), value=(0.2, 0.55))
    else:
        dye = painting.draw_dye(rng) * 0.8
    warp, weft = _uneven(rng, cloth.threads, 0.14)[0], _uneven(rng, cloth.threads, 0.04)[1]
    washed = rng.uniform(0.0, 0.35)
    dye = dye + washed * (np.array([0.72, 0.78, 0.85]) - dye)
    colour = _woven(cloth, dye * warp[:, None], (0.6 * np.array([0.82, 0.83, 0.82]) + 0.4 * dye) * weft[:, None])
    slubs = 1 + 0.05 * painting.periodic_noise(rng, size, size, wavelength=1.5, slope=0.4)[..., None]
    return Painted(colour * slubs * structures.shade(cloth.height, 0.3), cloth.height, metres, 0.9)


def twill(rng: np.random.Generator, size: int) -> Painted:
    """One colour with diagonal lines: chinos, gabardine."""
    metres = 0.06
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 7e-4, 4), structures.TWILL_2_2)
    return Painted(painting.draw_dye(rng) * structures.shade(cloth.height, 0.28), cloth.height, metres, 0.85)


def herringbone(rng: np.random.Generator, size: int) -> Painted:
    """Twill that turns every 16 threads, a light thread against a dark one."""
    metres = rng.uniform(0.06, 0.1)
    half = 16
    rising = np.tile(structures.TWILL_2_2, (1, half // 4))
    draft = np.tile(np.concatenate([rising, rising[:, ::-1]], 1), (half // 2, 1))
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 8e-4, 2 * half), draft)
    dark = painting.draw_colour(rng, saturation=(0.0, 0.4), value=(0.12, 0.45))
    colour = _woven(cloth, np.tile(dark, (cloth.threads, 1)), np.tile(0.5 * dark + 0.4, (cloth.threads, 1)))
    return Painted(colour * structures.shade(cloth.height, 0.2), cloth.height, metres, 0.9)


def houndstooth(rng: np.random.Generator, size: int) -> Painted:
    """Four dark and four light threads, both ways, in 2/2 twill: the teeth come by themselves."""
    checks = int(rng.integers(6, 13))
    metres = checks * rng.uniform(0.008, 0.022)
    cloth = structures.weave(size, metres, 8 * checks, structures.TWILL_2_2)
    threads = painting.draw_palette(rng, 2)[(np.arange(cloth.threads) // 4) % 2]
    return Painted(_woven(cloth, threads, threads) * structures.shade(cloth.height, 0.12), cloth.height, metres, 0.9)


def plaid(rng: np.random.Generator, size: int) -> Painted:
    """Tartan: a mirrored sett, the same for warp and weft, in 2/2 twill."""
    metres = rng.uniform(0.08, 0.22)
    cloth = structures.weave(size, metres, structures.thread_count(size, metres, 8e-4, 4), structures.TWILL_2_2)
    colours = painting.draw_palette(rng, 4)
    bands = int(rng.integers(4, 8))
    edges = np.cumsum(rng.dirichlet(np.full(bands, 0.8)))[:-1]
    sett = [0] + [int(k) for k in rng.choice(4, bands - 1, p=[0.3, 0.3, 0.2, 0.2])]
    half = np.abs(2 * (np.arange(cloth.threads) + 0.5) / cloth.threads - 1)
    threads = colours[sett][np.searchsorted(edges, half)]
    return Painted(_woven(cloth, threads, threads) * structures.shade(cloth.height, 0.1), cloth.height, metres, 0.88)


def gingham(rng: np.random.Generator, size: int) -> Painted:
    """White and one colour in even checks, plain weave."""
    checks = int(rng.integers(4, 9))
    metres = checks * rng.uniform(0.006, 0.03)
    per_check = max(int(size / 4 / checks) // 4 * 2, 2)
    cloth = structures.weave(size, metres, 2 * checks * per_check, structures.PLAIN)
    dye = painting.draw_colour(rng, saturation=(0.35, 0.85), value=(0.1, 0.75))
    threads = np.stack([np.full(3, 0.93), dye])[(np.arange(cloth.threads) // per_check) % 2]
    return Painted(_woven(cloth, threads, threads) * structures.shade(cloth.height, 0.1), cloth.height, metres, 0.85)


def pinstripe(rng: np.random.Generator, size: int) -> Painted:
    """A dark suiting with single light warp threads."""
    lines = int(rng.integers(3, 7))
    metres = lines * rng.uniform(0.01, 0.025)
    per_line = max(int(size / structures.TEXELS_PER_THREAD / lines) // 4 * 4, 4)
    cloth = structures.weave(size, metres, lines * per_line, structures.TWILL_2_2)
    ground = painting.draw_colour(rng, (0.55, 0.7), (0.0, 0.45), (0.08, 0.32))
    warp = np.tile(ground, (cloth.threads, 1))
    warp[np.arange(cloth.threads) % per_line < int(rng.integers(1, 3))] = 0.35 * ground + rng.uniform(0.35, 0.6)
    weft = np.tile(ground, (cloth.threads, 1))
    return Painted(_woven(cloth, warp, weft) * structures.shade(cloth.height, 0.2), cloth.height, metres, 0.85)


def corduroy(rng: np.random.Generator, size: int) -> Painted:
    """Velvet ridges with narrow grooves."""
    ribs = int(rng.integers(10, 20))
    metres = ribs * rng.uniform(0.002, 0.005)
    height = structures.rib(size, metres, ribs, sharpness=1.9) + structures.fuzz(rng, size, metres, 5e-5)
    dye = painting.draw_dye(rng)
    pile = 1 + 0.05 * painting.periodic_noise(rng, size, size, wavelength=1.5, slope=0.5)[..., None]
    return Painted(dye * pile * structures.shade(height, 0.55), height, metres, 0.95)


def knit(rng: np.random.Generator, size: int) -> Painted:
    """Stockinette: columns of V, from jersey to a chunky pullover."""
    wales = int(rng.integers(20, 40))
    metres = wales * rng.uniform(0.0015, 0.006)
    height = structures.knit(size, metres, wales)
    colour = painting.draw_dye(rng)
    if rng.random() < 0.3:
        colour = _rows_of(rng, size, wales, painting.draw_palette(rng, 3))
    return Painted(colour * structures.shade(height, 0.45), height, metres, 0.95)


def rib(rng: np.random.Generator, size: int) -> Painted:
    """Knitted ridges, as pullovers' cuffs and polo necks have."""
    ribs = int(rng.integers(8, 16))
    metres = ribs * rng.uniform(0.003, 0.009)
    stitches = structures.knit(size, metres, 4 * ribs)
    height = structures.rib(size, metres, ribs) + 0.6 * stitches
    colour = painting.draw_dye(rng) * structures.shade(stitches, 0.15) * structures.shade(height, 0.4)
    return Painted(colour, height, metres, 0.92)


def heather(rng: np.random.Generator, size: int) -> Painted:
    """Jersey of mixed fibres: sweatshirts and T-shirts in melange."""
    metres = 0.1
    height = structures.knit(size, metres, 64)
    base, other = painting.draw_palette(rng, 2)
    other = base + 0.45 * (other - base)
    # Fibres run along the rows: noise that is long one way.
    fibres = painting.periodic_noise(rng, size * 4, size, wavelength=1.5, slope=0.3).reshape(size, 4, size).mean(1)
    colour = painting.mix(base, other, np.clip(0.35 + 0.3 * fibres / fibres.std(), 0, 1))
    return Painted(colour * structures.shade(height, 0.15), height, metres, 0.92)


def argyle(rng: np.random.Generator, size: int) -> Painted:
    """Diamonds and thin crossing lines, knitted."""
    wales, count = 64, int(rng.integers(2, 4))
    metres = count * rng.uniform(0.06, 0.12)
    height = structures.knit(size, metres, wales)
    ground, first, second, line = painting.draw_palette(rng, 4)
    # Colours change from stitch to stitch.
    stitch = (np.floor((np.arange(size) + 0.5) / size * wales) + 0.5) / wales * count
    row, col = stitch[:, None], stitch[None]
    inside = np.abs(col % 1 - 0.5) + np.abs(row % 1 - 0.5) < 0.5
    alternate = (np.floor(col) + np.floor(row)) % 2 < 1
    colour = np.where(inside[..., None], np.where(alternate[..., None], first, second), ground)
    for slope in (1, -1):
        crossing = np.abs((col + slope * row) % 1 - 0.5) < 0.6 * count / wales
        colour[crossing] = line
    return Painted(colour * structures.shade(height, 0.35), height, metres, 0.92)


def _woven(cloth: structures.Structure, warp: np.ndarray, weft: np.ndarray) -> np.ndarray:
    """Colours [size, size, 3] of a weave from those of its threads, warp [threads, 3] and weft [threads, 3]."""
    return np.where(cloth.warp_on_top[..., None], warp[cloth.warp][None], weft[cloth.weft][:, None])


def _uneven(rng: np.random.Generator, threads: int, depth: float) -> np.ndarray:
    """Brightness [2, threads] of warp and weft threads: spun yarn is never even."""
    return 1 + depth * np.clip(rng.standard_normal((2, threads)), -2, 2)


def _rows_of(rng: np.random.Generator, size: int, courses: int, palette: np.ndarray) -> np.ndarray:
    """Bands of whole courses in a palette's colours [size, 1, 3]."""
    bands = np.repeat(rng.integers(len(palette), size=courses), rng.integers(1, 6, courses))[:courses]
    return palette[bands[(np.arange(size) + 0.5).astype(int) * courses // size]][:, None]
