"""The skeleton that motions are made on: the neutral body in use, at rest, and what is measured on any body."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.conventions import NUM_BETAS, joint

HIPS = (joint("L_hip"), joint("R_hip"))
KNEES = (joint("L_knee"), joint("R_knee"))
ANKLES = (joint("L_ankle"), joint("R_ankle"))
TOES = (joint("L_foot"), joint("R_foot"))
COLLARS = (joint("L_collar"), joint("R_collar"))
SHOULDERS = (joint("L_shoulder"), joint("R_shoulder"))
ELBOWS = (joint("L_elbow"), joint("R_elbow"))
WRISTS = (joint("L_wrist"), joint("R_wrist"))
HANDS = (joint("L_hand"), joint("R_hand"))
SPINE = (joint("spine1"), joint("spine2"), joint("spine3"))
NECK = (joint("neck"), joint("head"))


@dataclasses.dataclass(frozen=True, eq=False)
class Rig:
    """Rest measures of one body.

    Attributes:
        joints: [24, 3] rest positions in metres, T-pose, facing +z.
        leg_length: hip to ankle along thigh and shank, mean of both sides, metres.
        floor: height of the lowest rest vertex in the frame of `joints`, metres.
    """

    joints: np.ndarray
    leg_length: float
    floor: float


def measure(body: NumpyBody, betas: np.ndarray) -> Rig:
    """Rest measures of `body` with the shape betas [10]."""
    vertices, joints = body.shaped(betas)
    joints = joints.astype(np.float64)
    thigh = np.linalg.norm(joints[list(KNEES)] - joints[list(HIPS)], axis=1)
    shank = np.linalg.norm(joints[list(ANKLES)] - joints[list(KNEES)], axis=1)
    return Rig(joints, float((thigh + shank).mean()), float(vertices[:, 1].min()))


@functools.cache
def reference() -> Rig:
    """The neutral body in use, of mean shape."""
    return measure(NumpyBody(load_body("neutral")), np.zeros(NUM_BETAS))
