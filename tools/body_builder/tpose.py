"""From MakeHuman's A-pose to SMPL's T-pose."""

from __future__ import annotations

import numpy as np

from model import conventions, rotations
from model.conventions import joint
from tools.body_builder.rig import Rig

# Directions of SMPL's rest pose, x outwards: upper arm, forearm, hand, thigh, shin; sideways share of the toes. Thighs
# are spread by two degrees more than SMPL's, so that heavy people's touch later.
UPPER_ARM, FOREARM, HAND = np.array([[1.0, -0.05, -0.10], [1.0, 0.03, -0.01], [1.0, -0.06, -0.04]])
THIGH, SHIN = np.array([[0.125, -1.0, -0.012], [-0.03, -1.0, -0.10]])
TOES_OUT = 0.11
COLLAR_LIFT = np.radians(16)
# SMPL stands more upright than MakeHuman: turns of the trunk about x, backwards, by which its joints come to lie as far
# behind the hips as SMPL's.
LEAN = {"spine1": -2.5, "spine2": -4.5, "spine3": -5.5, "neck": -3.0, "head": 0.0}  # degrees, in the world


def to_tpose(vertices: np.ndarray, male: float, rig: Rig, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses one body by linear blend skinning.

    Args:
        vertices: [U, 3] metres, MakeHuman's rest pose.
        male: 1 for a man, 0 for a woman.
        rig: joint landmarks.
        weights: [U, 24].

    Returns:
        Vertices [U, 3] and joints [24, 3] metres in the T-pose; the pelvis stays where it was.
    """
    joints = rig.joints(vertices, male)
    world = _world_rotations(vertices, joints, rig)
    placed = joints.copy()
    for j, parent in enumerate(conventions.PARENTS):
        if parent >= 0:
            placed[j] = placed[parent] + world[parent] @ (joints[j] - joints[parent])
    shift = placed - np.einsum("jab,jb->ja", world, joints)
    blended = (weights @ world.reshape(-1, 9)).reshape(-1, 3, 3)
    return np.einsum("vab,vb->va", blended, vertices) + weights @ shift, placed


def _world_rotations(vertices: np.ndarray, joints: np.ndarray, rig: Rig) -> np.ndarray:
    """World rotation [24, 3, 3] of each joint that turns its bone into SMPL's rest direction."""
    world = np.tile(np.eye(3), (conventions.NUM_JOINTS, 1, 1))
    for name, degrees in LEAN.items():
        world[joint(name)] = rotations.rotation_about(0, np.radians(degrees))
    for side, s in (("L", 1.0), ("R", -1.0)):
        outwards = np.array([s, 1.0, 1.0])
        names = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist", "hand")
        hip, knee, ankle, foot, shoulder, elbow, wrist, hand = (joints[joint(f"{side}_{n}")] for n in names)
        world[joint(f"{side}_collar")] = world[joint("spine3")] @ rotations.rotation_about(2, s * COLLAR_LIFT)

        # In SMPL's T-pose the elbow's hinge is vertical: bending it brings the hand forward.
        hinge = np.cross(elbow - shoulder, wrist - elbow)
        down = np.array([0.0, -s, 0.0])
        world[joint(f"{side}_shoulder")] = _turn(elbow - shoulder, hinge, UPPER_ARM * outwards, down)
        world[joint(f"{side}_elbow")] = _turn(wrist - elbow, hinge, FOREARM * outwards, down)
        finger = side.lower() + "-finger-"
        across = rig.marker(vertices, finger + "2-1") - rig.marker(vertices, finger + "5-1")
        palm_down = _turn(hand - wrist, across, HAND * outwards, np.array([0.0, 0.0, 1.0]))
        world[joint(f"{side}_wrist")] = world[joint(f"{side}_hand")] = palm_down

        world[joint(f"{side}_hip")] = _shortest_turn(knee - hip, THIGH * outwards)
        world[joint(f"{side}_knee")] = _shortest_turn(ankle - knee, SHIN * outwards)
        toes = foot - ankle
        yaw = np.arctan2(s * TOES_OUT, 1.0) - np.arctan2(toes[0], toes[2])
        world[joint(f"{side}_ankle")] = world[joint(f"{side}_foot")] = rotations.rotation_about(1, yaw)
    return world


def _turn(direction: np.ndarray, normal: np.ndarray, to_direction: np.ndarray, to_normal: np.ndarray) -> np.ndarray:
    """Rotation that takes a direction, and the part of a normal at right angles to it, to another such pair."""
    return _frame(to_direction, to_normal) @ _frame(direction, normal).T


def _frame(direction: np.ndarray, normal: np.ndarray) -> np.ndarray:
    x = direction / np.linalg.norm(direction)
    z = normal - x * (normal @ x)
    z /= np.linalg.norm(z)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _shortest_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rotation by the smallest angle that takes direction a to direction b."""
    axis = np.cross(a, b)
    angle = np.arctan2(np.linalg.norm(axis), a @ b)
    return rotations.axis_angle_to_matrix(axis / max(np.linalg.norm(axis), 1e-12) * angle)
