"""Augmentation of a clip and its labels, the same for every frame of the clip (spec: scale, shift, flip, colour).

NumPy and OpenCV: OpenCV warps a clip in a seventh of the time that TensorFlow's projective transform takes.
"""

from __future__ import annotations

import numpy as np

from model.training import movement, repaint


def field(strength: float) -> float:
    """Side of the crops that augment_clip wants, in sides of the network's: as far as scale and shift may reach."""
    return 1.0 + strength * (movement.SCALE + movement.SHIFT)


def augment_clip(
    clip: dict[str, np.ndarray], rng: np.random.Generator, size: int, strength: float = 1.0
) -> dict[str, np.ndarray]:
    """Moves one clip and its labels, repaints it, and covers some of it.

    Args:
        clip: "pixels" uint8 [T, W, W, 4], colours and coverage of the figure, W about field(strength) * size; "pose"
            [T, 72], "keypoints3d" [T, 19, 3], "keypoints3d_valid" [T, 19], "keypoints2d" [T, 19, 3] (x and y in -1..1
            across the `size` pixels in the middle, visible); other entries pass through.
        rng: where all draws come from.
        size: S.
        strength: factor on all ranges and odds, 0..1; flips are always even odds.

    Returns:
        The entries, with "images" uint8 [T, S, S, 3] in place of "pixels".
    """
    drawn = movement.Movement.draw(rng, strength)
    moved = drawn.images(clip["pixels"], size)
    labels = {**clip, **drawn.labels(clip)}
    del labels["pixels"]
    images = np.ascontiguousarray(moved[..., :3])
    if strength > 0:
        images = repaint.recolour(images, moved[..., 3], rng, strength)
        if rng.random() < strength * repaint.OCCLUDED:
            images, labels["keypoints2d"] = repaint.occlude(images, labels["keypoints2d"], rng)
    return {**labels, "images": images}
