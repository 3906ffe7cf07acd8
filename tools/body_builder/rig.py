"""SMPL's 24 joints and skin weights on MakeHuman's base mesh."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from model import conventions
from model.conventions import joint
from tools.body_builder import meshes
from tools.body_builder.source import NUM_SKIN, BaseMesh

INFLUENCES = 4  # weights of a vertex that are kept, as in SMPL
CENTRAL = tuple(j for j, mirrored in enumerate(conventions.JOINT_MIRROR) if j == mirrored)
# The aim is SMPL's mean rest skeleton, as published with many tools, over its stature of 1.72 m. Heights over the
# floor: pelvis 0.548, hips 0.495, spine1 0.611, spine2 0.690, spine3 0.720, collars 0.790, shoulders 0.809, neck 0.845,
# head 0.882; sideways: hips 0.040, collars 0.047, shoulders 0.101; depth from the pelvis: hips -0.003, spine1 -0.016,
# spine2 -0.015, spine3 0.000, neck -0.025, shoulders -0.027. The shares below reach these on the average body.
HIP_DROP = 0.12  # share of the way from MakeHuman's hip marker to its knee marker
# Distance between the hips over stature. SMPL's are nearer to each other than anatomical hip joint centres. Women's
# pelvises are the wider ones for their stature.
HIP_SPACING = {"male": 0.078, "female": 0.0835}
PELVIS_BEFORE_HIPS = 0.0033  # of stature
# Shares of the way from back skin to front skin, in the plane of symmetry; the pelvis takes its height alone from it.
SPINE_DEPTH = {"pelvis": 0.5, "spine1": 0.26, "spine2": 0.29, "spine3": 0.44}
KNEE_DROP = 0.035  # share of the way from MakeHuman's knee marker, at the patella, to its ankle marker
KNEE_BAND = 0.03  # half height of the ring of skin around a knee, metres
# Hip joint centres of adults lie 17.5 cm apart, at average stature (Bell et al. 1990, Harrington et al. 2007).
ANATOMICAL_HIP_SPACING = 0.103
# The lumbar and thoracic boundaries are blended over these half heights (metres), as MakeHuman's own spine is not used.
TRUNK_BLEND = {"spine1": 0.09, "spine2": 0.08, "spine3": 0.07}
TRUNK_BONES = ("root", "spine01", "spine02", "spine03", "spine04", "spine05", "breast", "pelvis")
SMALLEST_WEIGHT = 1e-3
# How far (metres) each joint's weights are spread over the surface beyond MakeHuman's.
SMOOTHING = {
    "hip": 0.03, "knee": 0.032, "ankle": 0.012, "pelvis": 0.03, "spine1": 0.02, "spine2": 0.02, "spine3": 0.025,
    "collar": 0.03, "shoulder": 0.03, "elbow": 0.024, "wrist": 0.006, "neck": 0.012, "head": 0.008,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Rig:
    """Where joints lie in any body of the base mesh, chosen once on a reference body.

    Attributes:
        cubes: name -> vertex indices of MakeHuman's marker cubes.
        spine: joint of the trunk -> skin vertices [2, n] behind and before it in the plane of symmetry.
        knees: [2, n] rings of skin around the left and the right knee.
        knee_offset: [2, 3] from the middle of each ring to the knee, in units of stature.
    """

    cubes: dict[str, np.ndarray]
    spine: dict[str, np.ndarray]
    knees: np.ndarray
    knee_offset: np.ndarray

    def marker(self, vertices: np.ndarray, name: str) -> np.ndarray:
        """Centre [3] of one marker cube."""
        return vertices[self.cubes[name]].mean(0)

    def joints(self, vertices: np.ndarray, male: float) -> np.ndarray:
        """Joints [24, 3] metres of a body in MakeHuman's rest pose.

        Args:
            vertices: [U, 3] metres.
            male: 1 for a man, 0 for a woman; between them, hips lie between.
        """
        joints = _marker_joints(self.cubes, vertices)
        stature = np.ptp(vertices[:NUM_SKIN, 1])
        for name, share in SPINE_DEPTH.items():
            back, front = vertices[self.spine[name], 1:].mean(1)
            joints[joint(name), 1:] = back + share * (front - back)
        joints[[joint("L_knee"), joint("R_knee")]] = vertices[self.knees].mean(1) + self.knee_offset * stature
        spacing = HIP_SPACING["female"] + male * (HIP_SPACING["male"] - HIP_SPACING["female"])
        hips = [joint("L_hip"), joint("R_hip")]
        joints[hips, 0] = np.array([0.5, -0.5]) * spacing * stature
        joints[0, 2] = joints[hips, 2].mean() + PELVIS_BEFORE_HIPS * stature
        return joints


def make_rig(mesh: BaseMesh, reference: np.ndarray) -> Rig:
    """Chooses the rig's landmarks on a reference body of average build, vertices [U, 3] metres.

    Joints of the trunk follow the skin behind and before them, and knees the skin around them: MakeHuman's markers for
    these slide along the body, the knees' by up to 5 cm, when its sliders move.
    """
    skin = reference[:NUM_SKIN]
    joints = _marker_joints(mesh.cubes, reference)
    middle = np.flatnonzero(mesh.mirror == np.arange(NUM_SKIN))
    axis = joints[joint("spine1"), 2] + 0.03
    spine = {}
    for name in SPINE_DEPTH:
        distance = np.abs(skin[middle, 1] - joints[joint(name), 1])
        is_back = skin[middle, 2] < axis
        spine[name] = np.array(
            [middle[side][np.argsort(distance[side], kind="stable")[:4]] for side in (is_back, ~is_back)]
        )
    knee = joints[joint("L_knee")]
    left = np.flatnonzero((np.abs(skin[:, 1] - knee[1]) < KNEE_BAND) & (np.hypot(*(skin - knee)[:, [0, 2]].T) < 0.12))
    knees = np.stack([left, mesh.mirror[left]])
    offset = (joints[[joint("L_knee"), joint("R_knee")]] - reference[knees].mean(1)) / np.ptp(skin[:, 1])
    return Rig(mesh.cubes, spine, knees, offset)


def _marker_joints(cubes: dict[str, np.ndarray], vertices: np.ndarray) -> np.ndarray:
    """Joints [24, 3] from MakeHuman's marker cubes alone."""

    def at(name: str) -> np.ndarray:
        return vertices[cubes[name]].mean(0)

    def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
        return a + share * (b - a)

    named = {
        "pelvis": between(at("pelvis"), at("spine-4"), 0.42),
        "spine1": between(at("spine-4"), at("spine-3"), 0.88),
        "spine2": between(at("spine-2"), at("spine-1"), 0.345),
        "spine3": between(at("spine-2"), at("spine-1"), 0.695),
        "neck": between(at("spine-1"), at("neck"), 0.935),
        "head": between(at("neck"), at("head"), 0.5),
    }
    for side in "LR":
        s = side.lower()
        shoulder, wrist, ankle = at(f"{s}-shoulder"), at(f"{s}-hand"), at(f"{s}-ankle")
        collar = between(at(f"{s}-clavicle"), at(f"{s}-scapula"), 0.7)
        collar[1:] = shoulder[1:]
        foot = at(f"{s}-foot-1")
        foot[1] += 0.2 * (ankle[1] - foot[1])
        named |= {
            f"{side}_hip": between(at(f"{s}-upper-leg"), at(f"{s}-knee"), HIP_DROP),
            f"{side}_knee": between(at(f"{s}-knee"), ankle, KNEE_DROP),
            f"{side}_ankle": ankle,
            f"{side}_foot": foot,
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
    weights += trunk[:, None] * _trunk_shares(reference[:NUM_SKIN, 1], rig.joints(reference, male=0.5)[:, 1])
    weights = _smooth(weights / weights.sum(1, keepdims=True), reference[:NUM_SKIN], meshes.triangulate(mesh.quads))
    weights = 0.5 * (weights + weights[mesh.mirror][:, conventions.JOINT_MIRROR])
    weights = keep_largest(weights)
    full = np.zeros((len(mesh.vertices), conventions.NUM_JOINTS))
    full[:, joint("head")] = 1.0
    full[:NUM_SKIN] = weights
    return full


def _smooth(weights: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Weights [V, 24] after diffusion over the surface, so that bends are spread; hands, feet and face stay sharp.

    One implicit step of the heat equation per joint (Desbrun et al. 1999), with the width that the joint's bend wants.
    """
    stiffness, mass = meshes.cotangent_laplacian(vertices, faces)
    smoothed = weights.copy()
    for name, width in SMOOTHING.items():
        pairs = [j for j, joint_name in enumerate(conventions.JOINTS) if joint_name.split("_")[-1] == name]
        solve = scipy.sparse.linalg.splu((scipy.sparse.diags(mass) + width**2 / 2 * stiffness).tocsc()).solve
        smoothed[:, pairs] = solve(mass[:, None] * weights[:, pairs])
    smoothed = np.maximum(smoothed, 0.0)
    return smoothed / smoothed.sum(1, keepdims=True)


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
