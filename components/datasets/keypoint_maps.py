"""From each dataset's joints to the 19 keypoints of model.conventions: the one table.

docs/datasets.md is printed from it (`mviper convert --maps`).
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


# Johnson and Everingham 2010, README.txt: the order that ours begins with.
_LSP = (
    Mapped("R_ankle", 0, "Right ankle"),
    Mapped("R_knee", 1, "Right knee"),
    Mapped("R_hip", 2, "Right hip"),
    Mapped("L_hip", 3, "Left hip"),
    Mapped("L_knee", 4, "Left knee"),
    Mapped("L_ankle", 5, "Left ankle"),
    Mapped("R_wrist", 6, "Right wrist"),
    Mapped("R_elbow", 7, "Right elbow"),
    Mapped("R_shoulder", 8, "Right shoulder"),
    Mapped("L_shoulder", 9, "Left shoulder"),
    Mapped("L_elbow", 10, "Left elbow"),
    Mapped("L_wrist", 11, "Left wrist"),
    Mapped("neck", 12, "Neck"),
    Mapped("head_top", 13, "Head top"),
)

# Andriluka et al. 2014, annolist.annorect.annopoints.point.id. Pelvis (6) and thorax (7) are none of ours.
_MPII = (
    Mapped("R_ankle", 0, "r ankle"),
    Mapped("R_knee", 1, "r knee"),
    Mapped("R_hip", 2, "r hip", "placed unevenly from person to person"),
    Mapped("L_hip", 3, "l hip", "placed unevenly from person to person"),
    Mapped("L_knee", 4, "l knee"),
    Mapped("L_ankle", 5, "l ankle"),
    Mapped("R_wrist", 10, "r wrist"),
    Mapped("R_elbow", 11, "r elbow"),
    Mapped("R_shoulder", 12, "r shoulder"),
    Mapped("L_shoulder", 13, "l shoulder"),
    Mapped("L_elbow", 14, "l elbow"),
    Mapped("L_wrist", 15, "l wrist"),
    Mapped("neck", 8, "upper neck", "the neck's upper end; public models take it for LSP's neck"),
    Mapped("head_top", 9, "head top", "given outside of the image too"),
)

# Lin et al. 2014, `categories[0].keypoints`. There is no neck and no top of the head.
_COCO = (
    Mapped("R_ankle", 16, "right_ankle"),
    Mapped("R_knee", 14, "right_knee"),
    Mapped("R_hip", 12, "right_hip", "COCO's own hip, which public models regress apart from LSP's"),
    Mapped("L_hip", 11, "left_hip", "COCO's own hip, which public models regress apart from LSP's"),
    Mapped("L_knee", 13, "left_knee"),
    Mapped("L_ankle", 15, "left_ankle"),
    Mapped("R_wrist", 10, "right_wrist"),
    Mapped("R_elbow", 8, "right_elbow"),
    Mapped("R_shoulder", 6, "right_shoulder"),
    Mapped("L_shoulder", 5, "left_shoulder"),
    Mapped("L_elbow", 7, "left_elbow"),
    Mapped("L_wrist", 9, "left_wrist"),
    Mapped("nose", 0, "nose"),
    Mapped("L_eye", 1, "left_eye"),
    Mapped("R_eye", 2, "right_eye"),
    Mapped("L_ear", 3, "left_ear"),
    Mapped("R_ear", 4, "right_ear"),
)

# The 32 joints of Human3.6M's skeleton (Ionescu et al. 2014), of which 17 move. Joint 14 is the jaw, not the nose.
_CAPTURED_HIP = "joint centre of the motion capture's skeleton"
_HUMAN36M = (
    Mapped("R_ankle", 3, "RightFoot"),
    Mapped("R_knee", 2, "RightLeg"),
    Mapped("R_hip", 1, "RightUpLeg", _CAPTURED_HIP),
    Mapped("L_hip", 6, "LeftUpLeg", _CAPTURED_HIP),
    Mapped("L_knee", 7, "LeftLeg"),
    Mapped("L_ankle", 8, "LeftFoot"),
    Mapped("R_wrist", 27, "RightHand"),
    Mapped("R_elbow", 26, "RightForeArm"),
    Mapped("R_shoulder", 25, "RightArm"),
    Mapped("L_shoulder", 17, "LeftArm"),
    Mapped("L_elbow", 18, "LeftForeArm"),
    Mapped("L_wrist", 19, "LeftHand"),
    Mapped("neck", 13, "Neck", "inside of the body, where the shoulders' bones meet the spine"),
    Mapped("head_top", 15, "Site of Head", "end of the head's bone"),
)

# Mehta et al. 2017, mpii_get_joint_set.m, "all". Joint 6 is the middle of the head.
_MPI_INF_3DHP = (
    Mapped("R_ankle", 25, "right_ankle"),
    Mapped("R_knee", 24, "right_knee"),
    Mapped("R_hip", 23, "right_hip", _CAPTURED_HIP),
    Mapped("L_hip", 18, "left_hip", _CAPTURED_HIP),
    Mapped("L_knee", 19, "left_knee"),
    Mapped("L_ankle", 20, "left_ankle"),
    Mapped("R_wrist", 16, "right_wrist"),
    Mapped("R_elbow", 15, "right_elbow"),
    Mapped("R_shoulder", 14, "right_shoulder"),
    Mapped("L_shoulder", 9, "left_shoulder"),
    Mapped("L_elbow", 10, "left_elbow"),
    Mapped("L_wrist", 11, "left_wrist"),
    Mapped("neck", 5, "neck", "joint of the spine, inside of the body"),
    Mapped("head_top", 7, "head_top"),
)

# The same, "relevant": the order of the test set.
_RELEVANT = (
    "head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "head",
)  # fmt: skip
_MPI_INF_3DHP_TEST = tuple(dataclasses.replace(entry, joint=_RELEVANT.index(entry.label)) for entry in _MPI_INF_3DHP)

# Dataset or layout -> the joints that it has of ours.
MAPS: dict[str, tuple[Mapped, ...]] = {
    "lsp": _LSP,
    "lsp_extended": _LSP,
    "mpii": _MPII,
    "coco": _COCO,
    "human36m": _HUMAN36M,
    "mpi_inf_3dhp": _MPI_INF_3DHP,
    "mpi_inf_3dhp_test": _MPI_INF_3DHP_TEST,
}


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


def markdown() -> str:
    """The table of all maps: a row a keypoint, a column a layout; "-" where it has no such joint, then the notes."""
    names = list(MAPS)
    lines = [f"| keypoint | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    # A note is said once for all that it holds for.
    notes: list[tuple[str, str]] = []
    for keypoint in conventions.KEYPOINTS:
        cells = []
        for name in names:
            found = next((entry for entry in MAPS[name] if entry.keypoint == keypoint), None)
            cell = f"{found.joint} {found.label}" if found else "-"
            if found and found.differs:
                if (name, found.differs) not in notes:
                    notes.append((name, found.differs))
                cell += f" ({notes.index((name, found.differs)) + 1})"
            cells.append(cell)
        lines.append(f"| {keypoint} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{i}. {name}: {differs}" for i, (name, differs) in enumerate(notes, 1))])


def sheet() -> np.ndarray:
    """A body for every map, with the dataset's numbers and names at the keypoints: uint8 [H, W, 3].

    An asterisk marks a joint whose definition differs.
    """
    from synthesis.body_diagram import keypoint_sheet

    panels = {
        name: {entry.keypoint: f"{entry.joint} {entry.label}{'*' if entry.differs else ''}" for entry in entries}
        for name, entries in MAPS.items()
        if entries is not MAPS["lsp"] or name == "lsp"
    }
    return keypoint_sheet(panels)
