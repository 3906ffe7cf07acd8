"""Fits of SMPL's parameters to the videos of a dataset, from a user's own npz files.

Public datasets come without them; those who have fits (by MoSh, or by fitting to the 3D joints) put them into a folder:

    <smpl>/<subject>/<sequence>.npz            in the dataset's world frame, for all cameras of the sequence
    <smpl>/<subject>/<sequence>.<camera>.npz   in the frame of that camera; preferred where both are there

The names are "S1/Directions 1.54138969.npz" for Human3.6M, with the actions of components/datasets/human36m.py, and
"S1/Seq1.0.npz" and "TS1/TS1.0.npz" for MPI-INF-3DHP. A file holds

    pose     [F, 72] axis-angle in radians, global rotation first
    betas    [10] or [F, 10]; further components are left out
    trans    [F, 3] metres, optional; body(pose, betas) + trans lies in the file's frame
    frames   [F] numbers, from 0, of the video's frames that the rows are of; optional, without it 0..F-1
    body_id  text, optional: the body that the parameters are of; without it the SMPL files in use (--body)

The world's frame is that of the dataset's extrinsics, in metres. Clips with a frame that no row is of get no
parameters.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np

from components.datasets.base import DatasetError
from model import conventions
from model.body.data import BodyData, check_body_id
from model.body.files import FREE, load_body
from model.errors import BodyMismatchError


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """SMPL's parameters of one video in the frame of its camera.

    Attributes:
        rows: number of a frame -> row of the arrays.
        pose: [F, 72] axis-angle, global rotation in the camera's frame first.
        betas: [F, 10].
        trans: [F, 3] metres, or None.
        body_id: the body that they belong to.
    """

    rows: dict[int, int]
    pose: np.ndarray
    betas: np.ndarray
    trans: np.ndarray | None
    body_id: str

    def at(self, frames: np.ndarray) -> dict[str, np.ndarray | str]:
        """The fields of PersonClip for these frames [T]; none where a frame has no row. Betas are the clip's mean."""
        if any(int(frame) not in self.rows for frame in frames):
            return {}
        rows = [self.rows[int(frame)] for frame in frames]
        fields: dict[str, np.ndarray | str] = {
            "pose": self.pose[rows].astype(np.float32),
            "betas": self.betas[rows].mean(0).astype(np.float32),
            "body_id": self.body_id,
        }
        if self.trans is not None:
            fields["trans"] = self.trans[rows].astype(np.float32)
        return fields


class SmplFits:
    """A folder of fits.

    Args:
        folder: "": there are none.

    Raises:
        DatasetError: the folder is not there.
    """

    def __init__(self, folder: str):
        self._folder = pathlib.Path(folder) if folder else None
        if self._folder and not self._folder.is_dir():
            raise DatasetError(f"A folder with fits of SMPL is needed. Received: {folder}, which is not there")

    def count(self) -> int:
        """Number of files."""
        return sum(1 for _ in self._folder.glob("*/*.npz")) if self._folder else 0

    def read(self, subject: str, sequence: str, camera: str, extrinsics: np.ndarray | None) -> Fit | None:
        """The fit of one video, or None.

        Args:
            subject: as in the folder's layout, like the next two.
            sequence: name.
            camera: name.
            extrinsics: [3, 4] world to camera, metres, or None where nobody knows them.

        Raises:
            DatasetError: a file is damaged, or in a world that is not known. The message names no file.
            BodyMismatchError: the fits are of another body than the one in use.
        """
        if self._folder is None:
            return None
        seen = self._folder / subject / f"{sequence}.{camera}.npz"
        world = self._folder / subject / f"{sequence}.npz"
        if seen.is_file():
            return _read(seen)
        if not world.is_file():
            return None
        if extrinsics is None:
            raise DatasetError("A camera's place in the world is needed for a fit in the world. Received: none")
        return _into_camera(_read(world), extrinsics)


def _read(path: pathlib.Path) -> Fit:
    try:
        with np.load(path, allow_pickle=False) as file:
            pose, betas = np.asarray(file["pose"], np.float64), np.asarray(file["betas"], np.float64)
            trans = np.asarray(file["trans"], np.float64) if "trans" in file.files else None
            numbers = file["frames"].astype(int) if "frames" in file.files else np.arange(len(pose))
            body_id = str(file["body_id"]) if "body_id" in file.files else ""
        betas = np.broadcast_to(betas[..., : conventions.NUM_BETAS], (len(pose), conventions.NUM_BETAS))
        fits = pose.shape == (len(numbers), conventions.POSE_SIZE) and (
            trans is None or trans.shape == (len(numbers), 3)
        )
    except Exception as error:  # zipfile, zlib and NumPy's header parser each have errors of their own
        raise DatasetError("A fit with pose [F, 72] and betas [10] is needed. Received: a damaged file") from error
    if not fits or not all(np.isfinite(array).all() for array in (pose, betas, trans) if array is not None):
        raise DatasetError("A fit with finite pose [F, 72], betas and trans [F, 3] is needed. Received: another")
    return Fit({int(n): row for row, n in enumerate(numbers)}, pose, betas, trans, _checked(body_id))


def _checked(body_id: str) -> str:
    """Id of the body in use, which the fits must be of."""
    used = _body().body_id
    if body_id:
        check_body_id(body_id, used, "A fit")
    elif used.startswith(FREE):
        raise BodyMismatchError(
            f"Fits are of SMPL's body, which --body must name, or say their `body_id`. Received: {used}, the one in use"
        )
    return used


@functools.lru_cache(maxsize=1)
def _body() -> BodyData:
    return load_body()


def _into_camera(fit: Fit, extrinsics: np.ndarray) -> Fit:
    from model.body.numpy_body import NumpyBody
    from synthesis.labels import to_camera

    each = np.broadcast_to(extrinsics, (len(fit.pose), 3, 4))
    trans = np.zeros((len(fit.pose), 3)) if fit.trans is None else fit.trans
    _, joints = NumpyBody(_body()).shaped(fit.betas.mean(0))
    pose, moved = to_camera(fit.pose, trans, joints[0], each)
    return dataclasses.replace(fit, pose=pose, trans=None if fit.trans is None else moved)
