"""Body models on disk: the embedded free bodies, with SMPL's own array names and layout."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import pathlib
import zipfile
import zlib

import numpy as np

from model import conventions
from model.errors import BodyFileError

ASSETS = pathlib.Path(__file__).parent / "assets"
GENDERS = ("male", "female", "neutral")


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
        weights: [V, 24] skinning weights, rows sum to 1, at most four are not zero.
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


_SHAPES = {
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


@functools.lru_cache(maxsize=4)
def load_body(gender: str = "neutral") -> BodyData:
    """Loads the embedded free body (CC0, built from MakeHuman data by tools/build_body.py).

    Raises:
        BodyFileError: the gender is unknown, or the file is missing or has arrays of another layout.
    """
    if gender not in GENDERS:
        raise BodyFileError(f"A body is one of {', '.join(GENDERS)}. Received: {gender!r}")
    return read_body(ASSETS / f"free_{gender}.npz", gender)


def read_body(path: str | pathlib.Path, gender: str) -> BodyData:
    """Reads one `.npz` body file and checks every array's shape.

    Raises:
        BodyFileError: the file is missing, truncated, or an array is absent or misshapen.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _SHAPES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BodyFileError(
            f"A body file with the arrays {', '.join(_SHAPES)} is needed. Received: {path} ({error})"
        ) from error
    sizes: dict[str, int] = {}
    for name, wanted in _SHAPES.items():
        shape = arrays[name].shape
        fits = len(shape) == len(wanted) and all(
            sizes.setdefault(w, s) == s if isinstance(w, str) else w == s for w, s in zip(wanted, shape, strict=True)
        )
        if not fits:
            raise BodyFileError(f"Array {name} of a body has shape {wanted}. Received: {shape} in {path}")
    digest = hashlib.sha256(gender.encode())
    for name in _SHAPES:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return BodyData(
        gender=gender,
        v_template=arrays["v_template"].astype(np.float32),
        shapedirs=arrays["shapedirs"].astype(np.float32),
        posedirs=arrays["posedirs"].astype(np.float32),
        joint_regressor=arrays["J_regressor"].astype(np.float32),
        keypoint_regressor=arrays["keypoint_regressor"].astype(np.float32),
        weights=arrays["weights"].astype(np.float32),
        faces=arrays["f"].astype(np.int32),
        uv=arrays["vt"].astype(np.float32),
        uv_faces=arrays["ft"].astype(np.int32),
        face_parts=arrays["face_parts"].astype(np.uint8),
        body_id=f"free-{gender}-{digest.hexdigest()[:12]}",
    )
