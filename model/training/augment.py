"""Augmentation of a clip and its labels, the same for every frame of the clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from model import conventions

# Half widths of the uniform draws at strength 1.
SCALE = 0.15
SHIFT = 0.08  # of the frame's half side
BRIGHTNESS = 0.15
CONTRAST = 0.25
COLOUR = 0.5  # share of a random mix of the channels
# Share of clips with known masks whose backdrop is replaced, at strength 1.
NEW_BACKDROPS = 0.7
# Cells a side of the random colour grids that make up a backdrop, with their amplitudes (0..255).
_OCTAVES = ((2, 90.0), (5, 60.0), (12, 45.0), (30, 25.0))

_MIRROR_POINT = np.array([-1.0, 1.0, 1.0], np.float32)
_MIRROR_ROTATION = np.array([1.0, -1.0, -1.0], np.float32)


def augment_clip(clip: dict[str, Any], seed: Any, strength: float = 1.0) -> dict[str, Any]:
    """Flips, scales, shifts and recolours one clip, and puts its figure before another backdrop.

    Figure and backdrop are recoloured independently, so that neither's colours say where or who the figure is.

    Args:
        clip: "images" uint8 [T, S, S, 3], "coverage" of the figure uint8 [T, S, S, 1], "pose" [T, 72], "keypoints3d"
            [T, 19, 3], "keypoints3d_valid" [T, 19], "keypoints2d" [T, 19, 3] (normalised, visible); other entries
            pass through.
        seed: int64 tensor [2] for stateless random numbers.
        strength: factor on all ranges, 0..1; flips are always even odds.
    """
    import tensorflow as tf

    coin, *draws = tf.unstack(tf.random.stateless_uniform([5], seed, -1.0, 1.0))
    flip = coin < 0.0
    clip = {**clip, **flip_labels(clip, flip)}
    scale = 1.0 + strength * SCALE * draws[0]
    shift = strength * SHIFT * tf.stack(draws[1:3])

    if strength > 0:
        coverage = tf.cast(clip["coverage"], tf.float32) / 255.0
        figure = tf.cast(clip["images"], tf.float32)
        known = tf.reduce_min(coverage) < 1.0
        replace = known & (draws[3] < 2.0 * strength * NEW_BACKDROPS - 1.0)
        backdrop = tf.cond(
            replace, lambda: _backdrop(seed + 1, figure.shape[1]) + tf.zeros_like(figure), lambda: figure
        )
        images = coverage * _recolour(figure, seed + 2, strength)
        images += (1.0 - coverage) * _recolour(backdrop, seed + 3, strength)
        clip["images"] = tf.cast(tf.clip_by_value(images, 0.0, 255.0), tf.uint8)
    clip["images"] = _move(clip["images"], flip, scale, shift)

    points, visible = clip["keypoints2d"][..., :2] * scale + shift, clip["keypoints2d"][..., 2:]
    inside = tf.reduce_all(tf.abs(points) <= 1.0, -1, keepdims=True)
    clip["keypoints2d"] = tf.concat([points, visible * tf.cast(inside, tf.float32)], -1)
    return clip


def flip_labels(clip: dict[str, Any], flip: Any) -> dict[str, Any]:
    """Labels of the mirrored image where `flip` holds: left and right swap, and x changes sign.

    Mirroring x turns a rotation vector (x, y, z) into (x, -y, -z).
    """
    import tensorflow as tf

    length = tf.shape(clip["pose"])[0]
    pose = tf.reshape(clip["pose"], (length, conventions.NUM_JOINTS, 3))
    pose = tf.gather(pose, conventions.JOINT_MIRROR, axis=1) * _MIRROR_ROTATION
    swapped = {
        "pose": tf.reshape(pose, (length, conventions.POSE_SIZE)),
        "keypoints3d": _swap(clip["keypoints3d"]) * _MIRROR_POINT,
        "keypoints2d": _swap(clip["keypoints2d"]) * _MIRROR_POINT,
        "keypoints3d_valid": _swap(clip["keypoints3d_valid"]),
    }
    return {name: tf.where(flip, value, clip[name]) for name, value in swapped.items()}


def _swap(keypoints):
    import tensorflow as tf

    return tf.gather(keypoints, conventions.KEYPOINT_MIRROR, axis=1)


def _move(images, flip, scale, shift):
    """Mirrors, scales about the centre and shifts; `shift` is in half sides, edges are continued."""
    import tensorflow as tf

    size = images.shape[1]
    centre = (size - 1) / 2.0
    sign = tf.where(flip, -1.0, 1.0)
    # The op maps output pixels to input pixels: x_in = (x_out - centre - shift) / (sign * scale) + centre.
    a = 1.0 / (sign * scale)
    d = 1.0 / scale
    offset = shift * (size / 2.0)
    zero = tf.zeros(())
    transform = tf.stack(
        [a, zero, centre - a * (centre + offset[0]), zero, d, centre - d * (centre + offset[1]), zero, zero]
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.tile(transform[None], (tf.shape(images)[0], 1)),
        output_shape=tf.constant([size, size]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _recolour(images, seed, strength):
    """Mixes the channels at random, then changes contrast and brightness; float images in 0..255."""
    import tensorflow as tf

    draws = tf.random.stateless_uniform([11], seed, -1.0, 1.0)
    mix = tf.reshape(draws[:9], (3, 3))
    mix /= tf.reduce_sum(tf.abs(mix), axis=1, keepdims=True)
    share = strength * COLOUR
    matrix = (1.0 - share) * tf.eye(3) + share * mix
    gain = 1.0 + strength * CONTRAST * draws[9]
    level = 127.5 + 255.0 * strength * BRIGHTNESS * draws[10]
    return gain * tf.tensordot(images - 127.5, matrix, [[3], [1]]) + level


def _backdrop(seed, size):
    """Random coloured blotches of several sizes, float [1, S, S, 3] about 0..255."""
    import tensorflow as tf

    picture = tf.fill((1, size, size, 3), 127.5)
    for i, (cells, amplitude) in enumerate(_OCTAVES):
        grid = tf.random.stateless_uniform([1, cells, cells, 3], seed + i, -1.0, 1.0)
        weight = amplitude * tf.random.stateless_uniform([], seed + 100 + i)
        # Nearest neighbours give hard edges, as walls and furniture have; the other method gives soft ones.
        method = "nearest" if i % 2 else "bicubic"
        picture += weight * tf.image.resize(grid, (size, size), method)
    return picture
