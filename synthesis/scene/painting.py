"""Small tools that procedural pictures share: noise and colours."""

from __future__ import annotations

import colorsys
import zlib

import numpy as np


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


def linear_from_srgb(colour: np.ndarray) -> np.ndarray:
    """Colours sRGB 0..1 -> linear 0..1 (IEC 61966-2-1)."""
    colour = np.asarray(colour, np.float64)
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
