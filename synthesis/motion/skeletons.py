"""Names that motion capture files give to SMPL's joints."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence

from model.conventions import JOINTS
from model.errors import MotionError

# SMPL joint -> name in the file, for one naming convention each. {side} stands for the side's own words. Where a joint
# has two names, the first one present is taken.
_CONVENTIONS: dict[str, tuple[tuple[str, str], dict[str, tuple[str, ...]]]] = {
    # Autodesk MotionBuilder and what follows it: CMU's BVH conversion, Mixamo, HumanIK exports.
    "MotionBuilder": (
        ("Left", "Right"),
        {
            "pelvis": ("Hips",),
            "spine1": ("LowerBack", "Spine"),
            "spine2": ("Spine", "Spine1"),
            "spine3": ("Spine2", "Spine1", "Spine"),
            "neck": ("Neck1", "Neck"),
            "head": ("Head",),
            "hip": ("{side}UpLeg",),
            "knee": ("{side}Leg",),
            "ankle": ("{side}Foot",),
            "foot": ("{side}ToeBase",),
            "collar": ("{side}Shoulder",),
            "shoulder": ("{side}Arm",),
            "elbow": ("{side}ForeArm",),
            "wrist": ("{side}Hand",),
        },
    ),
    # Anatomical names: the CMU conversion with arms down at rest, 3ds Max Character Studio and older converters.
    "anatomical": (
        ("Left", "Right"),
        {
            "pelvis": ("Hips",),
            "spine1": ("lowerback",),
            "spine2": ("Chest",),
            "spine3": ("Chest2", "Chest"),
            "neck": ("Neck",),
            "head": ("Head",),
            "hip": ("{side}Hip",),
            "knee": ("{side}Knee",),
            "ankle": ("{side}Ankle",),
            "foot": ("{side}Toe",),
            "collar": ("{side}Collar",),
            "shoulder": ("{side}Shoulder",),
            "elbow": ("{side}Elbow",),
            "wrist": ("{side}Wrist",),
        },
    ),
    # Poser and Daz Studio figures.
    "Daz": (
        ("l", "r"),
        {
            "pelvis": ("hip",),
            "spine1": ("abdomen",),
            "spine3": ("chest",),
            "neck": ("neck",),
            "head": ("head",),
            "hip": ("{side}Thigh",),
            "knee": ("{side}Shin",),
            "ankle": ("{side}Foot",),
            "foot": ("{side}Foot:end",),
            "collar": ("{side}Collar",),
            "shoulder": ("{side}Shldr",),
            "elbow": ("{side}ForeArm",),
            "wrist": ("{side}Hand",),
        },
    ),
    # Acclaim bones, named after what they are made of: Vicon BodyBuilder, CMU's ASF files.
    "Acclaim": (
        ("l", "r"),
        {
            "pelvis": ("root",),
            "spine1": ("lowerback",),
            "spine2": ("upperback",),
            "spine3": ("thorax",),
            "neck": ("upperneck", "lowerneck"),
            "head": ("head",),
            "hip": ("{side}femur",),
            "knee": ("{side}tibia",),
            "ankle": ("{side}foot",),
            "foot": ("{side}toes",),
            "collar": ("{side}clavicle",),
            "shoulder": ("{side}humerus",),
            "elbow": ("{side}radius",),
            "wrist": ("{side}wrist",),
        },
    ),
}
# Without these a body cannot be posed; the others follow their parents.
_SIDED = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
REQUIRED = ("pelvis", "spine3", "neck", *(f"{s}_{name}" for name in _SIDED for s in "LR"))


def read_mapping(path: str | pathlib.Path) -> dict[str, str]:
    """Reads a user's own mapping: a JSON object of SMPL joint names -> names in the motion file.

    For example `{"pelvis": "Hips", "L_hip": "Thigh.L", ...}`, with all of REQUIRED. An end site of joint X is "X:end".

    Raises:
        MotionError: the file cannot be read, is no such object, names joints that SMPL has not, lacks required ones, or
            gives one joint of the file to several of SMPL's.
    """
    try:
        mapping = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MotionError(
            f"A readable JSON file with a mapping of joints is needed. Received: {path}: {error}"
        ) from error
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        raise MotionError(f"A mapping is one JSON object of names, such as {{'pelvis': 'Hips'}}. Received: {path}")
    unknown = [joint for joint in mapping if joint not in JOINTS]
    if unknown:
        raise MotionError(f"A mapping's keys are out of {', '.join(JOINTS)}. Received: {', '.join(unknown)} in {path}")
    missing = [joint for joint in REQUIRED if joint not in mapping]
    if missing:
        raise MotionError(f"A mapping holds {', '.join(REQUIRED)}. Received: {path} without {', '.join(missing)}")
    names = list(mapping.values())
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise MotionError(f"Each joint of the file is one of SMPL's. Received: {', '.join(double)} twice in {path}")
    return mapping


def map_joints(names: Sequence[str], source: str, mapping: Mapping[str, str] | None = None) -> dict[str, int]:
    """Finds SMPL's joints among the joints of a file.

    Without a mapping, prefixes that all names share (`Neo_`, `mixamorig:`) are ignored, and the naming convention that
    explains most of the required joints is taken.

    Args:
        names: node names of the file, end sites as "X:end".
        source: the file, for messages.
        mapping: the user's own, from `read_mapping`, in place of the known conventions.

    Returns:
        SMPL joint name -> index into names: all of REQUIRED, and of the others those that the file has.

    Raises:
        MotionError: no convention explains all required joints, which are listed, or the mapping names joints that the
            file has not.
    """
    if mapping is not None:
        absent = [f"{joint}: {name}" for joint, name in mapping.items() if name not in names]
        if absent:
            raise MotionError(
                f"A mapping's names are joints of the file. Received: {', '.join(absent)} for {source} with the joints "
                f"{', '.join(names)}"
            )
        return {joint: list(names).index(name) for joint, name in mapping.items()}
    prefix = _shared_prefix(names)
    index = {name.removeprefix(prefix): i for i, name in reversed(list(enumerate(names)))}
    found = {convention: _look_up(convention, index) for convention in _CONVENTIONS}
    best = max(found, key=lambda convention: sum(joint in found[convention] for joint in REQUIRED))
    missing = [joint for joint in REQUIRED if joint not in found[best]]
    if missing:
        raise MotionError(
            f"A skeleton with a known naming ({', '.join(_CONVENTIONS)}) or a mapping file is needed; by the "
            f"nearest, {best}, these joints could not be mapped: {', '.join(missing)}. "
            f"Received: {source} with the joints {', '.join(names)}"
        )
    return found[best]


def _look_up(convention: str, index: dict[str, int]) -> dict[str, int]:
    words, table = _CONVENTIONS[convention]
    found: dict[str, int] = {}
    # The chest first: of a file with fewer spine joints it takes the last one, and the lower ones what is left.
    for joint in ("spine3", *JOINTS):
        side, _, part = joint.rpartition("_")
        for name in table.get(part, ()):
            name = name.format(side=words["LR".index(side)] if side else "")
            if name in index and index[name] not in found.values():
                found[joint] = index[name]
                break
    return found


def _shared_prefix(names: Sequence[str]) -> str:
    """The beginning shared by all names, up to its last `_` or `:`; empty if there is none."""
    # What the first and the last in order share, all between them share too.
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: max(first.rfind("_", 0, length), first.rfind(":", 0, length)) + 1]
