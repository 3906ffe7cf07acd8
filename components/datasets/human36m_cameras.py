"""The cameras of Human3.6M, from the `metadata.xml` of its release.

`<w0>[...]</w0>` holds 300 numbers: for each of 4 cameras and of 11 subjects three angles and the camera's place in
millimetres, then for each camera f_x f_y c_x c_y k_1 k_2 k_3 p_1 p_2. A world point is seen at R (X - place) with
R = R_x R_y R_z of the angles. So do the release's MATLAB functions, and after them the readers of Martinez et al. 2017
and of MeTRAbs.
"""

from __future__ import annotations

import dataclasses
import pathlib
import xml.etree.ElementTree

import numpy as np

from components.datasets.base import DatasetError
from model.rotations import rotation_about

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
_SUBJECTS = 11


@dataclasses.dataclass(frozen=True, eq=False)
class LensCamera:
    """A camera with the distortion of its lens.

    Attributes:
        intrinsics: [3, 3] K, pixels.
        extrinsics: [3, 4] world to camera, metres.
        radial: [3] k_1, k_2, k_3.
        tangential: [2] p_1, p_2.
    """

    intrinsics: np.ndarray
    extrinsics: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray

    def seen(self, points: np.ndarray) -> np.ndarray:
        """World points [..., 3] metres in the camera's frame."""
        return points @ self.extrinsics[:, :3].T + self.extrinsics[:, 3]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] of the camera's frame -> pixels [..., 2], through the lens as the dataset's 2D labels are."""
        flat = points[..., :2] / points[..., 2:]
        squared = (flat**2).sum(-1, keepdims=True)
        powers = np.concatenate([squared, squared**2, squared**3], -1)
        # The release has no factor 2 here, unlike OpenCV.
        factor = 1.0 + powers @ self.radial + flat @ self.tangential[::-1]
        bent = flat * factor[..., None] + squared * self.tangential[::-1]
        return bent * np.diagonal(self.intrinsics)[:2] + self.intrinsics[:2, 2]


def find_metadata(root: pathlib.Path) -> pathlib.Path | None:
    """`metadata.xml` in the dataset's folder or one below it, such as Release-v1.2."""
    return next(iter([*root.glob("metadata.xml"), *sorted(root.glob("*/metadata.xml"))]), None)


def read_cameras(path: pathlib.Path) -> dict[tuple[str, str], LensCamera]:
    """Subject ("S1") and camera -> its camera.

    Raises:
        DatasetError: the file is damaged or has another layout.
    """
    try:
        text = xml.etree.ElementTree.parse(path).getroot().findtext(".//w0") or ""
        numbers = np.array(text.strip().strip("[]").split(), np.float64)
        places = numbers[:264].reshape(len(CAMERAS), _SUBJECTS, 6)
        lenses = numbers[264:].reshape(len(CAMERAS), 9)
    except (OSError, ValueError, xml.etree.ElementTree.ParseError) as error:
        raise DatasetError(
            f"A metadata.xml of Human3.6M with 300 numbers w0 is needed. Received: {path} ({error})"
        ) from error
    return {
        (f"S{subject + 1}", name): _camera(places[camera, subject], lenses[camera])
        for camera, name in enumerate(CAMERAS)
        for subject in range(_SUBJECTS)
    }


def _camera(place: np.ndarray, lens: np.ndarray) -> LensCamera:
    rotation = rotation_about(0, place[0]) @ rotation_about(1, place[1]) @ rotation_about(2, place[2])
    intrinsics = np.array([[lens[0], 0.0, lens[2]], [0.0, lens[1], lens[3]], [0.0, 0.0, 1.0]])
    extrinsics = np.concatenate([rotation, -rotation @ place[3:, None] / 1000.0], 1)
    return LensCamera(intrinsics, extrinsics, lens[4:7], lens[7:9])
