"""Cloth from pictures: DTD (Cimpoi et al. 2014), Fabrics (Kampouris et al. 2016), or any folder of textures."""

from __future__ import annotations

import pathlib
import re

import cv2
import numpy as np

from model.errors import ConfigError
from synthesis.scene import painting, photo_folders
from synthesis.scene.fabric_prints import on_cloth
from synthesis.scene.relief import normal_map
from synthesis.scene.textures import TEXTURE_SIZE, FabricTexture

# How file names say that a picture holds normals, and what they say in its place for the colours.
_NORMALS = re.compile(r"normals?|nrm", re.IGNORECASE)
_COLOURS = re.compile(r"albedo|diffuse|basecolou?r|colou?r", re.IGNORECASE)

# Metres that a picture may cover on a garment; textures of a folder come in no known scale.
_LEAST_METRES, _MOST_METRES = 0.08, 0.5

# Of a picture's side: the smallest square that is cut from it, and what opposite edges share after blending.
_SMALLEST_CUT = 0.6
_SEAM = 0.2


def from_folder(folder: str, seed: int) -> FabricTexture:
    """A random cut of a random picture below a folder, made tileable.

    A picture `..albedo..` takes its normals from `..normal(s)..` of the same folder, as material libraries have them;
    other pictures are printed on fine cloth. Pictures of normals are never taken for colours.

    Args:
        folder: DTD's `images/`, Fabrics, or any; folders in it are searched too.
        seed: picks the picture, its cut and its size on the cloth.

    Raises:
        ConfigError: no folder, or no picture in it that can be read.
    """
    rng = np.random.default_rng(seed)
    colours = [path for path in photo_folders.find_pictures(folder) if not _NORMALS.search(path.stem)]
    if not colours:
        raise ConfigError(f"A folder with pictures of colours is needed. Received: {folder} (pictures of normals only)")
    path, image = photo_folders.read_any(colours, rng, lambda path: (path, photo_folders.read_photo(path)))
    metres = float(np.exp(rng.uniform(np.log(_LEAST_METRES), np.log(_MOST_METRES))))
    cut, corner = rng.uniform(_SMALLEST_CUT, 1.0), rng.uniform(0, 1, 2)
    texture = tileable(_square(image, cut, corner))
    printed = on_cloth(rng, texture / 255.0, metres)
    normals = _normals(path, image.shape, cut, corner)
    if normals is None:
        normals = normal_map(printed.height, len(texture) / metres)
    return FabricTexture(path.name, painting.to_uint8(printed.colour), normals, metres, printed.roughness)


def tileable(image: np.ndarray) -> np.ndarray:
    """Blends a picture uint8 [n, n, 3] into its own opposite edges, so that it repeats without a seam.

    Blended parts keep the picture's contrast: weights w and 1 - w about the mean, divided by sqrt(w^2 + (1 - w)^2)
    (Heitz and Neyret 2018, section 3.2).

    Returns:
        uint8 [m, m, 3], smaller by the shared seam.
    """
    mean = image.reshape(-1, 3).mean(0)
    result = image - mean
    for axis in (0, 1):
        seam = round(_SEAM * result.shape[axis])
        weight = np.linspace(0, 1, seam).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        start, kept, end = np.split(result, [seam, result.shape[axis] - seam], axis)
        joined = (weight * start + (1 - weight) * end) / np.sqrt(weight**2 + (1 - weight) ** 2)
        result = np.concatenate([joined, kept], axis)
    return (np.clip(result + mean, 0, 255) + 0.5).astype(np.uint8)


def _square(image: np.ndarray, cut: float, corner: np.ndarray) -> np.ndarray:
    """A square of the picture, such that it has about TEXTURE_SIZE texels once its seam is blended."""
    rows, cols = image.shape[:2]
    side = max(int(cut * min(rows, cols)), photo_folders.SMALLEST_SIDE)
    top, left = (int(share * (length - side)) for share, length in zip(corner, (rows, cols), strict=True))
    size = round(TEXTURE_SIZE / (1 - _SEAM))
    shrinks = side > size
    square = image[top : top + side, left : left + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _normals(path: pathlib.Path, shape: tuple[int, ...], cut: float, corner: np.ndarray) -> np.ndarray | None:
    """The normal map beside a picture of colours, cut as that is; None if there is none that fits it."""
    wanted = _COLOURS.sub("", path.stem)
    if wanted == path.stem:
        return None
    for other in sorted(path.parent.iterdir()):
        is_partner = _NORMALS.search(other.stem) and _NORMALS.sub("", other.stem) == wanted
        if is_partner and other.suffix.lower() in photo_folders.PHOTO_SUFFIXES:
            normals = photo_folders.read_photo(other)
            return tileable(_square(normals, cut, corner)) if normals.shape == shape else None
    return None
