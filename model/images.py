"""Encoded frames to network input, inside TensorFlow graphs: one way for training, evaluation and serving."""

from __future__ import annotations

from typing import Any

_BORDER = 8


def decode_frames(encoded: Any, image_size: int, squares: Any = None) -> Any:
    """JPEG strings [N] -> uint8 images [N, S, S, 3].

    Shrinks by averaging areas and enlarges bilinearly, as serving.tracking cuts crops. Outside of a frame its edge is
    continued. A file that ends early gives what there is of it.

    Args:
        encoded: string tensor [N].
        image_size: S.
        squares: int32 [N, 3] left, top and side of the part to take, pixels; None: whole frames.
    """
    import tensorflow as tf

    def whole(jpeg):
        return _resized(tf.io.decode_jpeg(jpeg, channels=3, try_recover_truncated=True), image_size)

    def part(inputs):
        jpeg, square = inputs
        size = tf.io.extract_jpeg_shape(jpeg)[:2]
        low, high = _inside(square, size)
        # Colours are coarser than brightness and smoothed at decoding: at its border a part needs what is around it.
        first, last = tf.maximum(low - _BORDER, 0), tf.minimum(high + _BORDER, size)
        # Decoding a part saves time only when it is a small one.
        image, corner = tf.cond(
            2 * tf.reduce_prod(last - first) < tf.reduce_prod(size),
            lambda: (
                tf.io.decode_and_crop_jpeg(
                    jpeg, tf.concat([first, last - first], 0), channels=3, try_recover_truncated=True
                ),
                first,
            ),
            lambda: (tf.io.decode_jpeg(jpeg, channels=3, try_recover_truncated=True), tf.zeros_like(first)),
        )
        low, high = low - corner, high - corner
        image = image[low[0] : high[0], low[1] : high[1]]
        return _resized(_continued(image, square, low + corner), image_size)

    signature = tf.TensorSpec((image_size, image_size, 3), tf.uint8)
    if squares is None:
        return tf.map_fn(whole, encoded, fn_output_signature=signature)
    return tf.map_fn(part, (encoded, squares), fn_output_signature=signature)


def decode_masks(encoded: Any, image_size: int, squares: Any) -> Any:
    """PNG masks [N] -> uint8 coverage of the figure [N, S, S, 1], 0..255; all covered where the mask is empty.

    Args:
        encoded: string tensor [N].
        image_size: S.
        squares: int32 [N, 3], as for decode_frames.
    """
    import tensorflow as tf

    def one(inputs):
        png, square = inputs
        mask = tf.io.decode_png(png, channels=1)
        low, high = _inside(square, tf.shape(mask)[:2])
        figure = tf.cast(tf.cast(mask[low[0] : high[0], low[1] : high[1]], tf.bool), tf.uint8) * 255
        return _resized(_continued(figure, square, low), image_size)

    def covered():
        return tf.fill((tf.shape(encoded)[0], image_size, image_size, 1), tf.constant(255, tf.uint8))

    def decoded():
        signature = tf.TensorSpec((image_size, image_size, 1), tf.uint8)
        return tf.map_fn(one, (encoded, squares), fn_output_signature=signature)

    return tf.cond(tf.reduce_any(tf.strings.length(encoded) == 0), covered, decoded)


def decode_clips(encoded: Any, image_size: int, squares: Any = None) -> Any:
    """JPEG strings [B, T] -> float32 clips [B, T, S, S, 3] in 0..1.

    Args:
        encoded: string tensor [B, T].
        image_size: S.
        squares: int32 [B, T, 3], the part of each frame to take; None: whole frames, where those are crops already.
    """
    import tensorflow as tf

    length = encoded.shape[1]
    if squares is not None:
        squares = tf.reshape(squares, (-1, 3))
    images = decode_frames(tf.reshape(encoded, [-1]), image_size, squares)
    return to_float(tf.reshape(images, (-1, length, image_size, image_size, 3)))


def to_float(images: Any) -> Any:
    """uint8 -> float32 in 0..1."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) * (1.0 / 255.0)


def _inside(square, size):
    """First row and column of a frame that a square covers, and those after the last: one pixel at least."""
    import tensorflow as tf

    low = tf.clip_by_value(square[1::-1], 0, size - 1)
    return low, tf.clip_by_value(square[1::-1] + square[2], low + 1, size)


def _continued(image, square, low):
    """The whole square, from what it covers of the frame: edges are continued outside."""
    import tensorflow as tf

    for axis in (0, 1):
        before = tf.clip_by_value(low[axis] - square[1 - axis], 0, square[2] - 1)
        after = square[2] - before - tf.shape(image)[axis]
        first, last = (image[:1], image[-1:]) if axis == 0 else (image[:, :1], image[:, -1:])
        image = tf.concat([tf.repeat(first, before, axis), image, tf.repeat(last, after, axis)], axis)
    return image


def _resized(image, size):
    """uint8 [H, W, C] -> uint8 [S, S, C]."""
    import tensorflow as tf

    shrinks = tf.reduce_max(tf.shape(image)[:2]) > size
    resized = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), "area"),
        lambda: tf.image.resize(image, (size, size), "bilinear"),
    )
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
