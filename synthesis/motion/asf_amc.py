"""Motions of Acclaim skeletons (AMC), as Vicon BodyBuilder writes them (CMU's database)."""

from __future__ import annotations

import pathlib

import numpy as np

from model.errors import MotionError
from synthesis.motion.asf import RADIANS, ROOT, Bone, Skeleton, read_asf, read_lines, rotation
from synthesis.motion.skeleton import SkeletonMotion, chain

# AMC files do not say their frame rate; CMU's are of 120 frames per second.
CMU_FPS = 120.0


def read_amc(
    path: str | pathlib.Path, skeleton: str | pathlib.Path | None = None, fps: float = CMU_FPS
) -> SkeletonMotion:
    """Reads a motion and the skeleton that it moves.

    Nodes are named after the bone that begins there; the far end of a bone without children is called "X:end".

    Args:
        path: the AMC file.
        skeleton: the ASF file; None takes the one that `find_skeleton` finds.
        fps: frames per second, which the format does not state.

    Raises:
        MotionError: no skeleton is there, a file cannot be read or does not follow the format, the hierarchy is no
            tree, the motion names an unknown bone, or numbers are missing or not finite. The message names the line.
    """
    path = pathlib.Path(path)
    asf = read_asf(pathlib.Path(skeleton) if skeleton else find_skeleton(path))
    values = _read_values(path, asf)
    with np.errstate(over="ignore", invalid="ignore"):
        moves = [_move(bone, values[bone.name]) for bone in asf.bones]
    leaves = [j for j in range(1, len(asf.bones)) if j not in asf.parents]
    names = (*(bone.name for bone in asf.bones), *(f"{asf.bones[j].name}:end" for j in leaves))
    parents = (*asf.parents, *leaves)
    bones = np.stack([asf.position, *(asf.bones[parent].end for parent in parents[1:])])
    still = (np.broadcast_to(np.eye(3), moves[0][0].shape), np.zeros_like(moves[0][1]))
    turned, moved = (np.stack(arrays, 1) for arrays in zip(*moves, *[still] * len(leaves), strict=True))
    _, rest = chain(parents, np.broadcast_to(np.eye(3), (1, len(names), 3, 3)), bones)
    with np.errstate(over="ignore", invalid="ignore"):
        world_rot, world_pos = chain(parents, turned, bones + moved)
    return SkeletonMotion(str(path), names, parents, rest[0], world_rot, world_pos, fps, asf.metres)


def _move(bone: Bone, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T, 3, 3] and shifts [T, 3] of a joint against its parent, of the values [T, dofs] of its bone."""
    given = {dof: values[:, i] for i, dof in enumerate(bone.dofs)}
    turn, shift = ([given.get(f"{kind}{axis}", np.zeros(len(values))) for axis in "xyz"] for kind in "rt")
    # The root is shifted along the world's axes, whatever its orientation.
    axes = np.eye(3) if bone.name == ROOT else bone.frame
    return bone.frame @ rotation(bone.order, turn) @ bone.frame.T, np.stack(shift, 1) @ axes.T


def find_skeleton(path: str | pathlib.Path) -> pathlib.Path:
    """The ASF file beside an AMC file that belongs to it.

    It is the one with the longest name that the motion's name begins with, cutting no number in two (01.asf for
    01_01.amc, charleston.asf for charleston1.amc), or else the only one there.

    Raises:
        MotionError: there is none, or several and none of such a name.
    """
    path = pathlib.Path(path)
    there = sorted(p for p in path.parent.glob("*") if p.suffix.lower() == ".asf" and p.is_file())
    named = [p for p in there if _begins(path.stem.lower(), p.stem.lower())]
    if named:
        return max(named, key=lambda p: len(p.stem))
    if len(there) == 1:
        return there[0]
    raise MotionError(
        f"An AMC motion needs its skeleton beside it: {path.stem}.asf, an .asf whose name is the beginning of that, or "
        f"a single .asf. Received: {path} with {', '.join(p.name for p in there) or 'no .asf file'} in its folder"
    )


def _begins(name: str, start: str) -> bool:
    cut = len(start)
    return name.startswith(start) and not (start[-1:].isdecimal() and name[cut : cut + 1].isdecimal())


def _read_values(path: pathlib.Path, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Of each bone its values [T, dofs], angles in radians."""
    dofs = {bone.name: bone.dofs for bone in skeleton.bones}
    rows: dict[str, list[list[str]]] = {name: [] for name in dofs}
    moved = [name for name in dofs if dofs[name]]
    starts: list[int] = []
    number, angle, line = 0, skeleton.radians, 0

    def close() -> None:
        missing = [name for name in moved if len(rows[name]) != len(starts)]
        if missing:
            raise MotionError(
                f"Each frame has every bone once. Received: frame {number} (line {starts[-1]}) of {path}, where "
                f"{', '.join(missing)} is missing or double"
            )

    for line, words in read_lines(path):
        if words[0].startswith(":"):
            angle = {":degrees": RADIANS["deg"], ":radians": RADIANS["rad"]}.get(words[0].lower(), angle)
        elif len(words) == 1 and words[0].isdecimal():
            if starts:
                close()
                if int(words[0]) != number + 1:
                    raise MotionError(f"Frame {number + 1} is next. Received: {words[0]} in line {line} of {path}")
            number = int(words[0])
            starts.append(line)
        elif words[0] not in rows:
            raise MotionError(
                f"An AMC moves the bones of its skeleton: {', '.join(moved)}. "
                f"Received: {words[0]} in line {line} of {path}"
            )
        elif not starts:
            raise MotionError(f"A frame begins with its number. Received: {words[0]} in line {line} of {path}")
        elif len(words) - 1 != len(dofs[words[0]]):
            raise MotionError(
                f"{words[0]} has the values {' '.join(dofs[words[0]])}. "
                f"Received: {' '.join(words[1:])} in line {line} of {path}"
            )
        else:
            rows[words[0]].append(words[1:])
    if not starts:
        raise MotionError(f"A motion has at least one frame. Received: {path} with none")
    close()
    return {name: _array(path, name, rows[name], dofs[name], angle, len(starts)) for name in dofs}


def _array(
    path: pathlib.Path, name: str, rows: list[list[str]], dofs: tuple[str, ...], angle: float, frames: int
) -> np.ndarray:
    """Words of one bone as numbers [frames, dofs], angles in radians."""
    if not dofs:
        return np.zeros((frames, 0))
    try:
        values = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise MotionError(f"Values are numbers. Received: {error} for {name} in {path}") from error
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values).all(1))) + 1
        raise MotionError(f"Values are finite. Received: NaN or infinity for {name} in frame {bad} of {path}")
    return values * [angle if dof[0] == "r" else 1.0 for dof in dofs]
