"""Pictures of everything around one point: equirectangular panoramas, as HDRI files (.hdr, .exr) or plain photos."""

from __future__ import annotations

import functools
import pathlib

import cv2
import numpy as np

from synthesis.render.srgb import linear_from_srgb
from synthesis.scene.photo_folders import PHOTO_SUFFIXES, PictureError, read_photo

HDRI_SUFFIXES = (".hdr", ".exr")

# Pixels. Larger panoramas are made smaller: at this size a texel is a pixel of a 180 mm lens, and takes 200 MB.
LARGEST_WIDTH = 8192

# A photo this wide and exactly twice as wide as high is a panorama.
_LEAST_PHOTO_WIDTH = 1024


def is_panorama(image: np.ndarray) -> bool:
    """Whether a photo [h, w, 3] is an equirectangular panorama."""
    rows, cols = image.shape[:2]
    return cols == 2 * rows and cols >= _LEAST_PHOTO_WIDTH


@functools.lru_cache(maxsize=1)
def read_panorama(path: pathlib.Path) -> np.ndarray:
    """Reads a panorama; the last one is kept.

    Args:
        path: .hdr (Radiance), .exr (OpenEXR, any compression) or a photo.

    Returns:
        float16 [h, 2 h, 3] linear radiance in units of the file's own; a photo's is linearised, 1 its white. Row 0 is
        the zenith; columns go clockwise seen from above, as pictures do.

    Raises:
        PictureError: it cannot be read, is not twice as wide as high, or is black.
    """
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        # From the 256 levels of a photo: an array of doubles of a large one would not fit.
        image = linear_from_srgb(np.arange(256) / 255).astype(np.float16)[read_photo(path)]
    else:
        image = _read_exr(path) if suffix == ".exr" else _read_radiance(path)
    rows, cols = image.shape[:2]
    if abs(cols - 2 * rows) > 0.02 * cols:
        raise PictureError(f"A panorama is twice as wide as high. Received: {path} ({cols} x {rows} pixels)")
    if cols > LARGEST_WIDTH:
        image = cv2.resize(image.astype(np.float32), (LARGEST_WIDTH, LARGEST_WIDTH // 2), interpolation=cv2.INTER_AREA)
    image = np.nan_to_num(np.clip(image, 0, 60000), nan=0.0).astype(np.float16)
    if not image.any():
        raise PictureError(f"A panorama that is not black is needed. Received: {path}")
    return image


def _read_radiance(path: pathlib.Path) -> np.ndarray:
    """Radiance RGBE (Ward 1994) -> float32 [h, w, 3]."""
    try:
        content = np.fromfile(path, np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if len(content) else None
    except (OSError, cv2.error) as error:
        raise PictureError(f"A Radiance picture is needed. Received: {path} ({error})") from error
    if image is None or image.dtype != np.float32 or image.ndim != 3:
        raise PictureError(f"A Radiance picture is needed. Received: {path} (damaged or of another kind)")
    return image[..., ::-1]


def _read_exr(path: pathlib.Path) -> np.ndarray:
    """OpenEXR -> float [h, w, 3] of its R, G and B, or of Y alone.

    Not through OpenCV, which carries a release of OpenEXR with known holes and therefore leaves it switched off.
    """
    import OpenEXR

    try:
        channels = OpenEXR.File(str(path)).channels()
        for name in ("RGB", "RGBA"):
            if name in channels:
                return channels[name].pixels[..., :3]
        names = ("R", "G", "B") if "R" in channels else ("Y", "Y", "Y")
        return np.stack([channels[name].pixels for name in names], -1)
    except (RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        raise PictureError(f"An OpenEXR picture with colours is needed. Received: {path} ({error})") from error
