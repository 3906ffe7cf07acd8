"""MoSh: motion and shape of a body from sparse markers (Loper, Mahmood, Black 2014).

`solve` takes labelled markers and a body to shape, marker offsets and pose per frame; `load_c3d_motion` takes a C3D
file to a Motion. Stage I finds shape and offsets on a few frames (stage1), stage II the pose of every frame (stage2).
"""

from synthesis.motion.mosh.motion_file import load_c3d_motion, to_motion
from synthesis.motion.mosh.solve import MoshResult, MoshSettings, solve

__all__ = ["MoshResult", "MoshSettings", "load_c3d_motion", "solve", "to_motion"]
