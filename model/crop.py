"""The square around a person that the network sees: one rule for training, evaluation and prediction.

The side is a multiple of the person's box, not of the stature. A detector gives a box and no stature, and so do stills
with 2D labels; a rule that needed more would show the network other sizes at prediction than in training. One who
crouches is magnified, in both alike. Within a clip the largest box near by counts, so that a step, a raised arm or a
crouch of a moment does not change the scale.

Inside TensorFlow graphs, since evaluation is one; eager tensors and arrays do for the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The square's side, in larger sides of the person's box. The paper's cameras see 1.4 statures
# (synthesis/scene/cameras.py): a generated frame of one who stands is its own crop. HMR takes 224 / 150 = 1.49 sides of
# the keypoints' box, which with KEYPOINT_SHARE is the same.
FIELD_IN_BOXES = 1.4
# Larger side of the keypoints' box over that of the person's: crown and ankles are inside of hair and soles (median
# over the masks of generated frames).
KEYPOINT_SHARE = 0.92
# Frames to either side that the square follows, and the standard deviation of their Gaussian weights.
_REACH = 8
_SIGMA = 3.0
# Variance of the boxes' times, frames^2, from which on a line is laid through them.
_LEAST_SPREAD = 0.5


def person_squares(keypoints2d: Any, frame_size: Any) -> Any:
    """Crops that follow the labelled keypoints of clips.

    All keypoints with a place count, hidden ones too: at prediction a box reaches around the whole person. A place of
    exactly (0, 0) that is not visible is one that nobody labelled.

    Args:
        keypoints2d: [..., T, 19, 3] pixels x, y and visible.
        frame_size: [..., 2] height and width of the clips' frames, pixels.

    Returns:
        int32 [..., T, 3]: left and top pixel, which may lie outside of the frame, and side. The whole frame, made
        square, where a clip has no two keypoints apart from each other.
    """
    import tensorflow as tf

    points = keypoints2d[..., :2]
    placed = (keypoints2d[..., 2] > 0.0) | tf.reduce_any(points != 0.0, -1)
    far = tf.constant(np.inf, points.dtype)
    low = tf.reduce_min(tf.where(placed[..., None], points, far), -2)
    high = tf.reduce_max(tf.where(placed[..., None], points, -far), -2)
    side = tf.reduce_max(high - low, -1)
    known = side > 1.0
    centre = tf.where(known[..., None], (low + high) / 2.0, 0.0)
    side = tf.where(known, side / KEYPOINT_SHARE, 0.0)
    return follow(centre, side, known, frame_size)


def follow(centre: Any, side: Any, known: Any, frame_size: Any) -> Any:
    """Crops that follow person boxes smoothly.

    Args:
        centre: [..., T, 2] pixels x, y.
        side: [..., T] larger side of the box, pixels.
        known: bool [..., T], whether a frame has a box; frames without one take the place of those around them.
        frame_size: [..., 2] height and width, for clips without any box.

    Returns:
        int32 [..., T, 3] left, top, side.
    """
    import tensorflow as tf

    centre, side, known = (tf.convert_to_tensor(values) for values in (centre, side, known))
    length = tf.shape(side)[-1]
    weight = tf.cast(known, side.dtype)
    total = tf.reduce_sum(weight, -1, keepdims=True)
    anywhere = total > 0.0
    frame_size = tf.cast(frame_size, side.dtype)
    # Where a window holds no box: the clip's mean box; where the clip holds none: the whole frame.
    mean_centre = tf.math.divide_no_nan(tf.reduce_sum(weight[..., None] * centre, -2), total)
    mean_centre = tf.where(anywhere, mean_centre, (frame_size[..., ::-1] - 1.0) / 2.0)
    mean_side = tf.math.divide_no_nan(tf.reduce_sum(weight * side, -1, keepdims=True), total)
    mean_side = tf.where(anywhere, mean_side, tf.reduce_max(frame_size, -1, keepdims=True) / FIELD_IN_BOXES)

    offsets = np.arange(-_REACH, _REACH + 1)
    neighbours = tf.range(length)[:, None] + offsets
    inside = tf.cast((neighbours >= 0) & (neighbours < length), side.dtype)
    neighbours = tf.clip_by_value(neighbours, 0, length - 1)

    def near(values):
        return tf.gather(values, neighbours, axis=known.shape.rank - 1)

    gaussian = tf.constant(np.exp(-0.5 * (offsets / _SIGMA) ** 2), side.dtype)
    # The weighted line through the boxes near by, at its middle: unlike their mean it keeps up with one who walks, at
    # the clip's ends too. The mean where a line would rest on next to nothing.
    weights = gaussian * inside * near(weight)
    ahead = tf.constant(offsets, side.dtype)
    total, first, second = (tf.reduce_sum(weights * power, -1) for power in (tf.ones_like(ahead), ahead, ahead**2))
    spread = total * second - first**2
    firm = (spread > _LEAST_SPREAD * total**2)[..., None]
    weights *= tf.where(firm, second[..., None] - first[..., None] * ahead, 1.0)
    total = tf.reduce_sum(weights, -1)
    centre = tf.math.divide_no_nan(tf.reduce_sum(weights[..., None] * near(centre), -2), total[..., None])
    centre = tf.where(total[..., None] > 0.0, centre, mean_centre[..., None, :])
    largest = tf.reduce_max(near(weight * side), -1)
    largest = tf.where(total > 0.0, largest, mean_side)
    steady = gaussian * inside
    largest = tf.reduce_sum(steady * near(largest), -1) / tf.reduce_sum(steady, -1)

    side = tf.maximum(2.0, tf.round(FIELD_IN_BOXES * largest))
    corner = tf.round(centre + 0.5 - side[..., None] / 2.0)
    return tf.cast(tf.concat([corner, side[..., None]], -1), tf.int32)


def enlarged(squares: Any, factor: float) -> Any:
    """Squares [..., 3] with the same centres and sides `factor` as long, on whole pixels."""
    import tensorflow as tf

    squares = tf.cast(squares, tf.float32)
    side = tf.round(factor * squares[..., 2:])
    corner = tf.round(squares[..., :2] + (squares[..., 2:] - side) / 2.0)
    return tf.cast(tf.concat([corner, side], -1), tf.int32)


def normalised(pixels: Any, squares: Any) -> Any:
    """Pixels [..., K, 2] of frames -> -1..1 across the frames' squares [..., 3], x right, y down."""
    import tensorflow as tf

    squares = tf.cast(squares, tf.float32)[..., None, :]
    return (pixels - squares[..., :2] + 0.5) * (2.0 / squares[..., 2:]) - 1.0
