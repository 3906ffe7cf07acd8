"""Encoded frames to network input, inside TensorFlow graphs: one way for training, evaluation and serving."""

from __future__ import annotations

from typing import Any


def decode_frames(encoded: Any, image_size: int) -> Any:
    """JPEG strings [N] -> uint8 images [N, S, S, 3], resized with antialiasing."""
    import tensorflow as tf

    def one(jpeg):
        image = tf.io.decode_jpeg(jpeg, channels=3)
        image = tf.image.resize(image, (image_size, image_size), antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)

    return tf.map_fn(one, encoded, fn_output_signature=tf.TensorSpec((image_size, image_size, 3), tf.uint8))


def decode_masks(encoded: Any, image_size: int) -> Any:
    """PNG masks [N] -> uint8 coverage of the figure [N, S, S, 1], 0..255; all covered where the mask is empty."""
    import tensorflow as tf

    def one(png):
        if tf.strings.length(png) == 0:
            return tf.fill((image_size, image_size, 1), tf.constant(255, tf.uint8))
        figure = tf.cast(tf.io.decode_png(png, channels=1) > 0, tf.float32)
        coverage = tf.image.resize(figure, (image_size, image_size), antialias=True)
        return tf.cast(tf.round(255.0 * tf.clip_by_value(coverage, 0.0, 1.0)), tf.uint8)

    return tf.map_fn(one, encoded, fn_output_signature=tf.TensorSpec((image_size, image_size, 1), tf.uint8))


def decode_clips(encoded: Any, image_size: int) -> Any:
    """JPEG strings [B, T] -> float32 clips [B, T, S, S, 3] in 0..1."""
    import tensorflow as tf

    length = encoded.shape[1]
    images = decode_frames(tf.reshape(encoded, [-1]), image_size)
    return to_float(tf.reshape(images, (-1, length, image_size, image_size, 3)))


def to_float(images: Any) -> Any:
    """uint8 -> float32 in 0..1."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) * (1.0 / 255.0)
