"""How the bones of a captured skeleton lie in their own axes, compared with SMPL's: found once per file.

A file's rotations are relative to its rest pose, which may be a T-pose, stand with hanging arms, or be any frame that
an exporter happened to freeze. For every mapped joint a constant rotation is sought that turns SMPL's bone, as it is at
rest, into the captured bone's axes; from then on the file's own rotations carry it, twist included.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from model.conventions import joint
from synthesis.motion import rig
from synthesis.motion.frames import frame, shortest_rotation, unit

# The bone of each limb joint ends at this joint.
LIMB_ENDS = {
    start: end
    for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
    for side in "LR"
    for start, end in ((f"{side}_{chain[0]}", f"{side}_{chain[1]}"), (f"{side}_{chain[1]}", f"{side}_{chain[2]}"))
}
# Mean sine of flexion under which a hinge has shown no axis.
_LEAST_FLEXION = 0.05
# Share of frames, those with the lowest ankle, in which a foot stands flat.
_STANDING_SHARE = 0.25
# Sines of the pitch from ankle to toes of a flat foot, whatever the markers; and the share of the standing frames that
# must show one.
_FLAT_PITCH = np.sin(np.radians([-45.0, 25.0]))
_LEAST_FLAT = 0.25
# Cosine between the hinges of ankle and knee: feet turn in and out by less than this against the shank.
_LEAST_AGREEMENT = 0.5
_STRAIGHT = np.cos(np.radians(25))
_DOWN = np.cos(np.radians(40))


@dataclasses.dataclass(frozen=True, eq=False)
class Capture:
    """What retargeting needs of a file: T frames of the mapped joints, keyed by SMPL's joint names.

    Attributes:
        rot: [T, 3, 3] world rotation of each joint relative to the file's rest pose, y up.
        pos: [T, 3] world position of each joint, y up, in the file's unit.
        rest: [3] position of each joint in the file's rest pose, in the file's own axes.
    """

    rot: dict[str, np.ndarray]
    pos: dict[str, np.ndarray]
    rest: dict[str, np.ndarray]


def alignments(capture: Capture) -> dict[str, np.ndarray]:
    """The constant rotation [3, 3] of each joint, so that rot @ alignment is SMPL's world rotation.

    Joints without one are carried by their parents: unmapped ones, and feet that show no sole.
    """
    axes = standing_axes(capture.rest)
    result = _from_motion(capture) if axes is None else _from_rest(capture, axes)
    for side in "LR":
        sole = _sole(capture, side, result[f"{side}_knee"])
        if sole is not None:
            result[f"{side}_ankle"] = sole
    return result


def standing_axes(rest: dict[str, np.ndarray]) -> np.ndarray | None:
    """Axes of the figure (left, up, forward as columns [3, 3]) in the rest pose, or None if it is no standing pose.

    Standing: upright along the file's axes, knees and elbows straight, legs downwards; the arms may point anywhere.
    """
    hips = rest["L_hip"] - rest["R_hip"]
    up = rest["neck"] - 0.5 * (rest["L_hip"] + rest["R_hip"])
    measured = frame(hips, up)
    axes = np.round(measured)
    if abs(np.linalg.det(axes) - 1) > 1e-6 or (measured * axes).sum(0).min() < _STRAIGHT:
        return None
    bones = {start: unit(rest[end] - rest[start]) for start, end in LIMB_ENDS.items()}
    straight = all(
        bones[f"{s}_{upper}"] @ bones[f"{s}_{lower}"] > _STRAIGHT
        for s in "LR"
        for upper, lower in (("hip", "knee"), ("shoulder", "elbow"))
    )
    down = all(bones[f"{s}_hip"] @ -axes[:, 1] > _DOWN for s in "LR")
    return axes if straight and down else None


def _from_rest(capture: Capture, axes: np.ndarray) -> dict[str, np.ndarray]:
    """From a standing rest pose: limbs by the shortest way from SMPL's rest, the rest of the body upright as it is."""
    rest = rig.reference().joints
    result = {name: axes for name in capture.rot if not name.endswith(("_ankle", "_foot"))}
    for start, end in LIMB_ENDS.items():
        bone = axes.T @ (capture.rest[end] - capture.rest[start])
        result[start] = axes @ shortest_rotation(rest[joint(end)] - rest[joint(start)], bone)
    for side in "LR":
        result[f"{side}_wrist"] = result[f"{side}_elbow"]
    return result


def _from_motion(capture: Capture) -> dict[str, np.ndarray]:
    """From the motion itself, where the rest pose says nothing: bones by their mean directions in their own axes.

    Twist comes from the hinges: knees and elbows bend about one axis, which the motion shows. Joints without a hinge
    keep on average the twist of the joint that carries them. Spine joints between pelvis and chest are left out.
    """
    rest = rig.reference().joints

    def bone(start: str, end: str) -> tuple[np.ndarray, np.ndarray]:
        """A bone's direction in the captured joint's own axes, and at SMPL's rest."""
        local = _mean_local(capture.rot[start], unit(capture.pos[end] - capture.pos[start]))
        return local, rest[joint(end)] - rest[joint(start)]

    result: dict[str, np.ndarray] = {}

    def carried(name: str, carrier: str, axis: np.ndarray) -> np.ndarray:
        """Mean direction, in the axes of joint `name`, of SMPL's rest direction `axis` as the carrier turns it."""
        return _mean_local(capture.rot[name], capture.rot[carrier] @ result[carrier] @ axis)

    def solve(name: str, first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> None:
        result[name] = frame(first[0], second[0]) @ frame(first[1], second[1]).T

    left, up = np.eye(3)[:2]
    trunk = (("pelvis", "L_hip", "R_hip", "spine3"), ("spine3", "L_shoulder", "R_shoulder", "neck"))
    for name, left_end, right_end, end in trunk:
        middle_rest = 0.5 * (rest[joint(left_end)] + rest[joint(right_end)])
        base = 0.5 * (capture.pos[left_end] + capture.pos[right_end]) if name == "pelvis" else capture.pos[name]
        base_rest = middle_rest if name == "pelvis" else rest[joint(name)]
        across = _mean_local(capture.rot[name], unit(capture.pos[left_end] - capture.pos[right_end]))
        along = _mean_local(capture.rot[name], unit(capture.pos[end] - base))
        solve(name, (across, left), (along, rest[joint(end)] - base_rest))
    if "head" in capture.rot:
        solve("neck", (carried("neck", "spine3", left), left), bone("neck", "head"))
        solve("head", (carried("head", "neck", left), left), (carried("head", "neck", up), up))
    else:
        solve("neck", (carried("neck", "spine3", left), left), (carried("neck", "spine3", up), up))
    for s, sign in (("L", 1.0), ("R", -1.0)):
        collar = f"{s}_collar"
        if collar in capture.rot:
            solve(collar, (carried(collar, "spine3", sign * left), sign * left), (carried(collar, "spine3", up), up))
        for upper, lower, end, hinge in (("hip", "knee", "ankle", left), ("shoulder", "elbow", "wrist", -sign * up)):
            a, b, c = f"{s}_{upper}", f"{s}_{lower}", f"{s}_{end}"
            # Upper cross lower bone is the hinge's axis, as long as the flexion's sine: straight limbs do not count.
            axis = np.cross(unit(capture.pos[b] - capture.pos[a]), unit(capture.pos[c] - capture.pos[b]))
            local_axis = _mean_local(capture.rot[a], axis)
            if np.linalg.norm(local_axis) < _LEAST_FLEXION:
                local_axis = carried(a, "pelvis" if upper == "hip" else "spine3", hinge)
            solve(a, bone(a, b), (local_axis, hinge))
            solve(b, bone(b, c), (carried(b, a, hinge), hinge))
        solve(
            f"{s}_wrist",
            (carried(f"{s}_wrist", f"{s}_elbow", sign * left), sign * left),
            (carried(f"{s}_wrist", f"{s}_elbow", up), up),
        )
    return result


def _sole(capture: Capture, side: str, knee: np.ndarray) -> np.ndarray | None:
    """A foot's alignment [3, 3]: flat while the ankle is lowest, toes along the captured foot.

    Taken from the motion even where the rest pose is a standing one: files exist whose header belongs to another
    subject than their motion, which shows first in feet that never get flat. None for feet that are on their toes all
    the time, as a dancer's, or that are twisted against the shank as none can be.
    """
    rest = rig.reference().joints
    ankle, toe = f"{side}_ankle", f"{side}_foot"
    if toe not in capture.pos:
        return knee
    height, bone = capture.pos[ankle][:, 1], unit(capture.pos[toe] - capture.pos[ankle])
    low = height <= np.quantile(height, _STANDING_SHARE)
    flat = low & (bone[:, 1] > _FLAT_PITCH[0]) & (bone[:, 1] < _FLAT_PITCH[1])
    if flat.sum() < _LEAST_FLAT * low.sum():
        return None
    up = np.array([0.0, 1.0, 0.0])
    normal = _mean_local(capture.rot[ankle][flat], np.broadcast_to(up, (flat.sum(), 3)))
    toes = _mean_local(capture.rot[ankle], bone)
    sole = frame(normal, toes) @ frame(up, rest[joint(toe)] - rest[joint(ankle)]).T
    across, shank_across = (capture.rot[ankle] @ sole)[..., 0], (capture.rot[f"{side}_knee"] @ knee)[..., 0]
    return sole if np.median((across * shank_across).sum(-1)) > _LEAST_AGREEMENT else None


def _mean_local(rot: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Mean of world directions [T, 3] seen in turning axes rot [T, 3, 3]."""
    return np.einsum("tba,tb->a", rot, direction) / len(rot)
