"""Procedural fabrics: tileable pictures with a size in metres, by kind and seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from model.errors import ConfigError
from synthesis.render.interface import Material
from synthesis.scene import painting

TEXTURE_SIZE = 256


@dataclasses.dataclass(frozen=True, eq=False)
class FabricTexture:
    """A picture of cloth.

    Attributes:
        kind: one of KINDS.
        image: uint8 [h, w, 3] sRGB, tileable.
        metres: length of one repeat, metres.
        roughness: of the GGX lobe.
    """

    kind: str
    image: np.ndarray
    metres: float
    roughness: float = 0.85

    def material(self) -> Material:
        """Look of a garment whose texture coordinates are in metres."""
        return Material(albedo=self.image, roughness=self.roughness, two_sided=True, uv_scale=1.0 / self.metres)


def make(kind: str, seed: int, size: int = TEXTURE_SIZE) -> FabricTexture:
    """Paints one fabric, size x size texels; the same kind and seed give the same picture.

    Raises:
        ConfigError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ConfigError(f"A fabric texture is one of {', '.join(KINDS)}. Received: {kind!r}")
    rng = painting.generator(kind, seed)
    colour, metres, roughness = _PAINTERS[kind](rng, size)
    # Dye is never even: a little large-scale variation keeps plain cloth from looking like plastic.
    colour = colour * (1 + 0.015 * painting.periodic_noise(rng, size, size, wavelength=8.0)[..., None])
    return FabricTexture(kind=kind, image=painting.to_uint8(colour), metres=float(metres), roughness=roughness)


Painted = tuple[np.ndarray, float, float]


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column coordinates [size, 1], [1, size] in repeats, 0..1."""
    ticks = (np.arange(size) + 0.5) / size
    return ticks[:, None], ticks[None, :]


def _wave(x: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * x)


def _two_colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two colours that can be told apart."""
    first = painting.draw_colour(rng)
    second = painting.draw_colour(rng)
    while np.abs(first - second).max() < 0.25:
        second = painting.draw_colour(rng)
    return first, second


def _mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    return first + share[..., None] * (second - first)


def _weave(size: int, threads: int, depth: float = 0.12) -> np.ndarray:
    """Shade [size, size, 1] of a plain weave: over and under threads in turn."""
    row, col = _grid(size)
    over = np.sin(np.pi * threads * row) * np.sin(np.pi * threads * col)
    return (1 + depth * np.sign(over) * np.abs(over) ** 0.5)[..., None]


def _plain(rng: np.random.Generator, size: int) -> Painted:
    return painting.draw_colour(rng) * _weave(size, 64), 0.08, 0.85


def _denim(rng: np.random.Generator, size: int) -> Painted:
    row, col = _grid(size)
    if rng.random() < 0.7:
        dye = painting.draw_colour(rng, hue=(0.57, 0.64), saturation=(0.3, 0.75), value=(0.22, 0.65))
    else:
        dye = painting.draw_colour(rng, saturation=(0.0, 0.4), value=(0.12, 0.6))
    diagonal = _wave(48 * (row + col)) * (1 + 0 * row)
    slubs = painting.periodic_noise(rng, size, size, wavelength=1.5, slope=0.3)
    faded = painting.periodic_noise(rng, size, size, wavelength=24.0, slope=1.5)
    share = np.clip(0.18 + 0.22 * diagonal + 0.06 * slubs + 0.08 * faded, 0, 1)
    return _mix(dye, 0.5 * dye + 0.42, share), 0.12, 0.9


def _knit(rng: np.random.Generator, size: int) -> Painted:
    row, col = _grid(size)
    lean = np.abs(((col * 24) % 1) - 0.5)
    loops = _wave(24 * row + lean) * (0.6 + 0.4 * _wave(24 * col))
    return painting.draw_colour(rng, saturation=(0.0, 0.7)) * (0.78 + 0.3 * loops)[..., None], 0.15, 0.95


def _rib(rng: np.random.Generator, size: int) -> Painted:
    row, col = _grid(size)
    return painting.draw_colour(rng) * (0.8 + 0.25 * _wave(16 * col) + 0 * row)[..., None], 0.12, 0.9


def _stripes(rng: np.random.Generator, size: int) -> Painted:
    first, second = _two_colours(rng)
    row, col = _grid(size)
    along = row + 0 * col if rng.random() < 0.6 else col + 0 * row
    edges = np.sort(rng.uniform(0, 1, 2 * int(rng.integers(1, 4))))
    band = np.searchsorted(edges, along) % 2
    return _mix(first, second, band) * _weave(size, 96, 0.05), rng.uniform(0.03, 0.15), 0.85


def _plaid(rng: np.random.Generator, size: int) -> Painted:
    row, col = _grid(size)
    colours = np.stack([*_two_colours(rng), painting.draw_colour(rng), painting.draw_colour(rng)])
    half = np.cumsum(rng.dirichlet(np.full(5, 1.5)))[:-1]
    sett = np.concatenate([[0], rng.permutation(4)])
    # A tartan's sett is mirrored, and warp and weft share it; a twill shows either thread in turn.
    tick = np.abs(2 * (np.arange(size) + 0.5) / size - 1)
    thread = colours[sett[np.searchsorted(half, tick)] % 4]
    over = (_wave(64 * (row + col)) > 0.5)[..., None]
    return np.where(over, thread[:, None], thread[None, :]), rng.uniform(0.08, 0.25), 0.9


def _gingham(rng: np.random.Generator, size: int) -> Painted:
    row, col = _grid(size)
    count = int(rng.integers(4, 9))
    share = (((row * count) % 1 < 0.5).astype(float) + ((col * count) % 1 < 0.5)) / 2
    return _mix(np.full(3, 0.93), painting.draw_colour(rng, saturation=(0.4, 0.9)), share), rng.uniform(0.06, 0.2), 0.85


def _dots(rng: np.random.Generator, size: int) -> Painted:
    first, second = _two_colours(rng)
    row, col = _grid(size)
    radius = rng.uniform(0.14, 0.32)
    # Two interleaved grids of dots.
    distance = np.minimum(
        np.hypot((row * 4) % 1 - 0.5, (col * 4) % 1 - 0.5),
        np.hypot((row * 4 + 0.5) % 1 - 0.5, (col * 4 + 0.5) % 1 - 0.5),
    )
    share = np.clip((radius - distance) * size / 8 + 0.5, 0, 1)
    return _mix(first, second, share) * _weave(size, 96, 0.05), rng.uniform(0.08, 0.3), 0.8


def _print(rng: np.random.Generator, size: int) -> Painted:
    """Flowers and leaves of a few colours, strewn over a ground."""
    image = np.tile(painting.draw_colour(rng, saturation=(0.0, 0.7)), (size, size, 1))
    row, col = _grid(size)
    colours = [painting.draw_colour(rng, saturation=(0.2, 0.95), value=(0.3, 1.0)) for _ in range(4)]
    for i in range(int(rng.integers(14, 32))):
        at_row, at_col, turn = rng.uniform(0, 1, 3)
        dy, dx = (row - at_row + 0.5) % 1 - 0.5, (col - at_col + 0.5) % 1 - 0.5
        radius, petals = rng.uniform(0.03, 0.1), int(rng.integers(2, 7))
        reach = radius * (0.65 + 0.35 * np.cos(petals * np.arctan2(dy, dx) + 2 * np.pi * turn))
        share = np.clip((reach - np.hypot(dy, dx)) * size / 2 + 0.5, 0, 1)
        image = image + share[..., None] * (colours[i % 4] - image)
    return image, rng.uniform(0.2, 0.5), 0.8


def _camouflage(rng: np.random.Generator, size: int) -> Painted:
    hue = rng.uniform(0, 1)
    image = np.tile(painting.draw_colour(rng, (hue, hue + 0.08), (0.15, 0.5), (0.5, 0.75)), (size, size, 1))
    for level in (0.3, 0.5, 0.9):
        blobs = painting.periodic_noise(rng, size, size, wavelength=10.0, slope=1.2) > level
        image[blobs] = painting.draw_colour(rng, (hue, hue + 0.15), (0.15, 0.6), (0.12, 0.6))
    return image, rng.uniform(0.25, 0.5), 0.9


def _dip_dyed(rng: np.random.Generator, size: int) -> Painted:
    first, second = _two_colours(rng)
    row, _ = _grid(size)
    drift = 0.04 * painting.periodic_noise(rng, size, size, wavelength=12.0, slope=1.5)
    return _mix(first, second, _wave(row + drift)), rng.uniform(0.6, 1.4), 0.8


def _tie_dyed(rng: np.random.Generator, size: int) -> Painted:
    first, second = _two_colours(rng)
    cloud = painting.periodic_noise(rng, size, size, wavelength=8.0, slope=1.6)
    return _mix(first, second, _wave(0.45 * cloud)), rng.uniform(0.4, 0.9), 0.85


def _heather(rng: np.random.Generator, size: int) -> Painted:
    base = painting.draw_colour(rng, saturation=(0.0, 0.5), value=(0.25, 0.8))
    # Fibres run along the rows: noise that is long one way.
    fibres = painting.periodic_noise(rng, size * 4, size, wavelength=1.5, slope=0.2).reshape(size, 4, size).mean(1)
    return base * (1 + 0.22 * fibres[..., None] / fibres.std() * 0.6), 0.2, 0.9


def _herringbone(rng: np.random.Generator, size: int) -> Painted:
    first = painting.draw_colour(rng, saturation=(0.0, 0.4), value=(0.15, 0.6))
    row, col = _grid(size)
    zigzag = np.abs(((col * 8) % 1) - 0.5)
    return _mix(first, 0.5 * first + 0.4, (_wave(32 * row + 4 * zigzag) > 0.5).astype(float)), 0.12, 0.9


_PAINTERS: dict[str, Callable[[np.random.Generator, int], Painted]] = {
    "plain": _plain,
    "denim": _denim,
    "knit": _knit,
    "rib": _rib,
    "stripes": _stripes,
    "plaid": _plaid,
    "gingham": _gingham,
    "dots": _dots,
    "print": _print,
    "camouflage": _camouflage,
    "dip_dyed": _dip_dyed,
    "tie_dyed": _tie_dyed,
    "heather": _heather,
    "herringbone": _herringbone,
}
KINDS = tuple(_PAINTERS)
