"""Small tools that procedural pictures share: noise and colours."""

from __future__ import annotations

import colorsys
import zlib

import numpy as np
from numpy.typing import ArrayLike


def generator(kind: str, seed: int) -> np.random.Generator:
    """Randomness of one picture. The kind's own name enters: kinds added later change nothing about the others."""
    return np.random.default_rng([zlib.crc32(kind.encode()), seed])


def periodic_noise(
    rng: np.random.Generator, height: int, width: int, wavelength: float, slope: float = 1.0
) -> np.ndarray:
    """Band-limited noise that tiles: [height, width], mean 0, standard deviation 1.

    Args:
        rng: source of the phases.
        height: pixels.
        width: pixels.
        wavelength: pixels; nothing finer than this is left.
        slope: exponent of the amplitude's fall with frequency; larger is cloudier.
    """
    white = np.fft.rfft2(rng.standard_normal((height, width), dtype=np.float32))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    gain = frequency**-slope * np.exp(-((frequency * wavelength) ** 2))
    gain[0, 0] = 0.0
    noise = np.fft.irfft2(white * gain, (height, width)).astype(np.float32)
    return noise / max(float(noise.std()), 1e-9)


def draw_colour(
    rng: np.random.Generator, hue: tuple[float, float] = (0.0, 1.0), saturation: tuple[float, float] = (0.0, 0.9),
    value: tuple[float, float] = (0.1, 0.95),
) -> np.ndarray:  # fmt: skip
    """A random sRGB colour [3] in 0..1 within ranges of hue (turns), saturation and value."""
    rgb = colorsys.hsv_to_rgb(rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value))
    return np.array(rgb, np.float32)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Colours sRGB 0..1 -> uint8, clipped."""
    return (np.clip(image, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)


# Hue (turns), saturation and value of what clothes are dyed with most, and how often each is drawn.
_DYES = (
    (0.10, (0.0, 1.0), (0.0, 0.06), (0.80, 0.97)),  # white and off-white
    (0.12, (0.0, 1.0), (0.0, 0.20), (0.07, 0.20)),  # black and charcoal
    (0.10, (0.0, 1.0), (0.0, 0.10), (0.25, 0.75)),  # grey
    (0.10, (0.57, 0.67), (0.35, 0.75), (0.13, 0.40)),  # navy
    (0.10, (0.06, 0.13), (0.15, 0.45), (0.40, 0.85)),  # beige and khaki
    (0.06, (0.03, 0.10), (0.35, 0.65), (0.20, 0.45)),  # brown
    (0.27, (0.0, 1.0), (0.15, 0.50), (0.35, 0.85)),  # muted
    (0.15, (0.0, 1.0), (0.55, 0.88), (0.35, 0.90)),  # bright
)


def draw_dye(rng: np.random.Generator) -> np.ndarray:
    """A random sRGB colour [3] in 0..1, of the kinds that clothes have."""
    _, hue, saturation, value = _DYES[rng.choice(len(_DYES), p=[dye[0] for dye in _DYES])]
    return draw_colour(rng, hue, saturation, value)


def draw_palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """Dyes [count, 3] each of which can be told from the first (0.22 apart in some channel)."""
    ground = draw_dye(rng)
    colours = [ground]
    while len(colours) < count:
        colour = draw_dye(rng)
        if np.abs(colour - ground).max() > 0.22:
            colours.append(colour)
    return np.array(colours, np.float32)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Colours first [..., 3] to second [..., 3] by shares [...] in 0..1."""
    return first + share[..., None] * (second - first)


def luminance(colour: np.ndarray) -> np.ndarray:
    """Linear colours [..., 3] -> luminance [...] (Rec. 709)."""
    return np.asarray(colour) @ [0.2126, 0.7152, 0.0722]


def float32(values: ArrayLike) -> np.ndarray:
    """Values as an array of float32."""
    return np.asarray(values, np.float32)
