"""What an animator would hold on to: pelvis, feet, spine and arms; and the pose that follows from them.

Legs are solved by inverse kinematics, so feet that are said to stand do stand, and knees bend forward only. All of it
is in the figure's own frame (x to its left, y up, z forward), lengths in leg lengths of `rig.reference()`, angles in
radians. Side 0 is left, 1 is right; side angles are mirror-symmetric (positive "out" is outward on both sides).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from model import conventions, rotations
from synthesis.motion import rig
from synthesis.motion.builtin.curves import ease
from synthesis.motion.builtin.style import Style
from synthesis.motion.frames import frame

SIGN = (1.0, -1.0)
_MIRROR = np.diag([-1.0, 1.0, 1.0])
# Share of the leg's length that a standing leg may use: a knee that is never quite locked.
_REACH = 0.995
# Where the heel touches the floor, behind the ankle, in leg lengths.
_HEEL = 0.06
# Outward turn of an upper arm that is raised sideways to overhead.
_OVERHEAD_TWIST = np.radians(75)


@dataclasses.dataclass(eq=False)
class Controls:
    """Handles of a figure through T frames; built at ease by `at_ease`, then changed in place.

    Attributes:
        pelvis: [T, 3] offset of the pelvis from where it is in standing.
        pelvis_turn: [T, 3] pitch (forward), yaw (to the left), roll (left side up).
        spine: [T, 3] forward bend, turn to the left, bend to the right, from pelvis to chest.
        neck: [T, 3] the same from chest to head.
        feet: [T, 2, 3] offset of each foot, were it flat, from where it is in standing.
        foot_pitch: [T, 2] positive with the heel up (turns about the ball), negative with the toes up (about the heel).
        foot_yaw: [T, 2] outward.
        knee_out: [T, 2] outward turn of the knee beyond the foot's.
        arm_forward: [T, 2] of the upper arm: 0 hangs, pi/2 forward, pi overhead.
        arm_out: [T, 2] of the upper arm: 0 hangs, pi/2 sideways; negative crosses the body when the arm is forward.
        arm_twist: [T, 2] inward about the upper arm's axis, beyond what the arm's raising brings along.
        elbow: [T, 2] flexion.
        palm: [T, 2] pronation of the forearm.
        wrist: [T, 2] flexion.
        fingers: [T, 2] flexion, all as one.
    """

    pelvis: np.ndarray
    pelvis_turn: np.ndarray
    spine: np.ndarray
    neck: np.ndarray
    feet: np.ndarray
    foot_pitch: np.ndarray
    foot_yaw: np.ndarray
    knee_out: np.ndarray
    arm_forward: np.ndarray
    arm_out: np.ndarray
    arm_twist: np.ndarray
    elbow: np.ndarray
    palm: np.ndarray
    wrist: np.ndarray
    fingers: np.ndarray


def at_ease(t: np.ndarray, style: Style) -> Controls:
    """Standing with hanging arms, breathing and swaying a little: t [T] seconds."""
    frames = len(t)
    breath = np.sin(2 * np.pi * (0.27 * style.tempo * t + style.phase))
    sway = np.sin(2 * np.pi * (0.13 * style.tempo * t + 1.7 * style.phase))

    def sides(value: float) -> np.ndarray:
        return np.full((frames, 2), value)

    zero = np.zeros(frames)
    feet = np.zeros((frames, 2, 3))
    feet[:, 0, 0], feet[:, 1, 0] = style.stance, -style.stance
    return Controls(
        pelvis=np.stack([0.012 * sway, zero - 0.012, 0.006 * sway], -1),
        pelvis_turn=np.stack([zero, zero, 0.01 * sway], -1),
        spine=np.stack([style.lean + 0.012 * breath, zero, style.tilt - 0.012 * sway], -1),
        neck=np.stack(
            [style.head[0] - 0.5 * style.lean - 0.01 * breath, style.head[1] + 0.05 * sway, -style.tilt + zero], -1
        ),
        feet=feet,
        foot_pitch=sides(0.0),
        foot_yaw=sides(style.toe_out),
        knee_out=sides(0.0),
        arm_forward=sides(style.arm_forward) + 0.01 * breath[:, None],
        arm_out=sides(style.arm_out) + 0.012 * breath[:, None],
        arm_twist=sides(0.25),
        elbow=sides(style.elbow),
        palm=sides(0.1),
        wrist=sides(0.08),
        fingers=sides(0.3),
    )


def solve(controls: Controls) -> tuple[np.ndarray, np.ndarray]:
    """Pose and pelvis path of the figure.

    The pelvis is lowered where a foot would be out of the leg's reach.

    Returns:
        Local joint rotations [T, 24, 3, 3], and pelvis positions [T, 3] in leg lengths, y over the floor.
    """
    measures = rig.reference()
    rest, leg = measures.joints, measures.leg_length
    frames = len(controls.pelvis)
    local = np.tile(np.eye(3), (frames, conventions.NUM_JOINTS, 1, 1))

    pelvis_rot = _turn(controls.pelvis_turn)
    foot_rots, ankles = zip(*(_foot(controls, side, measures) for side in (0, 1)), strict=True)
    pelvis = rest[0] - [0.0, measures.floor, 0.0] + leg * controls.pelvis
    pelvis[:, 1] -= _too_high(pelvis, pelvis_rot, ankles, rest)
    local[:, 0] = pelvis_rot
    for side in (0, 1):
        hip = pelvis + pelvis_rot @ (rest[rig.HIPS[side]] - rest[0])
        foot_yaw = SIGN[side] * controls.foot_yaw[:, side]
        knee_yaw = 0.4 * controls.pelvis_turn[:, 1] + 0.6 * foot_yaw + SIGN[side] * controls.knee_out[:, side]
        thigh, shank = _leg(ankles[side] - hip, knee_yaw, side, rest)
        local[:, rig.HIPS[side]] = _transpose(pelvis_rot) @ thigh
        local[:, rig.KNEES[side]] = _transpose(thigh) @ shank
        local[:, rig.ANKLES[side]] = _transpose(shank) @ foot_rots[side]
        # The toes stay flat while the heel is up; they straighten as the foot leaves the floor.
        down = 1.0 - ease(controls.feet[:, side, 1] / 0.3)
        local[:, rig.TOES[side]] = rotations.rotation_about(0, -np.clip(controls.foot_pitch[:, side], 0, 1.05) * down)

    for index in rig.SPINE:
        local[:, index] = rotations.axis_angle_to_matrix(controls.spine / len(rig.SPINE))
    for index in rig.NECK:
        local[:, index] = rotations.axis_angle_to_matrix(controls.neck / len(rig.NECK))
    for side in (0, 1):
        for index, matrix in _arm(controls, side).items():
            local[:, index] = matrix if side == 0 else _MIRROR @ matrix @ _MIRROR
    return local, pelvis / leg


def _turn(angles: np.ndarray) -> np.ndarray:
    """[..., 3] pitch, yaw, roll -> yaw first, then pitch, then roll about the turned axes: [..., 3, 3]."""
    pitch, yaw, roll = (rotations.rotation_about(axis, angles[..., axis]) for axis in range(3))
    return yaw @ pitch @ roll


def _transpose(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)


def _foot(controls: Controls, side: int, measures: rig.Rig) -> tuple[np.ndarray, np.ndarray]:
    """World rotation [T, 3, 3] and ankle position [T, 3] metres of one foot, turning about its ball or its heel."""
    rest, leg = measures.joints, measures.leg_length
    pitch = controls.foot_pitch[:, side]
    yaw = rotations.rotation_about(1, SIGN[side] * controls.foot_yaw[:, side])
    rot = yaw @ rotations.rotation_about(0, pitch)
    ankle = rest[rig.ANKLES[side]]
    sole = ankle[1] - measures.floor
    ball = rest[rig.TOES[side]] - ankle
    pivot = np.where(pitch[:, None] > 0, [ball[0], -sole, ball[2]], [0.0, -sole, -_HEEL * leg])
    position = ankle - [0.0, measures.floor, 0.0] + leg * controls.feet[:, side]
    return rot, position + np.einsum("tab,tb->ta", yaw - rot, pivot)


def _too_high(
    pelvis: np.ndarray, pelvis_rot: np.ndarray, ankles: tuple[np.ndarray, ...], rest: np.ndarray
) -> np.ndarray:
    """How much to lower the pelvis [T] so that both ankles can be reached, smooth in time."""
    need = np.zeros(len(pelvis))
    for side in (0, 1):
        hip_joint, knee, ankle = rig.HIPS[side], rig.KNEES[side], rig.ANKLES[side]
        length = np.linalg.norm(rest[knee] - rest[hip_joint]) + np.linalg.norm(rest[ankle] - rest[knee])
        to_ankle = ankles[side] - pelvis - pelvis_rot @ (rest[hip_joint] - rest[0])
        across = (to_ankle[:, [0, 2]] ** 2).sum(1)
        highest = np.sqrt(np.maximum((_REACH * length) ** 2 - across, 0.0))
        need = np.maximum(need, -to_ankle[:, 1] - highest)
    return need if len(need) < 5 else ndimage.gaussian_filter1d(ndimage.maximum_filter1d(need, 3), 1.0, mode="nearest")


def _leg(to_ankle: np.ndarray, knee_yaw: np.ndarray, side: int, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two-bone inverse kinematics: hip-to-ankle [T, 3] -> world rotations of thigh and shank [T, 3, 3].

    The knee turns about the figure's lateral axis, turned by knee_yaw and made square to the leg.
    """
    thigh_rest = rest[rig.KNEES[side]] - rest[rig.HIPS[side]]
    shank_rest = rest[rig.ANKLES[side]] - rest[rig.KNEES[side]]
    a, b = np.linalg.norm(thigh_rest), np.linalg.norm(shank_rest)
    distance = np.linalg.norm(to_ankle, axis=1, keepdims=True)
    along = to_ankle / distance
    distance = np.clip(distance, 0.35 * (a + b), (a + b) * 0.9995)
    lateral = rotations.rotation_about(1, knee_yaw)[:, :, 0]
    hinge = lateral - (lateral * along).sum(1, keepdims=True) * along
    hinge /= np.linalg.norm(hinge, axis=1, keepdims=True)
    front = np.cross(along, hinge)
    cosine = (a**2 + distance**2 - b**2) / (2 * a * distance)
    thigh = a * (cosine * along + np.sqrt(1.0 - cosine**2) * front)
    shank = distance * along - thigh
    return _align(thigh_rest, thigh, hinge), _align(shank_rest, shank, hinge)


def _align(rest_bone: np.ndarray, bone: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """Rotation [T, 3, 3] that takes the rest bone to `bone` and the lateral axis x to `hinge` (square to the bone)."""
    return frame(bone, hinge) @ frame(rest_bone[None], np.array([[1.0, 0.0, 0.0]]))[0].T


def _arm(controls: Controls, side: int) -> dict[int, np.ndarray]:
    """Local rotations of collar, shoulder, elbow, wrist and fingers of one side, as a left arm's."""
    forward, out = controls.arm_forward[:, side], controls.arm_out[:, side]
    upper = rotations.rotation_about(0, -forward) @ rotations.rotation_about(2, out - np.pi / 2)
    direction = upper[:, :, 0]
    elevation = np.arccos(np.clip(-direction[:, 1], -1.0, 1.0)) - np.pi / 2
    # The clavicle takes part of the arm's elevation (scapulohumeral rhythm) and follows it to the front.
    lift = np.where(elevation > 0, 0.25, 0.1) * elevation
    collar = rotations.rotation_about(1, -0.2 * direction[:, 2]) @ rotations.rotation_about(2, lift)
    # An arm that is raised sideways above the shoulder turns outward, or its bone would strike the shoulder's roof.
    twist = controls.arm_twist[:, side] - _OVERHEAD_TWIST * ease((out - np.radians(85)) / np.radians(90))
    shoulder = _transpose(collar) @ upper @ rotations.rotation_about(0, twist)
    palm = rotations.rotation_about(0, 0.5 * controls.palm[:, side])
    elbow = rotations.rotation_about(1, -controls.elbow[:, side]) @ palm
    wrist = palm @ rotations.rotation_about(2, -controls.wrist[:, side])
    return {
        rig.COLLARS[side]: collar,
        rig.SHOULDERS[side]: shoulder,
        rig.ELBOWS[side]: elbow,
        rig.WRISTS[side]: wrist,
        rig.HANDS[side]: rotations.rotation_about(2, -controls.fingers[:, side]),
    }
