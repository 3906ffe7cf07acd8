"""Body files in SMPL's layout: the pickles of releases 1.0.0 and 1.1.0, and `.npz` with the same names."""

from __future__ import annotations

import pathlib
import zipfile
from collections.abc import Iterable

import numpy as np

from model import conventions
from model.body.data import APPEARANCE, SHAPES, BodyData, check_arrays, make_body
from model.body.keypoints import smpl_keypoint_regressor
from model.body.pickled_arrays import to_array
from model.body.unpickle import MAX_BYTES, load_restricted
from model.errors import BodyFileError

_OPTIONAL = ("keypoint_regressor", *APPEARANCE)
_NEEDED = ("kintree_table", *(name for name in SHAPES if name not in _OPTIONAL))
# Number of joints in the files of SMPL's relatives.
_RELATIVES = {52: "SMPL-H", 55: "SMPL-X", 16: "MANO (a hand)", 5: "FLAME (a head)"}
_UV_MARGIN = 0.01


def read_smpl(path: str | pathlib.Path, gender: str) -> BodyData:
    """Reads a body in SMPL's layout, running nothing that is in the file.

    The first ten of its shape directions are used. Its id covers what moves the surface, not its texture coordinates,
    and does not depend on the kind of file or on the precision that it stores. SMPL's releases have no texture
    coordinates of their own: they are made from the template (`planar_uv`).

    Args:
        path: `.pkl` or `.npz` with SMPL's 6,890 vertices, or with others and its own `keypoint_regressor` [19, V].
        gender: "male", "female" or "neutral"; becomes part of the id.

    Raises:
        BodyFileError: the file is missing, damaged, refers to code, lacks an array, or is of another kind of body.
    """
    path = pathlib.Path(path)
    read = {".pkl": _read_pickle, ".npz": read_npz}.get(path.suffix.lower())
    if read is None:
        raise BodyFileError(f"A body file is a .pkl or an .npz. Received: {path}")
    arrays = read(path, _NEEDED, _OPTIONAL)
    try:
        _check_family(arrays)
        arrays["shapedirs"] = _first_betas(arrays["shapedirs"])
        check_arrays(arrays)
        if "keypoint_regressor" not in arrays:
            template, regressor = arrays["v_template"], arrays["J_regressor"]
            arrays["keypoint_regressor"] = smpl_keypoint_regressor(regressor, len(template))
        if "vt" not in arrays or "ft" not in arrays:
            arrays["vt"], arrays["ft"] = planar_uv(arrays["v_template"], arrays["f"])
        arrays.setdefault("face_parts", np.zeros(len(arrays["f"]), np.uint8))
        return make_body(arrays, gender, "smpl")
    except BodyFileError as error:
        raise BodyFileError(f"{error} in {path}") from error


def read_npz(path: pathlib.Path, needed: Iterable[str], optional: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Named arrays of an `.npz`, never unpickling.

    Raises:
        BodyFileError: the file is missing, damaged or too large, a needed array is absent, or one holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise BodyFileError(f"A body model has at most {MAX_BYTES} bytes. Received: {size} in {path}")
        with np.load(path, allow_pickle=False) as file:
            _check_present(file.files, needed, path)
            return {name: file[name] for name in (*needed, *optional) if name in file.files}
    except BodyFileError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy's header parser each have errors of their own
        hint = " (save chumpy objects and sparse matrices as plain arrays)" if "Object arrays" in str(error) else ""
        raise BodyFileError(
            f"A body file with the arrays {', '.join(needed)} is needed{hint}. Received: {path} ({error})"
        ) from error


def planar_uv(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates for a body that has none: its front fills the left half of the texture, its back the right.

    Each half is the T-pose seen along z, so texels are equally large on what faces z and stretched at the sides. The
    halves never overlap; within one only what hides behind a fold (an ear, the armpit) does.

    Args:
        vertices: [V, 3] metres, T-pose, facing +z.
        faces: [F, 3], counter-clockwise seen from outside.

    Returns:
        Coordinates [2 V, 2] in 0..1 and indices into them [F, 3].
    """
    faces = faces.astype(np.int64)
    flat = vertices[:, :2].astype(np.float64)
    flat = _UV_MARGIN + (1 - 2 * _UV_MARGIN) * (flat - flat.min(0)) / np.maximum(np.ptp(flat, axis=0), 1e-6)
    a, b, c = (flat[faces[:, corner]] for corner in range(3))
    backwards = np.cross(b - a, c - a) < 0
    coordinates = np.concatenate([flat * (0.5, 1), flat * (0.5, 1) + (0.5, 0)])
    return coordinates, faces + len(vertices) * backwards[:, None]


def _read_pickle(path: pathlib.Path, needed: Iterable[str], optional: Iterable[str]) -> dict[str, np.ndarray]:
    values = load_restricted(path)
    _check_present(values, needed, path)
    arrays = {}
    for name in (*needed, *optional):
        if name in values:
            try:
                arrays[name] = to_array(values[name])
            except BodyFileError as error:
                raise BodyFileError(f"Array {name}: {error} in {path}") from error
    return arrays


def _check_present(names: Iterable[str], needed: Iterable[str], path: pathlib.Path) -> None:
    missing = [name for name in needed if name not in names]
    if missing:
        raise BodyFileError(
            f"A body file with the arrays {', '.join(needed)} is needed. Received: {path} without {', '.join(missing)}"
        )


def _check_family(arrays: dict[str, np.ndarray]) -> None:
    """Tells SMPL from its relatives, which share its layout, by the tree of joints."""
    tree = arrays["kintree_table"]
    if tree.ndim != 2 or len(tree) != 2 or tree.dtype.kind not in "iu":
        raise BodyFileError(f"kintree_table is [2, {conventions.NUM_JOINTS}]. Received: {tree.shape} {tree.dtype}")
    joints = tree.shape[1]
    if joints != conventions.NUM_JOINTS:
        looks = f", as {_RELATIVES[joints]} has" if joints in _RELATIVES else ""
        raise BodyFileError(f"An SMPL body has {conventions.NUM_JOINTS} joints. Received: {joints}{looks},")
    # The root's parent is -1, which the releases store unsigned.
    parents = tuple(int(parent) for parent in tree[0])
    if parents[0] not in (-1, 2**32 - 1) or parents[1:] != conventions.PARENTS[1:]:
        raise BodyFileError(f"SMPL's joints have the parents {conventions.PARENTS}. Received: {parents}")


def _first_betas(shapedirs: np.ndarray) -> np.ndarray:
    if shapedirs.ndim != 3 or shapedirs.shape[2] < conventions.NUM_BETAS:
        raise BodyFileError(
            f"shapedirs is [V, 3, {conventions.NUM_BETAS} or more]. Received: {shapedirs.shape} (an old release?)"
        )
    return shapedirs[:, :, : conventions.NUM_BETAS]
