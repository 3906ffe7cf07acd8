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
