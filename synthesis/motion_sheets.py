"""Motions to look at: contact sheets and videos of the skeleton beside the shaded body, on a floor with a grid."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from model import conventions, storage
from model.body.numpy_body import NumpyBody
from model.errors import VideoError
from synthesis.annotate import Annotation
from synthesis.motion.motion import Motion
from synthesis.motion.placement import place
from synthesis.render.interface import Backdrop, Camera
from synthesis.studio import Framing, Studio, project

PICTURES = (".jpg", ".jpeg", ".png")
VIDEOS = (".mp4",)
SHEET_FRAMES = 12

_FPS = 30.0
_JPEG_QUALITY = 78
_MP4V = cv2.VideoWriter.fourcc(*"mp4v")
_PER_ROW = 6
_HEADER = 34
_TURN, _ELEVATION = math.radians(35), math.radians(9)
# Metres: between two lines of the floor, and how far they reach from the middle of the picture.
_GRID, _GRID_REACH = 0.5, 3.0
_LEFT, _RIGHT, _MIDDLE = "#d9662b", "#2b6fb3", "#3f4348"


@dataclasses.dataclass(frozen=True)
class Cell:
    """Size in pixels of one panel; a frame is two of them, skeleton and body."""

    width: int = 150
    height: int = 280


# For many motions in one picture.
SMALL = Cell(76, 132)


class MotionStage:
    """Shows the frames of motions with one body.

    Example:
        stage = MotionStage(NumpyBody(load_body("neutral")))
        sheet = stage.sheet(motion)
        stage.close()
    """

    def __init__(self, body: NumpyBody, cell: Cell | None = None):
        """Starts a renderer.

        Raises:
            RenderError: OpenGL cannot start here.
        """
        self._body, self._cell = body, cell or Cell()
        self._studio = _GridStudio(self._cell.width, self._cell.height)

    def close(self) -> None:
        """Frees the renderer."""
        self._studio.close()

    def sheet(self, motion: Motion, frames: int = SHEET_FRAMES) -> np.ndarray:
        """Frames evenly spaced from the first to the last, each with its number and time: uint8 [H, W, 3]."""
        shown = np.unique(np.linspace(0, len(motion) - 1, frames).round().astype(int))
        cells = list(self._frames(motion, shown))
        blank = np.full_like(cells[0], 236)
        cells += [blank] * (-len(cells) % _PER_ROW)
        rows = [np.concatenate(cells[i : i + _PER_ROW], 1) for i in range(0, len(cells), _PER_ROW)]
        sheet = cv2.copyMakeBorder(np.concatenate(rows), _HEADER, 0, 0, 0, cv2.BORDER_CONSTANT, value=(250, 250, 250))
        note = Annotation(sheet)
        note.text(_title(motion), (12, _HEADER / 2), 16, align="left", bold=True)
        for i, index in enumerate(shown):
            row, column = divmod(i, _PER_ROW)
            at = (column + 0.5) * 2 * self._cell.width, _HEADER + (row + 1) * self._cell.height - 12
            note.text(f"frame {index}, {index / motion.fps:.2f} s", at, 13)
        return note.image()

    def row(self, motion: Motion) -> np.ndarray:
        """A sheet of one row, to be put over those of other motions: uint8 [H, W, 3]."""
        return self.sheet(motion, _PER_ROW)

    def film(self, motion: Motion) -> Iterator[np.ndarray]:
        """Every frame of the motion at 30 fps or less: uint8 [H, W, 3] each."""
        motion = motion.resample(_FPS) if motion.fps > _FPS else motion
        pictures = self._frames(motion, np.arange(len(motion)))
        for index, picture in enumerate(pictures):
            note = Annotation(picture)
            note.text(motion.name, (10, 14), 14, align="left", bold=True)
            note.text(f"{index / motion.fps:.2f} s", (picture.shape[1] - 10, 14), 14, align="right")
            yield note.image()

    def _frames(self, motion: Motion, shown: np.ndarray) -> Iterator[np.ndarray]:
        """Skeleton and body side by side, of the frames `shown` [N]; the camera goes along with the pelvis."""
        betas = np.zeros(conventions.NUM_BETAS, np.float32)
        # The floor under a fast file is found as well at 30 fps, in a fraction of the time.
        stride = max(int(motion.fps / _FPS), 1)
        coarse = motion.resample(motion.fps / stride)
        kept = np.minimum(np.rint(shown / stride).astype(int), len(coarse) - 1)
        pose, trans = (array[kept] for array in place(coarse, self._body, betas))
        framing = self._framing(pose, betas, trans)
        for t in range(len(shown)):
            vertices, joints = (array[0] for array in self._body(pose[t : t + 1], betas, trans[t : t + 1]))
            here = dataclasses.replace(framing, centre=(joints[0, 0], framing.centre[1], joints[0, 2]))
            body = self._studio.picture(self._body.data, vertices, here)
            yield np.concatenate([self._skeleton(joints, here), body], 1)

    def _framing(self, pose: np.ndarray, betas: np.ndarray, trans: np.ndarray) -> Framing:
        """One framing for all frames, in which each fits with its pelvis in the middle."""
        _, joints = self._body(pose, betas, trans)
        aside = np.linalg.norm(joints[..., [0, 2]] - joints[:, :1, [0, 2]], axis=-1).max() + 0.18
        top = max(joints[..., 1].max() + 0.16, 1.2)
        height = max(1.3 * top, 2 * aside * self._cell.height / self._cell.width)
        return Framing((0.0, 0.47 * top, 0.0), height, _TURN, _ELEVATION)

    def _skeleton(self, joints: np.ndarray, framing: Framing) -> np.ndarray:
        camera = self._studio.camera(framing)
        note = Annotation(self._studio.empty(camera))
        pixels = project(camera, joints)
        depth = joints @ camera.extrinsics[2, :3]
        bones = [(j, parent) for j, parent in enumerate(conventions.PARENTS) if parent >= 0]
        for j, parent in sorted(bones, key=lambda bone: -depth[list(bone)].mean()):
            colour = {"L_": _LEFT, "R_": _RIGHT}.get(conventions.JOINTS[j][:2], _MIDDLE)
            note.line(pixels[[parent, j]], colour, 0.013 * self._cell.height)
        note.dot(pixels[conventions.joint("head")], _MIDDLE, 0.04 * self._cell.height)
        return note.image()


class _GridStudio(Studio):
    """A studio whose floor has a grid."""

    def empty(self, camera: Camera) -> np.ndarray:
        """The studio with nobody in it."""
        return self._backdrop(camera, np.full((1, 3), 1e3)).image

    def _backdrop(self, camera: Camera, vertices: np.ndarray) -> Backdrop:
        backdrop = super()._backdrop(camera, vertices)
        image = backdrop.image.copy()
        eye = -camera.extrinsics[:, :3].T @ camera.extrinsics[:, 3]
        # Where the optical axis meets the floor.
        along = camera.extrinsics[2, :3]
        middle = eye - along * (eye[1] / along[1])
        middle = np.clip(middle, eye - 10, eye + 10)
        lines = []
        for axis, other in ((0, 2), (2, 0)):
            first = math.ceil((middle[axis] - _GRID_REACH) / _GRID)
            for k in range(first, first + int(2 * _GRID_REACH / _GRID)):
                ends = np.zeros((2, 3))
                ends[:, axis] = k * _GRID
                ends[:, other] = middle[other] - _GRID_REACH, middle[other] + _GRID_REACH
                lines.append(np.rint(project(camera, ends) * 16).astype(np.int32))
        grid = image.copy()
        cv2.polylines(grid, lines, False, (150, 155, 165), 1, cv2.LINE_AA, shift=4)
        return dataclasses.replace(backdrop, image=cv2.addWeighted(grid, 0.6, image, 0.4, 0))


def write_picture(path: str | pathlib.Path, picture: np.ndarray) -> None:
    """Writes uint8 [H, W, 3] as the file's suffix says, whole or not at all."""
    path = pathlib.Path(path)
    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    storage.write_bytes(path, encoded.tobytes())


def write_film(path: str | pathlib.Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """Writes frames uint8 [H, W, 3] as an mp4, whole or not at all.

    Raises:
        VideoError: this OpenCV cannot write mp4.
    """
    first = next(frames)
    with storage.written_aside(path) as aside:
        writer = cv2.VideoWriter(str(aside), _MP4V, min(fps, _FPS), first.shape[1::-1])
        if not writer.isOpened():
            raise VideoError(f"An OpenCV that writes mp4 is needed. Received: cv2 {cv2.__version__}, which cannot")
        try:
            writer.write(first[..., ::-1])
            for frame in frames:
                writer.write(frame[..., ::-1])
        finally:
            writer.release()


def _title(motion: Motion) -> str:
    return f"{motion.name}   {len(motion)} frames, {motion.fps:.4g} fps, {motion.seconds:.1f} s"
