"""SMPL's 24 joints and skin weights on MakeHuman's base mesh."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import conventions
from model.body.numpy_body import INFLUENCES
from model.conventions import joint
from tools.body_builder.source import NUM_SKIN, BaseMesh

CENTRAL = tuple(j for j, mirrored in enumerate(conventions.JOINT_MIRROR) if j == mirrored)
# The spine's bodies lie nearer to the back than to the belly: share of the way from back skin to front skin.
SPINE_DEPTH = 0.38
# Distance of the hip joint centres over stature: 17.5 cm in average adults (Bell et al. 1990, Harrington et al. 2007).
HIP_SPACING = 0.103
# The lumbar and thoracic boundaries are blended over these half heights (metres), as MakeHuman's own spine is not used.
TRUNK_BLEND = {"spine1": 0.09, "spine2": 0.08, "spine3": 0.07}
TRUNK_BONES = ("root", "spine01", "spine02", "spine03", "spine04", "spine05", "breast", "pelvis")
SMALLEST_WEIGHT = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Rig:
    """Where joints lie in any body of the base mesh, chosen once on a reference body.

    Attributes:
        cubes: name -> vertex indices of MakeHuman's marker cubes.
        spine_back: [4, n] skin vertices behind pelvis, spine1, spine2 and spine3 in the plane of symmetry.
        spine_front: [4, n] the same in front.
        hip_inset: factor on the sideways position of MakeHuman's hip markers.
    """

    cubes: dict[str, np.ndarray]
    spine_back: np.ndarray
    spine_front: np.ndarray
    hip_inset: float

    def marker(self, vertices: np.ndarray, name: str) -> np.ndarray:
        """Centre [3] of one marker cube."""
        return vertices[self.cubes[name]].mean(0)

    def joints(self, vertices: np.ndarray) -> np.ndarray:
        """Joints [24, 3] metres of a body in MakeHuman's rest pose, vertices [U, 3]."""
        joints = _marker_joints(self.cubes, vertices)
        for row, name in enumerate(("pelvis", *TRUNK_BLEND)):
            back, front = vertices[self.spine_back[row], 2].mean(), vertices[self.spine_front[row], 2].mean()
            joints[joint(name), 2] = back + SPINE_DEPTH * (front - back)
        joints[[joint("L_hip"), joint("R_hip")], 0] *= self.hip_inset
        return joints


def make_rig(mesh: BaseMesh, reference: np.ndarray) -> Rig:
    """Chooses the rig's landmarks on a reference body of average build, vertices [U, 3] metres.

    MakeHuman's hip markers lie too far out, near the trochanters. They are moved inwards, to HIP_SPACING on the
    reference, by one factor for every body, so that fat does not push the hips apart.
    """
    skin = reference[:NUM_SKIN]
    joints = _marker_joints(mesh.cubes, reference)
    middle = np.flatnonzero(mesh.mirror == np.arange(NUM_SKIN))
    axis = joints[joint("spine1"), 2] + 0.03
    back, front = [], []
    for name in ("pelvis", *TRUNK_BLEND):
        distance = np.abs(skin[middle, 1] - joints[joint(name), 1])
        is_back = skin[middle, 2] < axis
        back.append(middle[is_back][np.argsort(distance[is_back], kind="stable")[:3]])
        front.append(middle[~is_back][np.argsort(distance[~is_back], kind="stable")[:3]])
    inset = 0.5 * HIP_SPACING * np.ptp(skin[:, 1]) / joints[joint("L_hip"), 0]
    return Rig(mesh.cubes, np.array(back), np.array(front), float(inset))


def _marker_joints(cubes: dict[str, np.ndarray], vertices: np.ndarray) -> np.ndarray:
    """Joints [24, 3] from MakeHuman's marker cubes alone."""

    def at(name: str) -> np.ndarray:
        return vertices[cubes[name]].mean(0)

    def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
        return a + share * (b - a)

    named = {
        "pelvis": between(at("spine-4"), at("spine-3"), 0.2),
        "spine1": between(at("spine-3"), at("spine-2"), 0.35),
        "spine2": between(at("spine-2"), at("spine-1"), 0.33),
        "spine3": between(at("spine-2"), at("spine-1"), 0.68),
        "neck": at("neck"),
        "head": at("head"),
    }
    for side in "LR":
        s = side.lower()
        shoulder, wrist = at(f"{s}-shoulder"), at(f"{s}-hand")
        collar = between(at(f"{s}-clavicle"), at(f"{s}-scapula"), 0.5)
        collar[2] = shoulder[2]
        named |= {
            f"{side}_hip": at(f"{s}-upper-leg"),
            f"{side}_knee": at(f"{s}-knee"),
            f"{side}_ankle": at(f"{s}-ankle"),
            f"{side}_foot": at(f"{s}-foot-1"),
            f"{side}_collar": collar,
            f"{side}_shoulder": shoulder,
            f"{side}_elbow": at(f"{s}-elbow"),
            f"{side}_wrist": wrist,
            f"{side}_hand": between(wrist, at(f"{s}-finger-3-1"), 0.95),
        }
    joints = np.array([named[name] for name in conventions.JOINTS], np.float64)
    joints[list(CENTRAL), 0] = 0.0
    return joints


def skin_weights(bone_weights: dict[str, np.ndarray], mesh: BaseMesh, reference: np.ndarray, rig: Rig) -> np.ndarray:
    """Skinning weights [U, 24] of skin and eyeballs: MakeHuman's 163 bones folded into SMPL's 24.

    The trunk is divided between pelvis, spine1, spine2 and spine3 by height; the largest four weights are kept; left
    and right are made alike. Eyeballs follow the head.

    Args:
        bone_weights: bone name -> rows of (vertex, weight).
        mesh: the base mesh.
        reference: [U, 3] metres, the body on which heights are taken.
        rig: joints of that body.
    """
    weights = np.zeros((NUM_SKIN, conventions.NUM_JOINTS))
    trunk = np.zeros(NUM_SKIN)
    for bone, rows in bone_weights.items():
        rows = rows[rows[:, 0] < NUM_SKIN]
        vertex = rows[:, 0].astype(int)
        if bone.split(".")[0] in TRUNK_BONES:
            np.add.at(trunk, vertex, rows[:, 1])
        else:
            for name, share in _fold(bone).items():
                np.add.at(weights[:, joint(name)], vertex, share * rows[:, 1])
    weights += trunk[:, None] * _trunk_shares(reference[:NUM_SKIN, 1], rig.joints(reference)[:, 1])
    weights = 0.5 * (weights + weights[mesh.mirror][:, conventions.JOINT_MIRROR])
    weights = keep_largest(weights / weights.sum(1, keepdims=True))
    full = np.zeros((len(mesh.vertices), conventions.NUM_JOINTS))
    full[:, joint("head")] = 1.0
    full[:NUM_SKIN] = weights
    return full


def keep_largest(weights: np.ndarray) -> np.ndarray:
    """Rows of [V, 24] with their four largest weights, summing to 1.

    Weights equal to the fifth go too: a left and a right joint that tie are both dropped, which keeps the symmetry.
    """
    fifth = -np.partition(-weights, INFLUENCES, axis=1)[:, INFLUENCES : INFLUENCES + 1]
    kept = np.where(weights > np.maximum(fifth + 1e-9, SMALLEST_WEIGHT), weights, 0.0)
    return kept / kept.sum(1, keepdims=True)


def _trunk_shares(height: np.ndarray, joint_height: np.ndarray) -> np.ndarray:
    """Shares [V, 24] of the four trunk joints at each height, smooth steps at the spine joints."""
    above = [np.ones_like(height)]
    for name, half in TRUNK_BLEND.items():
        x = np.clip((height - joint_height[joint(name)] + half) / (2 * half), 0, 1)
        above.append(np.minimum(above[-1], x * x * (3 - 2 * x)))
    above.append(np.zeros_like(height))
    shares = np.zeros((len(height), conventions.NUM_JOINTS))
    for row, name in enumerate(("pelvis", *TRUNK_BLEND)):
        shares[:, joint(name)] = above[row] - above[row + 1]
    return shares


_LIMB_BONES = {
    "upperleg01": "hip", "upperleg02": "hip", "lowerleg01": "knee", "lowerleg02": "knee", "foot": "ankle",
    "clavicle": "collar", "shoulder01": "collar", "upperarm01": "shoulder", "upperarm02": "shoulder",
    "lowerarm01": "elbow", "lowerarm02": "elbow", "wrist": "wrist",
}  # fmt: skip


def _fold(bone: str) -> dict[str, float]:
    """Shares of SMPL's joints in one of MakeHuman's bones outside the trunk."""
    name, _, side = bone.partition(".")
    prefix = "R_" if side == "R" else "L_"
    if name in _LIMB_BONES:
        return {prefix + _LIMB_BONES[name]: 1.0}
    if name.startswith("toe"):
        return {prefix + "foot": 1.0}
    if name.startswith("metacarpal"):
        return {prefix + "wrist": 1.0}
    if name == "finger1-1":  # the thumb's ball moves with the palm and with the fingers
        return {prefix + "wrist": 0.6, prefix + "hand": 0.4}
    if name.startswith("finger"):
        return {prefix + "hand": 1.0}
    if name in ("neck01", "neck02"):
        return {"neck": 1.0}
    if name == "neck03":
        return {"neck": 0.5, "head": 0.5}
    return {"head": 1.0}  # skull, jaw, face, tongue
