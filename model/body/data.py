"""The arrays of one body model, checked, with the id that goes wherever its vertices or parameters are stored."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Literal

import numpy as np

from model import conventions
from model.errors import BodyFileError, BodyMismatchError

# Shape of every array in a body file, by SMPL's own names; letters are sizes that differ between bodies.
SHAPES: dict[str, tuple[str | int, ...]] = {
    "v_template": ("V", 3),
    "shapedirs": ("V", 3, conventions.NUM_BETAS),
    "posedirs": ("V", 3, conventions.POSE_FEATURES),
    "J_regressor": (conventions.NUM_JOINTS, "V"),
    "keypoint_regressor": (conventions.NUM_KEYPOINTS, "V"),
    "weights": ("V", conventions.NUM_JOINTS),
    "f": ("F", 3),
    "vt": ("U", 2),
    "ft": ("F", 3),
    "face_parts": ("F",),
}
APPEARANCE = ("vt", "ft", "face_parts")
# Numbers beyond this would not survive the precisions that bodies are stored in; none of a body's come near it.
_LARGEST = float(np.finfo(np.float16).max)
# Half precision is how the free bodies store their correctives; an id must not depend on how a file stores them.
_HASHED_AS = {"posedirs": np.float16}
_STATURE = (1.2, 2.3)  # metres; a template in millimetres, in feet or lying on its back is outside
_SUM_TOLERANCE = 1e-2
_SIGN_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class BodyData:
    """Arrays of one body model, as in SMPL's release, with V vertices and F faces.

    Attributes:
        gender: "male", "female" or "neutral".
        v_template: [V, 3] metres, T-pose, facing +z.
        shapedirs: [V, 3, 10] metres per standard deviation of each beta.
        posedirs: [V, 3, 207] metres per unit of the pose features R - I.
        joint_regressor: [24, V], rows sum to 1.
        keypoint_regressor: [19, V], rows sum to 1, applied to posed vertices.
        weights: [V, 24] skinning weights, rows sum to 1; at most four are not zero in the free bodies and in SMPL's.
        faces: [F, 3] vertex indices, counter-clockwise seen from outside.
        uv: [U, 2] texture coordinates in 0..1.
        uv_faces: [F, 3] indices into uv.
        face_parts: [F] 0 = skin, 1 = eyeball.
        body_id: hash of the numbers above; written wherever vertices or parameters are stored.
    """

    gender: str
    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    joint_regressor: np.ndarray
    keypoint_regressor: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    face_parts: np.ndarray
    body_id: str

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.v_template)


def check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    """Checks the arrays of a body file that are there (of SHAPES; a file may leave out what can be made of the rest).

    Raises:
        BodyFileError: a shape is wrong, a number is not finite, an index points nowhere, the rows of weights or of a
            regressor do not sum to 1, or the template has not the height of a person standing along y in metres.
    """
    arrays = {name: arrays[name] for name in SHAPES if name in arrays}
    _check_shapes(arrays)
    _check_numbers(arrays)


def make_body(arrays: Mapping[str, np.ndarray], gender: str, family: Literal["free", "smpl"]) -> BodyData:
    """Makes a body of arrays that `check_arrays` has passed.

    Args:
        arrays: those of SHAPES, any real dtype.
        gender: "male", "female" or "neutral".
        family: first word of the id. A free body's texture coordinates are part of it; SMPL's files have none, so
            theirs are not, and may be made or changed without making another body of it.
    """
    wholes: dict[str, type] = {"f": np.int32, "ft": np.int32, "face_parts": np.uint8}
    stored: dict[str, np.ndarray] = {
        name: np.ascontiguousarray(arrays[name], wholes.get(name, np.float32)) for name in SHAPES
    }
    digest = hashlib.sha256(gender.encode())
    for name, array in stored.items():
        if family == "free" or name not in APPEARANCE:
            digest.update(array.astype(_HASHED_AS.get(name, array.dtype), copy=False).tobytes())
    return BodyData(
        gender=gender,
        v_template=stored["v_template"],
        shapedirs=stored["shapedirs"],
        posedirs=stored["posedirs"],
        joint_regressor=stored["J_regressor"],
        keypoint_regressor=stored["keypoint_regressor"],
        weights=stored["weights"],
        faces=stored["f"],
        uv=stored["vt"],
        uv_faces=stored["ft"],
        face_parts=stored["face_parts"],
        body_id=f"{family}-{gender}-{digest.hexdigest()[:12]}",
    )


def check_body_id(received: str, wanted: str, where: str) -> None:
    """Refuses data of another body than the one in use.

    Args:
        received: id that the data carries.
        wanted: id of the body in use.
        where: what the data is, at the start of a sentence: "The frame model".

    Raises:
        BodyMismatchError: the ids differ.
    """
    if received != wanted:
        raise BodyMismatchError(f"{where} must be of body {wanted}, the one in use (see --body). Received: {received}")


def _check_shapes(arrays: Mapping[str, np.ndarray]) -> None:
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        wanted, shape = SHAPES[name], array.shape
        fits = len(shape) == len(wanted) and all(
            sizes.setdefault(w, s) == s if isinstance(w, str) else w == s for w, s in zip(wanted, shape, strict=True)
        )
        if not fits or 0 in shape:
            known = ", ".join(f"{size} = {count}" for size, count in sizes.items())
            raise BodyFileError(f"Array {name} of a body has shape {wanted} ({known}). Received: {shape}")
        if array.dtype.kind not in "iuf":
            raise BodyFileError(f"Array {name} of a body holds real numbers. Received: dtype {array.dtype}")


def _check_numbers(arrays: Mapping[str, np.ndarray]) -> None:
    below = {"f": len(arrays["v_template"]), "ft": len(arrays.get("vt", ())), "face_parts": 2}
    for name, array in arrays.items():
        low, high = array.min(), array.max()
        if name in below and not (0 <= low <= high < below[name] and (array % 1 == 0).all()):
            raise BodyFileError(
                f"Array {name} of a body holds whole numbers from 0 to {below[name] - 1}. "
                f"Received: numbers from {low} to {high}"
            )
        if name not in below and not -_LARGEST <= low <= high <= _LARGEST:
            raise BodyFileError(f"Array {name} of a body holds finite numbers. Received: numbers from {low} to {high}")
    for name in (name for name in ("J_regressor", "keypoint_regressor", "weights") if name in arrays):
        sums = arrays[name].sum(1, dtype=np.float64)
        if np.abs(sums - 1).max() > _SUM_TOLERANCE:
            raise BodyFileError(f"Rows of {name} sum to 1. Received: sums from {sums.min():.4g} to {sums.max():.4g}")
    if arrays["weights"].min() < -_SIGN_TOLERANCE:
        raise BodyFileError(f"Skinning weights are not negative. Received: {arrays['weights'].min():.4g}")
    stature = float(np.ptp(arrays["v_template"][:, 1]))
    if not _STATURE[0] <= stature <= _STATURE[1]:
        raise BodyFileError(
            f"A body's template stands along y and is {_STATURE[0]} to {_STATURE[1]} metres tall. "
            f"Received: {stature:.4g} (another unit, or another axis up?)"
        )
