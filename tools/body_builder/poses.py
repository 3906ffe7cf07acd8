"""Random poses within the joints' ranges, for fitting what depends on pose."""

from __future__ import annotations

import numpy as np

from model import conventions

# Degrees about x, y and z of the left side (low, high) per joint; the right side is its mirror image.
RANGES = {
    "hip": ((-120, 40), (-35, 35), (-20, 45)),
    "knee": ((0, 140), (-10, 10), (-5, 5)),
    "ankle": ((-35, 30), (-20, 20), (-15, 15)),
    "foot": ((-10, 25), (0, 0), (0, 0)),
    "spine": ((-15, 30), (-20, 20), (-15, 15)),
    "neck": ((-25, 30), (-35, 35), (-20, 20)),
    "head": ((-25, 25), (-35, 35), (-15, 15)),
    "collar": ((-10, 10), (-15, 15), (-10, 25)),
    "shoulder": ((-70, 70), (-90, 40), (-80, 70)),
    "elbow": ((-60, 70), (-140, 0), (-15, 15)),
    "wrist": ((-40, 40), (-20, 20), (-60, 60)),
    "hand": ((0, 0), (0, 0), (-60, 20)),
}


def random_poses(count: int, rng: np.random.Generator) -> np.ndarray:
    """Poses [count, 72] axis-angle without global rotation; in each a random share of the joints moves."""
    bounds = np.zeros((conventions.NUM_JOINTS, 3, 2))
    for j, name in enumerate(conventions.JOINTS[1:], start=1):
        bounds[j] = np.radians(RANGES[name.split("_")[-1].rstrip("123")])
        if name.startswith("R_"):
            bounds[j, 1:] = -bounds[j, 1:]
    moving = rng.random((count, conventions.NUM_JOINTS)) < 0.25 + 0.6 * rng.random((count, 1))
    reach = rng.beta(1.2, 1.2, (count, conventions.NUM_JOINTS)) ** 0.5
    share = rng.random((count, conventions.NUM_JOINTS, 3))
    angles = bounds[..., 0] + share * (bounds[..., 1] - bounds[..., 0])
    return (angles * (reach * moving)[..., None]).reshape(count, -1)
