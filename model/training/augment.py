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
COLOUR = 0.08  # per-channel gain

_MIRROR_POINT = np.array([-1.0, 1.0, 1.0], np.float32)
_MIRROR_ROTATION = np.array([1.0, -1.0, -1.0], np.float32)


def augment_clip(clip: dict[str, Any], seed: Any, strength: float = 1.0) -> dict[str, Any]:
    """Flips, scales, shifts and recolours one clip.

    Args:
        clip: "images" uint8 [T, S, S, 3], "pose" [T, 72], "keypoints3d" [T, 19, 3], "keypoints3d_valid" [T, 19],
            "keypoints2d" [T, 19, 3] (normalised, visible); other entries pass through.
        seed: int64 tensor [2] for stateless random numbers.
        strength: factor on all ranges; flips are always even odds.
    """
    import tensorflow as tf

    coin, *draws = tf.unstack(tf.random.stateless_uniform([9], seed, -1.0, 1.0))
    flip = coin < 0.0
    draws = [strength * draw for draw in draws]
    clip = {**clip, **flip_labels(clip, flip)}
    scale = 1.0 + SCALE * draws[0]
    shift = SHIFT * tf.stack(draws[1:3])
    clip["images"] = _recolour(_move(clip["images"], flip, scale, shift), draws[3:])
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


def _recolour(images, draws):
    import tensorflow as tf

    brightness = 255.0 * BRIGHTNESS * draws[0]
    gain = (1.0 + CONTRAST * draws[1]) * (1.0 + COLOUR * tf.stack(draws[2:5]))
    images = (tf.cast(images, tf.float32) - 127.5) * gain + (127.5 + brightness)
    return tf.cast(tf.clip_by_value(images, 0.0, 255.0), tf.uint8)
