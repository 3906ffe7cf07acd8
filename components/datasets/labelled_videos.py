"""From the labels of a whole video to clips: which frames, in which order of keypoints."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.keypoint_maps import map_joints
from components.datasets.smpl_fits import Fit, SmplFits
from components.datasets.video_headers import VideoHeader


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledVideo:
    """One person through a whole video, in the dataset's own joints.

    Attributes:
        item: the annotation, for Faults.
        joint_map: key of components.datasets.keypoint_maps.MAPS.
        header: of the video.
        joints2d: [F, J, 2] pixels; not finite where a frame has no labels.
        joints3d: [F', J, 3] metres in the camera's frame.
        fields: of PersonClip, the same for all clips of the video, with source, subject and camera.
        sequence: name in the folder of fits.
        fits: of SMPL's parameters.
        usable: bool [F''], frames that may be taken; None: all that have labels.
        actions: [F'''] text, what is done, where it changes within the video: a clip is of one. None: `fields` say it.
        first_number: number of the first frame: 0 in videos, 1 in folders of images.
    """

    item: str
    joint_map: str
    header: VideoHeader
    joints2d: np.ndarray
    joints3d: np.ndarray
    fields: dict[str, Any]
    sequence: str
    fits: SmplFits
    usable: np.ndarray | None = None
    actions: np.ndarray | None = None
    first_number: int = 0

    def clips(self, settings: ReaderSettings) -> Iterator[PersonClip | Fault]:
        """Clips of this video in the order of their frames, after Faults for what of it cannot be used."""
        lengths = {self.header.frames, len(self.joints2d), len(self.joints3d)}
        length = min(lengths)
        if len(lengths) > 1:
            yield Fault(self.item, "video and labels differ in length: the shortest counts")
        joints2d, joints3d = self.joints2d[:length], self.joints3d[:length]
        usable = np.isfinite(joints2d).all((1, 2)) & np.isfinite(joints3d).all((1, 2))
        if not usable.all():
            yield Fault(self.item, "frames with labels that are not finite: left out")
        if self.usable is not None:
            usable[: len(self.usable)] &= self.usable[:length]
            usable[len(self.usable) :] = False
        fit = None
        try:
            names = self.fields["subject"], self.sequence, self.fields["camera"]
            fit = self.fits.read(*names, self.fields.get("extrinsics"))
        except DatasetError as error:
            yield Fault(self.item, str(error))

        runs = usable.astype(int)
        if self.actions is not None:
            runs *= 1 + np.unique(self.actions, return_inverse=True)[1][:length]
        step = stride(self.header.fps, settings.fps)
        empty = True
        for frames in cut(runs, step, settings.clip_length):
            empty = False
            yield self._clip(frames, self.header.fps / step, fit)
        if empty:
            yield Fault(self.item, "fewer frames in a row than a clip has")

    def _clip(self, frames: np.ndarray, fps: float, fit: Fit | None) -> PersonClip:
        places, known = map_joints(self.joint_map, self.joints2d[frames])
        x, y = places[..., 0], places[..., 1]
        # A pixel reaches half a pixel to each side of its centre.
        inside = (x >= -0.5) & (x < self.header.width - 0.5) & (y >= -0.5) & (y < self.header.height - 0.5)
        points, _ = map_joints(self.joint_map, self.joints3d[frames])
        fields = self.fields | (fit.at(frames) if fit else {})
        if self.actions is not None:
            fields["action"] = str(self.actions[frames[0]])
        return PersonClip(
            clip_id=clip_id(fields["source"], self.item, f"{frames[0] + self.first_number:06d}"),
            frames=tuple(int(number) + self.first_number for number in frames),
            fps=fps,
            keypoints2d=np.concatenate([places, (inside & known)[..., None]], -1).astype(np.float32),
            keypoints3d=points.astype(np.float32),
            keypoints3d_valid=np.broadcast_to(known, points.shape[:2]).astype(np.float32),
            **fields,
        )


def stride(fps: float, wanted: float) -> int:
    """Frames from one that is kept to the next, for about the wanted rate; 1 where none is wanted (0)."""
    return max(1, round(fps / wanted)) if wanted > 0 else 1


def cut(runs: np.ndarray, step: int, length: int) -> Iterator[np.ndarray]:
    """Frames [T] of clips that do not overlap, each within one run.

    Args:
        runs: int or bool [F]; frames in a row with the same number are a run, those with 0 are in none.
        step: frames from one of a clip to the next.
        length: T. What is left of a run after its last whole clip is dropped.
    """
    edges = np.flatnonzero(np.diff(np.pad(runs.astype(int), 1)))
    for start, end in itertools.pairwise(edges):
        frames = np.arange(start, end if runs[start] else start, step)
        for first in range(0, len(frames) - length + 1, length):
            yield frames[first : first + length]


def clip_id(*parts: str) -> str:
    """Parts joined by "-", with "_" for all that a clip's name may not hold."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(parts))
