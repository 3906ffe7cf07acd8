"""Leeds Sports Pose (Johnson and Everingham 2010) and its extended training set (2011): joints.mat and images/."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np

from components.datasets import matlab_files, stills
from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings

_JOINTS = 14


class LSP:
    """LSP: 2,000 images with one person each, the first 1,000 to train with, the others for evaluation.

    `joints` is [3, 14, 2000] with x and y in MATLAB's pixels, which start at 1, and a flag. README.txt calls the flag
    visibility; in the file it is 1 where a joint is *hidden*, and some mirrors have turned it round. Joints of people
    in sports are mostly visible, so the rarer value is taken as hidden. Hidden joints have places.
    """

    name = "lsp"
    page = "http://sam.johnson.io/research/lsp.html"
    joint_map = "lsp"
    people = 2000
    digits = 4
    train = 1000

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)

    def check(self) -> Iterator[Finding]:
        """joints.mat's layout, what its flags mean, and how many images there are."""
        path = self._root / "joints.mat"
        if not path.is_file():
            yield stills.missing("joints.mat", self.page)
        else:
            try:
                joints = self._joints()
                state = "found" if len(joints) == self.people else "odd"
                yield Finding(state, f"joints.mat: {len(joints)} people of {self.people}, pixels from 1")
                yield self._flags_finding(joints[..., 2])
            except DatasetError as error:
                yield Finding("odd", str(error))
        yield stills.images_finding(self._root, "images", self.people, self.page)

    def clips(self) -> Iterator[PersonClip | Fault]:
        """People in the order of joints.mat."""
        joints = self._joints()
        labelled, visible = self._states(joints[..., 2])
        for index, person in enumerate(joints):
            number = f"{index + 1:0{self.digits}d}"
            clip_id = f"{self.name}_{number}"
            if not np.all(np.isin(person[:, 2], (0.0, 1.0))):
                yield Fault(clip_id, "a joint's flag is neither 0 nor 1")
                continue
            yield stills.person(
                self.joint_map,
                person[:, :2] - 1.0,
                labelled[index],
                visible[index],
                clip_id=clip_id,
                split="train" if index < self.train else "eval",
                source=self.name,
                media=f"images/im{number}.jpg",
            )

    def _joints(self) -> np.ndarray:
        """[N, 14, 3] x, y and flag as they are in the file.

        Raises:
            DatasetError: no file, or not this layout.
        """
        path = self._root / "joints.mat"
        wanted = f"{path} must hold `joints`, [3, {_JOINTS}, {self.people}] or [{_JOINTS}, 3, {self.people}]"
        if not path.is_file():
            raise DatasetError(f"{wanted}. Received: no such file")
        try:
            joints = np.asarray(matlab_files.read_arrays(path, ["joints"])["joints"], np.float64)
        except (DatasetError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{wanted}. Received: {error}") from error
        if joints.ndim == 3 and joints.size and joints.shape[:2] == (3, _JOINTS):
            return joints.transpose(2, 1, 0)
        if joints.ndim == 3 and joints.size and joints.shape[:2] == (_JOINTS, 3):
            return joints.transpose(2, 0, 1)
        raise DatasetError(f"{wanted}. Received: {list(joints.shape)}")

    def _states(self, flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flags [N, 14] -> which joints have a place and which of them can be seen, bool [N, 14] each."""
        return np.ones(flags.shape, bool), (flags == 0) == _marks_hidden(flags)

    def _flags_finding(self, flags: np.ndarray) -> Finding:
        share = f"{100 * np.mean(flags == 1):.0f} % of the flags are 1"
        if _marks_hidden(flags):
            return Finding("found", f"{share}: 1 is taken as hidden, as in the official file (README.txt says visible)")
        return Finding("odd", f"{share}: 1 is taken as visible; in the official file it means hidden")


class LSPExtended(LSP):
    """LSP-extended: 10,000 images with one person each, all to train with.

    `joints` is [14, 3, 10000]; the flag is 1 where a joint is visible. Others have no place: their coordinates mean
    nothing. Annotated by Mechanical Turk workers and less exact than LSP.
    """

    name = "lsp_extended"
    page = "http://sam.johnson.io/research/lspet.html"
    joint_map = "lsp_extended"
    people = 10000
    digits = 5
    train = 10000

    def _states(self, flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return flags == 1, flags == 1

    def _flags_finding(self, flags: np.ndarray) -> Finding:
        share = f"{100 * np.mean(flags == 1):.0f} % of the flags are 1, taken as visible; joints with 0 have no place"
        return Finding("odd" if _marks_hidden(flags) else "found", share)


def _marks_hidden(flags: np.ndarray) -> bool:
    return bool(np.mean(flags == 1) < 0.5)
