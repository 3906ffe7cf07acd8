"""Acclaim skeletons (ASF), as Vicon BodyBuilder writes them (CMU's database).

A bone is a joint at its near end: it turns about local axes C (`axis`), so that its rotation relative to its parent is
C M C^-1 with M of the motion's angles. Rotations are applied in the order of the letters after `axis`.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from model import rotations
from model.errors import MotionError

# Radians in each unit of angle.
RADIANS = {"deg": np.pi / 180.0, "rad": 1.0}
_INCH = 0.0254
_DOFS = ("tx", "ty", "tz", "rx", "ry", "rz")
# What a motion calls the joint that carries all others.
ROOT = "root"
# A line that is no comment: its number, and its words.
Line = tuple[int, list[str]]


@dataclasses.dataclass(frozen=True)
class Bone:
    """A joint, and the bone that begins at it.

    Attributes:
        name: as in the file; the root is called "root".
        end: [3] from the bone's near to its far end at rest, in the file's unit; of the root zero.
        frame: [3, 3] the axes C that the joint turns about.
        order: the letters x, y, z in the order in which rotations are applied.
        dofs: what a motion gives for the joint, in its order, of tx, ty, tz, rx, ry, rz.
    """

    name: str
    end: np.ndarray
    frame: np.ndarray
    order: str
    dofs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """What an ASF file holds.

    Attributes:
        bones: the root first, parents before children.
        parents: index of each bone's parent, -1 for the root.
        position: [3] of the root, which a motion's translation is added to, in the file's unit.
        metres: metres in the file's unit of length.
        radians: radians in its unit of angle.
    """

    bones: tuple[Bone, ...]
    parents: tuple[int, ...]
    position: np.ndarray
    metres: float
    radians: float


def read_asf(path: pathlib.Path) -> Skeleton:
    """Reads an ASF file; limits and masses are ignored.

    Raises:
        MotionError: the file cannot be read, does not follow the format, or its hierarchy is no tree.
    """
    sections: dict[str, list[Line]] = {}
    section: list[Line] = []
    for line, words in read_lines(path):
        if words[0].startswith(":"):
            section = sections.setdefault(words[0][1:].lower(), [])
        else:
            section.append((line, words))
    for name in ("root", "bonedata", "hierarchy"):
        if name not in sections:
            raise MotionError(
                f"An ASF file has the sections root, bonedata and hierarchy. Received: {path} without :{name}"
            )
    metres, angle = _units(path, sections.get("units", []))
    root, position = _root(path, sections["root"], angle)
    bones = {ROOT: root}
    for block in _blocks(path, sections["bonedata"]):
        bone = _bone(path, block, angle)
        if bone.name in bones:
            raise MotionError(
                f"Bones have names of their own. Received: {bone.name} twice, line {block[0][0]} of {path}"
            )
        bones[bone.name] = bone
    order, parents = _tree(path, sections["hierarchy"], bones)
    return Skeleton(tuple(bones[name] for name in order), parents, position, metres, angle)


def _units(path: pathlib.Path, lines: list[Line]) -> tuple[float, float]:
    """Metres in the file's unit of length, and radians in its unit of angle."""
    length, angle = 1.0, "deg"
    for line, (key, *rest) in lines:
        if key == "length":
            (length,) = _numbers(path, line, rest, 1, "The unit of length")
        elif key == "angle":
            angle = rest[0].lower() if rest else ""
            if angle not in RADIANS:
                raise MotionError(f"Angles are in deg or rad. Received: {' '.join(rest)!r} in line {line} of {path}")
    if length <= 0:
        raise MotionError(f"A unit of length is positive. Received: length {length} in {path}")
    # Acclaim: lengths divided by this number are inches.
    return _INCH / length, RADIANS[angle]


def _root(path: pathlib.Path, lines: list[Line], angle: float) -> tuple[Bone, np.ndarray]:
    dofs: tuple[str, ...] = _DOFS
    order, position, orientation = "xyz", np.zeros(3), [0.0, 0.0, 0.0]
    for line, (key, *rest) in lines:
        if key == "order":
            dofs = _checked_dofs(path, line, rest)
        elif key == "axis":
            order = _checked_order(path, line, rest)
        elif key == "position":
            position = np.array(_numbers(path, line, rest, 3, "The root's position"))
        elif key == "orientation":
            orientation = _numbers(path, line, rest, 3, "The root's orientation")
    frame = rotation(order, np.multiply(orientation, angle))
    return Bone(ROOT, np.zeros(3), frame, order, dofs), position


def _blocks(path: pathlib.Path, lines: list[Line]) -> Iterator[list[Line]]:
    """Lines between `begin` and `end`."""
    block: list[Line] | None = None
    for line, words in lines:
        if words[0] == "begin" and block is None:
            block = []
        elif words[0] == "end" and block:
            yield block
            block = None
        elif block is not None and words[0] not in ("begin", "end"):
            block.append((line, words))
        else:
            raise MotionError(f"Data lie between begin and end. Received: {words[0]} in line {line} of {path}")
    if block is not None:
        raise MotionError(f"Each begin has its end. Received: {path}, which stops within one")


def _bone(path: pathlib.Path, block: list[Line], angle: float) -> Bone:
    name, direction, length = "", np.zeros(3), -1.0
    dofs: tuple[str, ...] = ()
    frame, order = np.eye(3), "xyz"
    for line, (key, *rest) in block:
        if key == "name" and len(rest) == 1:
            name = rest[0]
        elif key == "direction":
            direction = np.array(_numbers(path, line, rest, 3, "A bone's direction"))
        elif key == "length":
            (length,) = _numbers(path, line, rest, 1, "A bone's length")
        elif key == "axis":
            order = _checked_order(path, line, rest[3:])
            frame = rotation(order, np.multiply(_numbers(path, line, rest[:3], 3, "A bone's axis"), angle))
        elif key == "dof":
            dofs = _checked_dofs(path, line, rest)
    if not name or length < 0.0:
        raise MotionError(
            f"A bone has a name and a length. Received: the one that begins in line {block[0][0]} of {path}"
        )
    norm = float(np.linalg.norm(direction))
    if norm == 0 and length != 0:
        raise MotionError(f"A bone has a direction. Received: 0 0 0 for {name} in {path}")
    return Bone(name, direction * (length / max(norm, 1e-12)), frame, order, dofs)


def _checked_order(path: pathlib.Path, line: int, words: list[str]) -> str:
    order = "".join(words).lower()
    if sorted(order) != ["x", "y", "z"]:
        raise MotionError(f"An axis has an order such as XYZ. Received: {' '.join(words)!r} in line {line} of {path}")
    return order


def _checked_dofs(path: pathlib.Path, line: int, words: list[str]) -> tuple[str, ...]:
    dofs = tuple(word.lower() for word in words)
    if not set(dofs) <= set(_DOFS) or len(set(dofs)) != len(dofs):
        raise MotionError(
            f"Degrees of freedom are out of {', '.join(_DOFS)}. Received: {' '.join(words)} in line {line} of {path}"
        )
    return dofs


def _tree(path: pathlib.Path, lines: list[Line], bones: dict[str, Bone]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names with parents before children, and each one's parent."""
    children: dict[str, list[str]] = {}
    carriers: dict[str, str] = {}
    for line, (parent, *names) in [pair for block in _blocks(path, lines) for pair in block]:
        for name in (parent, *names):
            if name not in bones:
                raise MotionError(f"A hierarchy is of the file's bones. Received: {name} in line {line} of {path}")
        for name in names:
            if name in carriers or name == ROOT:
                raise MotionError(
                    f"A hierarchy is a tree: each bone hangs on one other. Received: {name} on {parent} too, "
                    f"line {line} of {path}"
                )
            carriers[name] = parent
        children.setdefault(parent, []).extend(names)
    order = [ROOT]
    for name in order:
        order.extend(children.get(name, []))
    lost = [name for name in bones if name not in order]
    if lost:
        raise MotionError(
            f"A hierarchy is a tree from the root. Received: {path}, where these bones hang on none or in a cycle: "
            f"{', '.join(lost)}"
        )
    if len(order) == 1:
        raise MotionError(f"A skeleton has bones. Received: {path} with none")
    return tuple(order), tuple(order.index(carriers[name]) if name in carriers else -1 for name in order)


def rotation(order: str, angles: Iterable[np.ndarray | float]) -> np.ndarray:
    """Rotations [..., 3, 3] about fixed axes x, y, z by angles in radians, applied in the order of the letters."""
    about = dict(zip("xyz", angles, strict=True))
    result = np.eye(3)
    for axis in order:
        result = rotations.rotation_about("xyz".index(axis), about[axis]) @ result
    return result


def read_lines(path: pathlib.Path) -> Iterator[Line]:
    """Lines of an ASF or AMC file that are not empty, without comments.

    Raises:
        MotionError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise MotionError(f"A readable ASF or AMC file is needed. Received: {path} ({error.strerror})") from error
    for number, row in enumerate(text.split("\n"), start=1):
        words = row.split("#", 1)[0].split()
        if words:
            yield number, words


def _numbers(path: pathlib.Path, line: int, words: list[str], count: int, what: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise MotionError(
            f"{what} is {count} finite number{'s' if count > 1 else ''}. "
            f"Received: {' '.join(words) or 'nothing'} in line {line} of {path}"
        )
    return numbers
