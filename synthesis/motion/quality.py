"""How true a retargeted motion is to its source: limb directions, feet on the floor, feet that slide."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import rotations
from model.body.numpy_body import NumpyBody, forward_kinematics
from model.conventions import joint
from synthesis.motion import footing, rig
from synthesis.motion.frames import unit
from synthesis.motion.motion import Motion
from synthesis.motion.placement import foot_vertices
from synthesis.motion.reference import LIMB_ENDS
from synthesis.motion.retarget import checked_leg
from synthesis.motion.skeleton import SkeletonMotion

# `footing.standing` of a captured foot that counts as standing.
_STANDING = 0.5
# Cosine between directions that a fit of worlds counts as the same.
_NEAR = np.cos(np.radians(5.0))
_CHUNK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class FootReport:
    """Both feet, left first, against the source's; NaN where the source's foot does not stand.

    Attributes:
        floor: [T, 2] metres: how far the foot's lowest vertex sinks under the floor (negative), or floats over it by
            more than the captured ball's own lift (positive).
        skate: [T - 1, 2] metres per second of the ball of the foot along the floor.
        source_skate: [T - 1, 2] the same of the captured foot, scaled by the leg lengths.
    """

    floor: np.ndarray
    skate: np.ndarray
    source_skate: np.ndarray


def limb_angle_errors(skeleton: SkeletonMotion, motion: Motion, mapped: dict[str, int]) -> np.ndarray:
    """Angles between the source's and the motion's upper arms, forearms, thighs and shanks, in `LIMB_ENDS`' order.

    The worlds differ by one rotation, which is fitted; of the source the last T frames count.

    Args:
        skeleton: the source.
        motion: T frames made of it, at its frame rate.
        mapped: SMPL joint name -> node of the source, from `skeletons.map_joints`.

    Returns:
        [T, 8] degrees.
    """
    turn = _world_turn(skeleton, motion, mapped)
    cosine = (_limbs(motion) * (_captured_limbs(skeleton, len(motion), mapped) @ turn.T)).sum(-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).T


def foot_report(
    skeleton: SkeletonMotion,
    motion: Motion,
    mapped: dict[str, int],
    body: NumpyBody,
    betas: np.ndarray,
    pose: np.ndarray,
    trans: np.ndarray,
) -> FootReport:
    """Compares the feet of a placed motion with the source's; a foot without a toe joint is judged by its ankle.

    Args:
        skeleton: the source.
        motion: T frames made of it, at its frame rate.
        mapped: SMPL joint name -> node of the source.
        body: the body that moves.
        betas: [10] its shape.
        pose: [T, 72] as placed, from `placement.place`.
        trans: [T, 3] metres, from there too.
    """
    names = [f"{side}_foot" if f"{side}_foot" in mapped else f"{side}_ankle" for side in "LR"]
    turn = _world_turn(skeleton, motion, mapped)
    captured = skeleton.world_pos[-len(motion) :, [mapped[name] for name in names]] @ turn.T
    captured = captured / checked_leg(skeleton, mapped)
    lift = np.maximum(captured[..., 1] - np.quantile(captured[..., 1], 0.05, axis=0), 0.0)
    standing = footing.standing(captured, motion.fps) > _STANDING
    between = standing[1:] & standing[:-1]

    heights, balls = [], []
    feet = foot_vertices(body)
    for start in range(0, len(motion), _CHUNK):
        part = slice(start, start + _CHUNK)
        vertices, joints = body(pose[part], betas, trans[part])
        heights.append(np.stack([vertices[:, foot, 1].min(1) for foot in feet], 1))
        balls.append(joints[:, [joint(name) for name in names]])
    leg, lowest = rig.measure(body, betas).leg_length, np.concatenate(heights)
    return FootReport(
        floor=np.where(standing, lowest - np.clip(lowest, 0.0, lift * leg), np.nan),
        skate=np.where(between, _along_floor(np.concatenate(balls), motion.fps), np.nan),
        source_skate=np.where(between, _along_floor(captured, motion.fps) * leg, np.nan),
    )


def _along_floor(feet: np.ndarray, fps: float) -> np.ndarray:
    return np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * fps


def _world_turn(skeleton: SkeletonMotion, motion: Motion, mapped: dict[str, int]) -> np.ndarray:
    """Rotation [3, 3] from the source's world to the motion's (height axis, heading), by all limbs at once.

    Fitted twice: what the first fit leaves far off, where the capture was repaired, does not count in the second.
    """
    made, captured = _limbs(motion), _captured_limbs(skeleton, len(motion), mapped)
    turn = rotations.nearest_rotation(np.einsum("btx,bty->xy", made, captured))
    near = (made * (captured @ turn.T)).sum(-1) > _NEAR
    return rotations.nearest_rotation(np.einsum("bt,btx,bty->xy", near, made, captured))


def _limbs(motion: Motion) -> np.ndarray:
    """[8, T, 3] unit directions on the reference body."""
    rot = rotations.axis_angle_to_matrix(motion.pose.astype(np.float64).reshape(len(motion), -1, 3))
    _, pos = forward_kinematics(rot, rig.reference().joints)
    return np.stack([unit(pos[:, joint(end)] - pos[:, joint(start)]) for start, end in LIMB_ENDS.items()])


def _captured_limbs(skeleton: SkeletonMotion, frames: int, mapped: dict[str, int]) -> np.ndarray:
    """[8, frames, 3] unit directions in the source's world."""
    pos = skeleton.world_pos[-frames:]
    return np.stack([unit(pos[:, mapped[end]] - pos[:, mapped[start]]) for start, end in LIMB_ENDS.items()])
