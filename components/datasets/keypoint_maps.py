"""From each dataset's joints to the 19 keypoints of model.conventions: the one table.

docs/datasets.md is printed from it (`mviper convert --print_maps`).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from model import conventions


@dataclasses.dataclass(frozen=True)
class Mapped:
    """Where one of our keypoints comes from.

    Attributes:
        keypoint: name in model.conventions.KEYPOINTS.
        joint: index in the dataset's array.
        label: what the dataset calls it.
        differs: how its definition differs from LSP's (COCO's for the face); "" where it does not.
    """

    keypoint: str
    joint: int
    label: str
    differs: str = ""


# Dataset or layout -> the joints that it has of ours.
MAPS: dict[str, tuple[Mapped, ...]] = {}


def map_joints(name: str, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints of a dataset in our order.

    Args:
        name: key of MAPS.
        joints: [..., J, C].

    Returns:
        [..., 19, C] with zeros where the dataset has nothing, and bool [19]: which keypoints it has.
    """
    mapped = np.zeros((*joints.shape[:-2], conventions.NUM_KEYPOINTS, joints.shape[-1]), joints.dtype)
    known = np.zeros(conventions.NUM_KEYPOINTS, bool)
    for entry in MAPS[name]:
        index = conventions.keypoint(entry.keypoint)
        mapped[..., index, :] = joints[..., entry.joint, :]
        known[index] = True
    return mapped, known
