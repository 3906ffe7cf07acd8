"""What is drawn over a clip: other colours, another backdrop, things in front of the figure."""

from __future__ import annotations

import cv2
import numpy as np

# Half widths of the uniform draws at strength 1.
BRIGHTNESS = 0.15
CONTRAST = 0.25
COLOUR = 0.5  # share of a random mix of the channels
# Share of clips with known masks whose backdrop is replaced, and of all clips with something in front of the figure, at
# strength 1.
NEW_BACKDROPS = 0.7
OCCLUDED = 0.3

# Cells a side of the random colour grids that make up a backdrop, with their amplitudes (0..255).
_OCTAVES = ((2, 90.0), (5, 60.0), (12, 45.0), (30, 25.0))
# Half sides of things in front, and how far they drift in a clip, in sides of the crop.
_OCCLUDER_SIZE = (0.05, 0.15)
_DRIFT = 0.15


def recolour(images: np.ndarray, coverage: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Recolours figure and backdrop of a clip, and puts the figure before another backdrop in most clips.

    Both are recoloured independently, so that neither's colours say where or who the figure is.

    Args:
        images: uint8 [T, S, S, 3].
        coverage: of the figure, uint8 [T, S, S]; 255 everywhere where nobody knows, and nothing is replaced.
        rng: where colours come from.
        strength: 0..1.
    """
    length, size = images.shape[:2]
    rows = images.reshape(length * size, size, 3)
    figure = cv2.transform(rows, _colours(rng, strength))
    if coverage.min() == 255:
        return figure.reshape(images.shape)
    colours = _colours(rng, strength)
    if rng.random() < strength * NEW_BACKDROPS:
        backdrop = np.tile(cv2.transform(blotches(rng, size), colours), (length, 1, 1))
    else:
        backdrop = cv2.transform(rows, colours)
    share = cv2.merge([coverage.reshape(length * size, size)] * 3)
    mixed = cv2.add(cv2.multiply(figure, share, scale=1 / 255), cv2.multiply(backdrop, ~share, scale=1 / 255))
    return mixed.reshape(images.shape)


def occlude(images: np.ndarray, keypoints2d: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Puts one or two flat things before the figure, which drift evenly through the clip.

    Args:
        images: uint8 [T, S, S, 3].
        keypoints2d: [T, 19, 3] normalised x, y and visible; things are placed about some of them.
        rng: where shapes, places and colours come from.

    Returns:
        Images and keypoints with those that are covered no longer visible.
    """
    images, keypoints2d = images.copy(), keypoints2d.copy()
    length, size = images.shape[:2]
    places = (keypoints2d[..., :2] + 1.0) * (size / 2) - 0.5
    columns, rows = np.clip(np.rint(places).astype(int), 0, size - 1).transpose(2, 0, 1)
    for _ in range(rng.integers(1, 3)):
        centre = places[length // 2, rng.integers(places.shape[1])] + rng.normal(0.0, 0.05 * size, 2)
        path = centre + np.linspace(-0.5, 0.5, length)[:, None] * rng.uniform(-_DRIFT, _DRIFT, 2) * size
        half = rng.uniform(*_OCCLUDER_SIZE, 2) * size
        angle, ellipse = rng.uniform(0.0, 180.0), rng.random() < 0.5
        picture = blotches(rng, size)
        for t in range(length):
            mask = np.zeros((size, size), np.uint8)
            box = cv2.RotatedRect(path[t].tolist(), (2 * half).tolist(), angle)
            if ellipse:
                cv2.ellipse(mask, box, 255, thickness=-1)
            else:
                cv2.fillConvexPoly(mask, np.rint(box.points()).astype(np.int32), 255)
            cv2.copyTo(picture, mask, images[t])
            keypoints2d[t, :, 2] *= mask[rows[t], columns[t]] == 0
    return images, keypoints2d


def blotches(rng: np.random.Generator, size: int) -> np.ndarray:
    """A picture of random colours, coarse and fine, uint8 [S, S, 3]."""
    picture = np.full((size, size, 3), 127.5, np.float32)
    for i, (cells, amplitude) in enumerate(_OCTAVES):
        grid = rng.uniform(-1.0, 1.0, (cells, cells, 3)).astype(np.float32)
        # Nearest neighbours give hard edges, as walls and furniture have; the other method gives soft ones.
        method = cv2.INTER_NEAREST if i % 2 else cv2.INTER_CUBIC
        cv2.scaleAdd(cv2.resize(grid, (size, size), interpolation=method), amplitude * rng.random(), picture, picture)
    return np.clip(picture, 0.0, 255.0).astype(np.uint8)


def _colours(rng: np.random.Generator, strength: float) -> np.ndarray:
    """A random mix of the channels, contrast and brightness, as a [3, 4] matrix on (r, g, b, 1) in 0..255."""
    # Rows that sum to one leave greys as they are: a face stays to be seen.
    mix = rng.dirichlet((0.5, 0.5, 0.5), 3)
    share = strength * COLOUR
    matrix = (1.0 + strength * CONTRAST * rng.uniform(-1.0, 1.0)) * ((1.0 - share) * np.eye(3) + share * mix)
    level = 127.5 + 255.0 * strength * BRIGHTNESS * rng.uniform(-1.0, 1.0)
    return np.column_stack([matrix, level - matrix @ np.full(3, 127.5)])
