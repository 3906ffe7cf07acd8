"""Twelve poses with names, for pictures, exports and tests: what a body model's users look at first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from model import conventions, rotations
from model.errors import MotionError
from synthesis.motion.builtin import controls
from synthesis.motion.builtin.controls import Controls
from synthesis.motion.builtin.style import Style

_LEFT, _RIGHT = 0, 1

_CALM = Style(
    tempo=1.0, amplitude=1.0, phase=0.0, asymmetry=0.0, heading=0.0, side=_RIGHT, lean=np.radians(1), tilt=0.0,
    head=(0.0, 0.0), stance=0.0, toe_out=np.radians(8), arm_out=np.radians(14), arm_forward=np.radians(2),
    elbow=np.radians(14), arm_swing=1.0,
)  # fmt: skip


def _set(values: np.ndarray, left: float, right: float | None = None) -> None:
    """Sets a handle of both sides, in degrees; the right one like the left unless it is given."""
    values[..., _LEFT] = np.radians(left)
    values[..., _RIGHT] = np.radians(left if right is None else right)


def _torso(c: Controls, pelvis: tuple[float, ...], spine: tuple[float, ...], neck: tuple[float, ...]) -> None:
    """Turns of pelvis, spine and neck in degrees, as Controls has them."""
    c.pelvis_turn[:], c.spine[:], c.neck[:] = np.radians(pelvis), np.radians(spine), np.radians(neck)


def _stand(c: Controls) -> None:
    """Nothing to change: at ease."""


def _arms_up(c: Controls) -> None:
    _set(c.arm_out, 158)
    _set(c.arm_forward, 6)
    _set(c.elbow, 12)
    _torso(c, (0, 0, 0), (-3, 0, 0), (-12, 0, 0))


def _wave(c: Controls) -> None:
    _set(c.arm_out, 14, 92)
    _set(c.arm_forward, 2, 12)
    _set(c.arm_twist, 14, -84)
    _set(c.elbow, 16, 78)
    _torso(c, (0, 0, 0), (0, -3, -3), (0, -6, 5))


def _walk(c: Controls) -> None:
    c.feet[0, :, 2] = 0.36, -0.40
    c.pelvis[0] = 0.0, -0.03, 0.02
    _set(c.foot_pitch, -16, 34)
    _set(c.arm_forward, -24, 26)
    _set(c.elbow, 14, 26)
    _torso(c, (2, -7, 0), (3, 12, 0), (-2, -5, 0))


def _run(c: Controls) -> None:
    c.feet[0, _LEFT] = 0.1, 0.52, 0.04
    c.feet[0, _RIGHT] = -0.06, 0.0, -0.46
    c.feet[0, :, 0] *= 0.5
    c.pelvis[0] = 0.0, -0.02, 0.0
    _set(c.foot_pitch, 6, 46)
    _set(c.arm_forward, -50, 40)
    _set(c.arm_out, 16, 10)
    _set(c.elbow, 88, 92)
    _torso(c, (9, -12, 0), (8, 20, 0), (-12, -8, 0))


def _squat(c: Controls) -> None:
    c.feet[0, :, 0] = 0.06, -0.06
    c.pelvis[0] = 0.0, -0.46, -0.28
    _set(c.knee_out, 14)
    _set(c.foot_yaw, 18)
    _set(c.arm_forward, 84)
    _set(c.arm_out, 4)
    _set(c.elbow, 8)
    _torso(c, (30, 0, 0), (10, 0, 0), (-26, 0, 0))


def _sit(c: Controls) -> None:
    c.pelvis[0] = 0.0, -0.50, -0.46
    c.feet[0, :, 0] = 0.03, -0.03
    _set(c.arm_forward, 26)
    _set(c.arm_out, 10)
    _set(c.elbow, 52)
    _set(c.palm, 50)
    _torso(c, (-4, 0, 0), (8, 0, 0), (0, 0, 0))


def _kick(c: Controls) -> None:
    c.feet[0, _RIGHT] = -0.02, 0.78, 0.80
    c.feet[0, _LEFT] = 0.0, 0.0, 0.02
    c.pelvis[0] = 0.06, -0.03, -0.04
    _set(c.foot_pitch, 0, -20)
    _set(c.foot_yaw, 20, 0)
    _set(c.arm_forward, 44, -30)
    _set(c.arm_out, 26, 40)
    _set(c.elbow, 50, 34)
    _torso(c, (-14, 14, 0), (12, -18, 0), (4, 4, 0))


def _bend(c: Controls) -> None:
    c.pelvis[0] = 0.0, -0.06, -0.22
    _set(c.arm_forward, 92)
    _set(c.arm_out, 6)
    _set(c.elbow, 8)
    _torso(c, (54, 0, 0), (44, 0, 0), (10, 0, 0))


def _twist(c: Controls) -> None:
    c.feet[0, :, 0] = 0.1, -0.1
    _set(c.arm_out, 86)
    _set(c.arm_forward, 0)
    _set(c.elbow, 10)
    _torso(c, (0, -14, 0), (2, -52, 0), (0, -24, 0))


def _crouch(c: Controls) -> None:
    c.feet[0, _LEFT] = 0.02, 0.0, 0.22
    c.feet[0, _RIGHT] = -0.02, 0.0, -0.34
    c.pelvis[0] = 0.0, -0.56, -0.08
    _set(c.foot_pitch, 0, 48)
    _set(c.arm_forward, 42, 20)
    _set(c.arm_out, 10, 16)
    _set(c.elbow, 62, 40)
    _torso(c, (8, 0, 0), (12, 0, 0), (-8, 0, 0))


_MAKERS: dict[str, Callable[[Controls], None] | None] = {
    "t-pose": None,  # the rest pose itself, all zeros
    "stand": _stand,
    "arms-up": _arms_up,
    "wave": _wave,
    "walk": _walk,
    "run": _run,
    "squat": _squat,
    "sit": _sit,
    "kick": _kick,
    "bend": _bend,
    "twist": _twist,
    "crouch": _crouch,
}
POSES = tuple(_MAKERS)


def pose(name: str) -> np.ndarray:
    """One of the twelve poses, [72] axis-angle, facing +z.

    Feet are placed by inverse kinematics on the mean neutral body; any body may take the pose, with its translation
    from `synthesis.motion.placement.lowest_points`.

    Raises:
        MotionError: there is no pose of this name.
    """
    if name not in _MAKERS:
        raise MotionError(f"A pose is one of {', '.join(POSES)}. Received: {name!r}")
    maker = _MAKERS[name]
    if maker is None:
        return np.zeros(conventions.POSE_SIZE)
    handles = controls.at_ease(np.zeros(1), _CALM)
    maker(handles)
    local, _ = controls.solve(handles)
    return rotations.matrix_to_axis_angle(local[0]).ravel()
