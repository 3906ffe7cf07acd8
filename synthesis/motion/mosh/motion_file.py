"""From a C3D file to a Motion."""

from __future__ import annotations

import pathlib

import numpy as np

from model import rotations
from model.body.data import BodyData
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import BodyMismatchError
from synthesis.motion import placement, rig
from synthesis.motion.c3d import read_c3d
from synthesis.motion.mosh.solve import MoshResult, MoshSettings, solve
from synthesis.motion.motion import Motion

# The floor is looked for in this many frames at most, spread over the trial.
_FLOOR_FRAMES = 200
# Share of frames whose lowest point may be under the floor, as in retargeting.
_UNDER = 0.05


def load_c3d_motion(path: str | pathlib.Path, settings: MoshSettings | None = None, progress: bool = False) -> Motion:
    """Reads a C3D file and solves it for the neutral body in use; the motion keeps the file's frame rate.

    Raises:
        MotionError: the file cannot be read, or its markers are not those of a set.
    """
    data = load_body("neutral")
    return to_motion(solve(read_c3d(path), data, settings, progress), data, pathlib.Path(path).stem)


def to_motion(result: MoshResult, data: BodyData, name: str) -> Motion:
    """A solved trial free of its body: it starts over the origin, facing +z, heights are over the trial's floor.

    Args:
        result: of `solve`.
        data: the body that was solved for.
        name: the motion's name and kind.

    Raises:
        BodyMismatchError: another body was solved for.
    """
    if data.body_id != result.body_id:
        raise BodyMismatchError(f"The body that was solved for, {result.body_id}, is needed. Received: {data.body_id}")
    body = NumpyBody(data)
    measures = rig.measure(body, result.betas)
    some = slice(None, None, -(-len(result.pose) // _FLOOR_FRAMES))
    lowest = placement.lowest_points(result.pose[some], body, result.betas) + result.trans[some, 1]
    world = rotations.axis_angle_to_matrix(result.pose[:, :3])
    heading = rotations.rotation_about(1, -np.arctan2(world[0, 0, 2], world[0, 2, 2]))
    # The root turns about its joint: that is where the pelvis is, whatever the pose.
    pelvis = result.trans + measures.joints[0] - [0.0, np.quantile(lowest, _UNDER), 0.0]
    root = (pelvis - pelvis[0] * [1.0, 0.0, 1.0]) @ heading.T / measures.leg_length
    pose = result.pose.copy()
    pose[:, :3] = rotations.matrix_to_axis_angle(heading @ world)
    return Motion(name, name, pose.astype(np.float32), root.astype(np.float32), result.fps)
