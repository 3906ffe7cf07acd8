"""How cloth is made, thread by thread: the relief of weaves and knits, and which thread of a weave lies on top.

Everything tiles. Arrays are [size, size] over one repeat, row 0 at the top; heights are metres.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.scene import painting

# Drafts: 1 where the warp (threads along the columns) lies on top; rows are weft threads.
PLAIN = np.array([[1, 0], [0, 1]])
TWILL_2_2 = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]])
TWILL_3_1 = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]])
SATIN_5 = 1 - np.eye(5, dtype=int)[[0, 2, 4, 1, 3]]

# A texture shows no thread finer than this.
TEXELS_PER_THREAD = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """A cloth without colour.

    Attributes:
        height: [size, size] metres.
        warp_on_top: bool [size, size].
        warp: int [size], which warp thread each column shows.
        weft: int [size], which weft thread each row shows.
        threads: of either kind in one repeat.
    """

    height: np.ndarray
    warp_on_top: np.ndarray
    warp: np.ndarray
    weft: np.ndarray
    threads: int


def thread_count(size: int, metres: float, pitch: float, multiple: int) -> int:
    """Threads in a repeat of `metres`, about `pitch` metres apart, as many as the texels can show; a multiple."""
    wanted = min(metres / pitch, size / TEXELS_PER_THREAD)
    return max(int(wanted // multiple), 1) * multiple


def weave(size: int, metres: float, threads: int, draft: np.ndarray) -> Structure:
    """Two sets of threads that go over and under each other.

    Args:
        size: texels along a side.
        metres: of a repeat.
        threads: of either kind in a repeat; a multiple of the draft's sides.
        draft: [p, q], 1 where the warp lies on top.
    """
    signs = 2.0 * np.tile(draft, (threads // draft.shape[0], threads // draft.shape[1])) - 1
    index, inside = _threads(size, threads)
    arch = np.sqrt(1 - np.clip(1.9 * inside, -1, 1) ** 2)
    # Each thread bends between its crossings; how far it is up or down is interpolated along it.
    warp = _along(signs, index, inside)[:, index] + 0.9 * arch[None]
    weft = -_along(signs.T, index, inside)[:, index].T + 0.9 * arch[:, None]
    radius = metres / threads / 2
    return Structure(0.45 * radius * np.maximum(warp, weft), warp > weft, index, index, threads)


def _threads(size: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Which thread [size] each texel lies on and where across it, -0.5..0.5."""
    place = (np.arange(size) + 0.5) / size * threads
    index = np.minimum(place.astype(int), threads - 1)
    return index, place - index - 0.5


def _along(signs: np.ndarray, index: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Interpolates crossings [threads, n] smoothly along their first axis: [size, n]."""
    ahead = np.where(inside > 0, 1, -1)
    near, far = signs[index], signs[(index + ahead) % len(signs)]
    share = (0.5 - 0.5 * np.cos(np.pi * np.abs(inside)))[:, None]
    return near + share * (far - near)


def knit(size: int, metres: float, wales: int) -> np.ndarray:
    """Height of jersey: columns of V-shaped stitches, each course coming out of the one below."""
    place = (np.arange(size) + 0.5) / size * wales
    col = place % 1 - 0.5
    row = (place % 1)[:, None]
    height = np.zeros((size, size))
    for course in (-1, 0, 1):
        # Along a leg: 0 at the bottom of the V, 1 at its open end, which dives under the next course.
        along = course + 1 - row
        present = (along > -0.35) & (along < 1.25)
        centre = 0.09 + 0.24 * along
        arch = 1 - ((np.abs(col)[None] - centre) / 0.2) ** 2
        leg = np.sqrt(np.clip(arch, 0, 1)) * (1 - 0.45 * np.clip(along - 0.2, -0.3, 1) ** 2)
        height = np.maximum(height, np.where(present, leg, 0))
    return 0.45 * metres / wales * height


def rib(size: int, metres: float, ribs: int, sharpness: float = 1.0) -> np.ndarray:
    """Height of ridges along the columns; sharper ones have narrow grooves, as corduroy's have."""
    place = (np.arange(size) + 0.5) / size * ribs
    ridge = np.abs(np.sin(np.pi * place)) ** (1 / sharpness)
    return np.broadcast_to(0.35 * metres / ribs * ridge, (size, size))


def fuzz(rng: np.random.Generator, size: int, metres: float, depth: float) -> np.ndarray:
    """Height of fibres that stand out at random, `depth` metres deep (standard deviation)."""
    return depth * painting.periodic_noise(rng, size, size, wavelength=1.2, slope=0.2)


def shade(height: np.ndarray, depth: float) -> np.ndarray:
    """Multiplies colours [..., 1]: hollows of a relief are darker by the share `depth`, its tops brighter."""
    low, high = np.quantile(height, [0.02, 0.98])
    t = np.clip((height - low) / max(high - low, 1e-12), 0, 1)
    return (1 + depth * (t - t.mean()))[..., None]
