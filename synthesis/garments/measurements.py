"""Tailor's measurements of a T-posed body."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.spatial import ConvexHull

from model import conventions
from model.body.numpy_body import NumpyBody
from synthesis.garments.expressions import PatternError

_ARM = [conventions.joint(f"{s}_{j}") for s in "LR" for j in ("shoulder", "elbow", "wrist", "hand")]
_HEAD = [conventions.joint("head")]
_LEGS = {s: [conventions.joint(f"{s}_{j}") for j in ("hip", "knee", "ankle", "foot")] for s in "LR"}
# Skin that both legs move, on the way from one to the other: the crotch is the lowest of it.
_BETWEEN_LEGS = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class DressForm:
    """A T-posed body with its parts told apart, to measure and to wrap panels around.

    Attributes:
        vertices: [V, 3] metres, world frame.
        faces: [F, 3].
        joints: [24, 3] metres.
        arm: [V] share of skinning weight on the arms.
        head: [V] share of skinning weight on the head.
        legs: [V, 2] shares of skinning weight on the left and the right leg.
    """

    vertices: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    arm: np.ndarray
    head: np.ndarray
    legs: np.ndarray

    @classmethod
    def of(cls, body: NumpyBody, betas: np.ndarray) -> DressForm:
        """The dress form of one person: betas [10]."""
        vertices, joints = body.shaped(betas)
        weights = body.data.weights
        faces = body.data.faces[body.data.face_parts == 0].astype(np.int64)
        return cls(
            vertices.astype(np.float64),
            faces,
            joints.astype(np.float64),
            weights[:, _ARM].sum(1),
            weights[:, _HEAD].sum(1),
            np.stack([weights[:, _LEGS[side]].sum(1) for side in "LR"], 1),
        )

    def joint(self, name: str) -> np.ndarray:
        """[3] position of a joint, metres."""
        return self.joints[conventions.joint(name)]

    def section(self, axis: int, at: float, part: np.ndarray) -> np.ndarray:
        """Points where a plane cuts the mesh edges of a body part.

        Args:
            axis: normal of the plane, 0 (x) or 1 (y).
            at: position of the plane, metres.
            part: [V] bool, vertices of the part; faces with all corners in it are cut.

        Returns:
            [N, 2] metres, the two other coordinates in the order (x, z) or (z, y).
        """
        faces = self.faces[part[self.faces].all(1)]
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        a, b = self.vertices[edges[:, 0]], self.vertices[edges[:, 1]]
        cut = (a[:, axis] <= at) & (b[:, axis] > at)
        a, b = a[cut], b[cut]
        share = (at - a[:, axis]) / (b[:, axis] - a[:, axis])
        return (a + share[:, None] * (b - a))[:, [2, 1] if axis == 0 else [0, 2]]


def girth(points: np.ndarray) -> float:
    """Length in metres of a tape pulled tight around section points [N, 2] (their convex hull's perimeter)."""
    return perimeter(points[ConvexHull(points).vertices])


def perimeter(polygon: np.ndarray) -> float:
    """Length in metres of the closed outline of a polygon [N, 2]."""
    return float(np.linalg.norm(polygon - np.roll(polygon, 1, 0), axis=1).sum())


def measure(form: DressForm) -> dict[str, float]:
    """Measurements in metres; heights (`*_y`) are world y of the T-posed body.

    Names: shoulder_y (top of the shoulder line beside the neck), shoulder_tip_y, shoulder_half, neck_half, armpit_y,
    chest_y, chest_girth, waist_y, waist_girth, hip_y, hip_girth, crotch_y, knee_y, ankle_y, floor_y, thigh_girth,
    knee_girth, ankle_girth, biceps_girth, wrist_girth, elbow_x, wrist_x.
    """
    v = form.vertices
    torso, arm = form.arm < 0.5, form.arm >= 0.5
    shoulder, elbow, wrist = form.joint("L_shoulder"), form.joint("L_elbow"), form.joint("L_wrist")
    knee, ankle, floor_y = form.joint("L_knee"), form.joint("L_ankle"), float(v[:, 1].min())

    def torso_girth(y: float) -> float:
        return girth(form.section(1, y, torso))

    def arm_girth(x: float) -> float:
        return girth(form.section(0, x, arm & (v[:, 0] > 0)))

    def leg_girth(y: float) -> float:
        points = form.section(1, y, torso)
        return girth(points[points[:, 0] > 0])

    crotch_y = _crotch(form)
    under_arm = arm & (np.abs(v[:, 0] - shoulder[0] - 0.04) < 0.03)
    armpit_y = float(v[under_arm, 1].min())
    waist_y = float(form.joint("spine1")[1])
    hip_heights = np.linspace(crotch_y + 0.02, waist_y, 8)
    hip_girths = [torso_girth(y) for y in hip_heights]
    chest_heights = np.linspace(float(form.joint("spine2")[1]), armpit_y, 6)
    chest_girths = [torso_girth(y) for y in chest_heights]
    neck_half = float(form.section(1, form.joint("neck")[1] + 0.02, torso & (np.abs(v[:, 0]) < 0.15))[:, 0].max())
    tops = {name: _top(form, x) for name, x in (("neck", neck_half + 0.02), ("tip", shoulder[0]))}
    return {
        "shoulder_y": tops["neck"],
        "shoulder_tip_y": tops["tip"],
        "shoulder_half": float(shoulder[0]),
        "neck_half": neck_half,
        "armpit_y": armpit_y,
        "chest_y": float(chest_heights[int(np.argmax(chest_girths))]),
        "chest_girth": max(chest_girths),
        "waist_y": waist_y,
        "waist_girth": torso_girth(waist_y),
        "hip_y": float(hip_heights[int(np.argmax(hip_girths))]),
        "hip_girth": max(hip_girths),
        "crotch_y": crotch_y,
        "knee_y": float(knee[1]),
        "ankle_y": float(ankle[1]),
        "floor_y": floor_y,
        "thigh_girth": leg_girth(crotch_y - 0.03),
        "knee_girth": leg_girth(float(knee[1])),
        "ankle_girth": leg_girth(float(ankle[1]) + 0.03),
        "biceps_girth": arm_girth(float(shoulder[0] + 0.35 * (elbow[0] - shoulder[0]))),
        "wrist_girth": arm_girth(float(wrist[0])),
        "elbow_x": float(elbow[0]),
        "wrist_x": float(wrist[0]),
    }


def _crotch(form: DressForm) -> float:
    """Height of the lowest skin between the legs, metres. Thighs may overlap in the middle: skinning weights tell."""
    edges = np.concatenate([form.faces[:, [0, 1]], form.faces[:, [1, 2]], form.faces[:, [2, 0]]])
    lead = form.legs[:, 0] - form.legs[:, 1]
    changes = (lead[edges[:, 0]] >= 0) & (lead[edges[:, 1]] < 0) & (form.legs[edges].sum((1, 2)) > _BETWEEN_LEGS)
    if not changes.any():
        raise PatternError("A body's legs are told apart by its skinning weights. Received: none between two legs")
    return float(form.vertices[edges[changes], 1].mean(1).min())


def _top(form: DressForm, x: float) -> float:
    """Height of the shoulder line above a point x to the left of the middle, metres."""
    points = form.section(0, x, form.head < 0.5)
    return float(points[:, 1].max())
