"""Faults of capture: joints that turn, or a body that moves, faster than anybody can."""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import logging

from model import rotations
from model.errors import MotionError
from synthesis.motion.skeleton import SkeletonMotion, chain

# Radians per second of one joint against the next: no joint but the pitching shoulder reaches it (wrists turn at 50 at
# most, knees extend at 45), while solvers that flip reach several hundred.
MAX_JOINT_SPEED = 60.0
# Leg lengths per second of the root; a sprinter makes 13.
MAX_ROOT_SPEED = 16.0
# Beside a jump the solver is already lost: so long before and after it is replaced too.
_MARGIN_SECONDS = 0.05
# Jumps with less than this between them are one fault: what lies between is the solver's other state.
_GROUP_SECONDS = 0.2
# Longer stretches are left as they are: interpolation would invent a motion.
_LONGEST_SECONDS = 1.0
# Where more steps than this are impossible it is not the capture that is wrong but its unit or frame rate.
_MOST_FAULTS = 0.25


@dataclasses.dataclass(frozen=True)
class Fault:
    """Frames `start` to `stop` - 1 (from 0) of one joint, where it jumps.

    Attributes:
        joint: name in the file.
        start: first frame.
        stop: after the last frame.
        speed: the fastest step, radians (root: leg lengths) per second.
        repaired: whether the frames were interpolated over.
    """

    joint: str
    start: int
    stop: int
    speed: float
    repaired: bool

    def __str__(self) -> str:
        done = "interpolated" if self.repaired else "left, being too many"
        return f"{self.joint} at {self.speed:.0f}/s, frames {self.start} to {self.stop - 1} {done}"


def repair(skeleton: SkeletonMotion, joints: set[int], leg: float) -> tuple[SkeletonMotion, list[Fault]]:
    """Interpolates over short faults of capture: SLERP for joints, linear for the root's place.

    Args:
        skeleton: T frames.
        joints: indices of those whose rotation counts.
        leg: leg length, in the file's unit.

    Returns:
        The repaired motion, and what was found, repaired or not; it is also logged as one warning.

    Raises:
        MotionError: so much is impossible that the file's unit or frame rate must be wrong.
    """
    local_rot = skeleton.local_rotations()
    watched = sorted(joints)
    trace = np.einsum("tjab,tjab->tj", local_rot[:-1, watched], local_rot[1:, watched])
    turning = np.arccos(np.clip(0.5 * (trace - 1.0), -1.0, 1.0)) * skeleton.fps
    root = skeleton.parents.index(-1)
    moving = np.linalg.norm(np.diff(skeleton.world_pos[:, root], axis=0), axis=1) * (skeleton.fps / leg)
    _check_speeds(skeleton.path, turning, moving)

    offsets = skeleton.local_offsets()
    longest = min(_LONGEST_SECONDS * skeleton.fps, len(skeleton) - 1)
    faults = []
    for j, speed in zip(watched, turning.T, strict=True):
        for start, stop in _stretches(speed > MAX_JOINT_SPEED, skeleton.fps):
            repaired = stop - start <= longest
            if repaired:
                _bridge_rotation(local_rot[:, j], start, stop)
            faults.append(Fault(skeleton.names[j], start, stop, float(speed[start:stop].max()), repaired))
    for start, stop in _stretches(moving > MAX_ROOT_SPEED, skeleton.fps):
        repaired = stop - start <= longest
        if repaired:
            _bridge_position(offsets[:, root], start, stop)
        faults.append(Fault(f"{skeleton.names[root]} (place)", start, stop, float(moving[start:stop].max()), repaired))
    if faults:
        logging.warning("%s: nobody moves so fast; %s", skeleton.path, "; ".join(map(str, faults)))
    if not any(fault.repaired for fault in faults):
        return skeleton, faults
    world_rot, world_pos = chain(skeleton.parents, local_rot, offsets)
    return dataclasses.replace(skeleton, world_rot=world_rot, world_pos=world_pos), faults


def _check_speeds(path: str, turning: np.ndarray, moving: np.ndarray) -> None:
    if not len(moving):
        return
    impossible = ((turning > MAX_JOINT_SPEED).any(1) | (moving > MAX_ROOT_SPEED)).mean()
    if impossible > _MOST_FAULTS:
        raise MotionError(
            f"A motion that a person can make is needed: are its unit and frame rate right? Received: {path}, where "
            f"{100 * impossible:.0f} % of the frames have joints faster than {MAX_JOINT_SPEED:.0f} rad/s or a root "
            f"faster than {MAX_ROOT_SPEED:.0f} leg lengths/s"
        )


def _stretches(fast: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Frames, first and after the last, of each group of fast steps [T - 1] with its margins."""
    steps = np.flatnonzero(fast)
    if not len(steps):
        return []
    margin = max(round(_MARGIN_SECONDS * fps), 1)
    groups = np.split(steps, np.flatnonzero(np.diff(steps) > max(_GROUP_SECONDS * fps, 2 * margin + 2)) + 1)
    # Step t goes from frame t to t + 1: both belong to the fault.
    return [(max(int(g[0]) - margin, 0), min(int(g[-1]) + 2 + margin, len(fast) + 1)) for g in groups]


def _ends(frames: int, start: int, stop: int) -> tuple[int, int]:
    """Sound frames before and after; where there are none on one side, the other side's twice."""
    before, after = start - 1, stop
    return (before if before >= 0 else after), (after if after < frames else before)


def _bridge_rotation(rot: np.ndarray, start: int, stop: int) -> None:
    before, after = _ends(len(rot), start, stop)
    way = rotations.matrix_to_axis_angle(rot[before].T @ rot[after])
    fraction = np.arange(1, stop - start + 1) / (stop - start + 1)
    rot[start:stop] = rot[before] @ rotations.axis_angle_to_matrix(fraction[:, None] * way)


def _bridge_position(pos: np.ndarray, start: int, stop: int) -> None:
    before, after = _ends(len(pos), start, stop)
    fraction = np.arange(1, stop - start + 1)[:, None] / (stop - start + 1)
    pos[start:stop] = pos[before] + fraction * (pos[after] - pos[before])
