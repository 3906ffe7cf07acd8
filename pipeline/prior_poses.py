"""Poses that a pose prior is fitted to."""

from __future__ import annotations

import pathlib

import numpy as np

FPS = 10.0  # neighbouring frames of captures say the same
# Of every kind of built-in motion.
_VARIANTS = 12
_SECONDS = 4.0


def builtin_poses() -> np.ndarray:
    """Poses [N, 72] of the built-in motions, always the same."""
    from synthesis.motion import builtin

    made = (builtin.make(kind, seed, _SECONDS, FPS) for kind in builtin.KINDS for seed in range(_VARIANTS))
    return np.concatenate([motion.pose for motion in made])


def motion_poses(folder: str | pathlib.Path) -> np.ndarray:
    """Poses [N, 72] of the motion files, or of the motion library, in a folder; unreadable files are left out.

    Raises:
        MotionError: the folder is missing, holds no motion file, or none that can be read.
    """
    from synthesis.motion import library

    return np.concatenate([motion.pose for _, motion in library.load_motions(folder, FPS)])
