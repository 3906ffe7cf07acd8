"""Poses by name or from files: what `--pose` of the command line takes."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import zipfile
import zlib

import numpy as np

from model import conventions, rotations
from model.errors import MotionError
from synthesis.motion.builtin import stills

SUFFIXES = (".npy", ".npz", ".json")
MAX_BYTES = 256 << 20

# A camera that looks at a standing person along -z of the world: y and z turn round (model/conventions.py).
_WORLD_FROM_CAMERA = np.diag([1.0, -1.0, -1.0])
_WANTED = (
    f"A pose is one of {', '.join(stills.POSES)}, or a {', '.join(SUFFIXES)} file "
    f"with {conventions.POSE_SIZE} finite numbers a frame"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Poses:
    """One person's poses.

    Attributes:
        pose: [T, 72] axis-angle, y up.
        betas: [10] of the same person, or None where the source says nothing of them.
        body_id: of the body that the betas are of; None without betas.
    """

    pose: np.ndarray
    betas: np.ndarray | None = None
    body_id: str | None = None


def read_poses(source: str) -> Poses:
    """Poses of a name out of synthesis.motion.builtin.stills, or of a file.

    A file holds [72], [24, 3], [T, 72] or [T, 24, 3] numbers: alone (.npy, .json), or as the array `pose` of an .npz
    or a .json object. Results of `mviper predict` are recognised by their cameras: they are in the camera's frame
    and are turned upright, and bring the mean of their betas along.

    Raises:
        MotionError: no such pose or file, or the file is too large, unreadable, or holds other numbers.
    """
    if source in stills.POSES:
        return Poses(stills.pose(source)[None])
    path = pathlib.Path(source)
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise MotionError(f"{_WANTED}. Received: {source!r}")
    try:
        arrays = _read_arrays(path)
    except (OSError, ValueError, EOFError, RecursionError, zipfile.BadZipFile, zlib.error) as error:
        raise MotionError(f"{_WANTED}. Received: {source}, which cannot be read ({error})") from error
    if "pose" not in arrays:
        raise MotionError(f"{_WANTED}, named pose. Received: {source} with {sorted(arrays) or 'nothing'}")
    pose = _checked(arrays["pose"], source)
    if "camera" not in arrays or "body_id" not in arrays or "betas" not in arrays:
        return Poses(pose)
    pose = pose.copy()
    pose[:, :3] = rotations.matrix_to_axis_angle(_WORLD_FROM_CAMERA @ rotations.axis_angle_to_matrix(pose[:, :3]))
    betas = np.asarray(arrays["betas"])
    if betas.shape != (len(pose), conventions.NUM_BETAS) or not np.isfinite(betas).all():
        raise MotionError(f"Finite betas [T, {conventions.NUM_BETAS}] are needed. Received: {betas.shape} in {source}")
    return Poses(pose, betas.mean(0), str(arrays["body_id"]))


def _read_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of a file, by name; a file that holds one array calls it pose."""
    _check_size(path.stat().st_size)
    if path.suffix.lower() == ".npz":
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    if path.suffix.lower() == ".npy":
        return {"pose": np.load(path, allow_pickle=False)}
    value = json.loads(path.read_bytes())
    return (
        {name: np.asarray(v) for name, v in value.items()} if isinstance(value, dict) else {"pose": np.asarray(value)}
    )


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes, more than {MAX_BYTES}")


def _checked(pose: np.ndarray, source: str) -> np.ndarray:
    """Any accepted shape -> float64 [T, 72].

    Raises:
        MotionError: another shape, no numbers, or some are not finite.
    """
    each = (conventions.NUM_JOINTS, 3) if pose.shape[-1:] == (3,) else (conventions.POSE_SIZE,)
    if pose.shape[-len(each) :] != each or pose.ndim > len(each) + 1 or pose.size == 0 or pose.dtype.kind not in "iuf":
        raise MotionError(f"{_WANTED}. Received: an array {pose.shape} of {pose.dtype} in {source}")
    if not np.isfinite(pose).all():
        raise MotionError(f"{_WANTED}. Received: {int((~np.isfinite(pose)).sum())} numbers not finite in {source}")
    return pose.reshape(-1, conventions.POSE_SIZE).astype(np.float64)
