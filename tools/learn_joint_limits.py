"""Builds synthesis/motion/joint_limits.npz from motion capture: `python -m tools.learn_joint_limits FOLDER`.

The table in the repository was learned from trials 01_01, 02_01, 05_06, 07_01, 09_11, 10_01, 11_01, 12_01, 14_19,
49_08, 55_01, 85_04, 131_01, 131_03, 135_02 and three more ASF/AMC trials of the CMU Graphics Lab Motion Capture
Database. The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from
NSF EIA-0196217.
"""

from __future__ import annotations

import sys

from model.errors import UserError
from synthesis.motion import joint_limits, library

_FPS = 30.0
# Markers are solved with joint limits of their own (MoSh's prior) and would teach these.
_CAPTURED = (".bvh", ".amc")


def main(folder: str) -> None:
    """Learns from all skeleton files below a folder; the same files give the same table."""
    poses = []
    for path in library.find_motion_files(folder):
        if path.suffix.lower() in _CAPTURED:
            poses.append(library.load_motion(path).resample(_FPS).pose)
    examples = joint_limits.learn(poses)
    joint_limits.save(examples)
    for name, values in examples.items():
        sys.stdout.write(f"{name:<12}{len(values):>6} examples\n")
    sys.stdout.write(f"from {sum(map(len, poses))} poses of {len(poses)} files\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (TypeError, UserError) as error:
        sys.exit(f"usage: python -m tools.learn_joint_limits FOLDER\n{error}")
