"""What every reader of a public dataset yields, and what it says of the files it finds."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from components import records
from model import conventions
from model.errors import UserError

SPLITS = ("train", "eval")


class DatasetError(UserError):
    """A dataset's files are not there or not in a layout that is known."""


@dataclasses.dataclass(frozen=True)
class ReaderSettings:
    """What decides which clips a reader yields.

    Attributes:
        clip_length: frames T of a clip of a video; stills are clips of one frame.
        fps: frames a second that videos are thinned out to, by whole strides; 0: as they are.
        smpl: folder with fits of SMPL's parameters, files that docs/datasets.md describes; "": none.
    """

    clip_length: int = 16
    fps: float = 25.0
    smpl: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class PersonClip:
    """One person in a still, or in T frames of a video: all of a record but its pixels.

    Attributes:
        clip_id: unique; letters, digits, "_" and "-".
        split: "train" or "eval".
        source: name of the dataset.
        subject: who is seen; "" where nobody says.
        action: what is done; "".
        camera: name of the viewpoint; "".
        media: image or video, relative to the dataset's root. A video that lies there as a folder of images is named by
            their pattern, "TS1/imageSequence/img_%06d.jpg"; then `frames` are the numbers in the images' names.
        frames: numbers of the video's frames, ascending from 0; () for a still.
        fps: between these frames; 0 for a still.
        keypoints2d: [T, 19, 3] pixels x, y (centres at whole numbers) of the whole image and visible 0 or 1. What is
            not labelled is (0, 0, 0); what is labelled and hidden has a place and visible 0.
        keypoints3d: [T, 19, 3] metres in the camera's frame, or None.
        keypoints3d_valid: [T, 19] 0 or 1, or None.
        intrinsics: [3, 3] K, pixels, or None.
        extrinsics: [3, 4] world to camera, metres, or None.
        pose: [T, 72] axis-angle, global rotation in the camera's frame first, or None.
        betas: [10], or None.
        trans: [T, 3] metres, or None.
        body_id: the body that pose and betas belong to; "".
        protocols: evaluation protocols that the clip counts for.
    """

    clip_id: str
    split: str
    source: str
    media: str
    keypoints2d: np.ndarray
    subject: str = ""
    action: str = ""
    camera: str = ""
    frames: tuple[int, ...] = ()
    fps: float = 0.0
    keypoints3d: np.ndarray | None = None
    keypoints3d_valid: np.ndarray | None = None
    intrinsics: np.ndarray | None = None
    extrinsics: np.ndarray | None = None
    pose: np.ndarray | None = None
    betas: np.ndarray | None = None
    trans: np.ndarray | None = None
    body_id: str = ""
    protocols: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """T."""
        return len(self.keypoints2d)

    @property
    def labelled(self) -> np.ndarray:
        """Bool [T, 19]: keypoints that have a place in the images."""
        return records.labelled(self.keypoints2d)


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something in a dataset that gives no clip, or not all of its frames.

    Attributes:
        item: file or annotation.
        reason: why; reasons are counted, so they hold no numbers of the item.
    """

    item: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of `mviper convert --check`.

    Attributes:
        state: "found", "missing" or "odd".
        text: what it is; for what is missing also where it comes from.
    """

    state: str
    text: str


class Reader(Protocol):
    """One dataset in its official layout or a common conversion of it.

    Attributes:
        name: of the dataset, as `mviper convert` knows it and as records' `clip/source`.
        page: where the dataset and its licence are.
        joint_map: key of components.datasets.keypoint_maps.MAPS.
    """

    name: str
    page: str
    joint_map: str

    def __init__(self, root: pathlib.Path, settings: ReaderSettings): ...

    def check(self) -> Iterator[Finding]:
        """What is there, what is missing and what is odd, from listings and headers alone: seconds on whole trees."""
        ...

    def clips(self) -> Iterator[PersonClip | Fault]:
        """All clips of all splits that are there, in a fixed order, one annotation file in memory at a time.

        A damaged annotation file or person is a Fault and the rest goes on; what has no labels by the dataset's own
        design (crowds, test parts) gives nothing. Pixels are not touched.

        Raises:
            DatasetError: nothing of the dataset is there.
        """
        ...


def new_keypoints2d(length: int = 1) -> np.ndarray:
    """[T, 19, 3] without any label."""
    return np.zeros((length, conventions.NUM_KEYPOINTS, 3), np.float32)


def to_values(clip: PersonClip) -> dict[str, Any]:
    """A clip for JSON: the same clip gives the same text. Pixels are kept to 1/100, metres and radians to 1e-5."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(clip):
        value = getattr(clip, field.name)
        if isinstance(value, np.ndarray):
            digits = 2 if field.name in ("keypoints2d", "intrinsics") else 5
            # Through float64: float32 has no short decimals.
            value = np.round(value.astype(np.float64), digits).tolist()
        if value is not None and value != "" and value != ():
            values[field.name] = list(value) if isinstance(value, tuple) else value
    return values


def from_values(values: dict[str, Any]) -> PersonClip:
    """Inverse of to_values."""
    arrays = {f.name for f in dataclasses.fields(PersonClip) if "ndarray" in str(f.type)}
    tuples = {"frames", "protocols"}
    fields: dict[str, Any] = {
        name: np.array(value, np.float32) if name in arrays else tuple(value) if name in tuples else value
        for name, value in values.items()
    }
    return PersonClip(**fields)
