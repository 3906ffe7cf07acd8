"""A record's frames with its labels over them: keypoints by side and visibility, and the mesh posed from the labels."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import cv2
import numpy as np

from components.records import Clip
from model import conventions
from model.body.data import check_body_id
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.visualize import TRUTH_COLOUR, draw_mesh
from synthesis.annotate import PAPER, Annotation, numbered_frames

# The sides' colours are those of docs/conventions.md.
SIDE_COLOURS = {"L": "#3d8bfd", "R": "#fd7e14", "": "#f1f3f5"}
BONES = tuple(
    (conventions.keypoint(a), conventions.keypoint(b))
    for a, b in (
        ("R_ankle", "R_knee"), ("R_knee", "R_hip"), ("L_ankle", "L_knee"), ("L_knee", "L_hip"), ("R_hip", "L_hip"),
        ("R_wrist", "R_elbow"), ("R_elbow", "R_shoulder"), ("L_wrist", "L_elbow"), ("L_elbow", "L_shoulder"),
        ("R_shoulder", "neck"), ("L_shoulder", "neck"), ("R_shoulder", "R_hip"), ("L_shoulder", "L_hip"),
        ("neck", "head_top"), ("nose", "L_eye"), ("nose", "R_eye"), ("L_eye", "L_ear"), ("R_eye", "R_ear"),
    )
)  # fmt: skip
# Around the keypoints' box: hands, feet and hair reach further than joints.
_MARGIN = 0.14
# Width over height of the window.
_ASPECT = 0.75
_KEY_HEIGHT, _KEY_MARGIN, _NAME_SIZE = 900, 130, 16
_HEADER, _INK = 34, "#222222"


class ClipView:
    """Pictures of one clip.

    All its frames are cut to one window, in which the person is seen throughout, and brought to one height.
    """

    def __init__(self, clip: Clip, height: int = 320):
        """Takes a clip.

        Raises:
            BodyMismatchError: the clip has a mesh of another body than the one in use.
        """
        self._clip, self._body = clip, None
        if clip.has_smpl:
            self._body = NumpyBody(load_body("neutral"))
            check_body_id(clip.body_id, self._body.data.body_id, f"Clip {clip.clip_id}")
        self._left, self._top, self._width, self._height = _window(clip)
        self._scale = height / self._height

    def frame(self, number: int) -> np.ndarray:
        """The picture, the keypoints over it and the mesh over it, side by side: uint8 [H, 2 W or 3 W, 3]."""
        picture = self._picture(number, self._scale)
        panels = [picture, self._with_keypoints(picture, number, self._scale)]
        if self._body is not None:
            panels.append(self._with_mesh(self._body, picture, number))
        return np.concatenate(panels, 1)

    def film(self) -> Iterator[np.ndarray]:
        """Every frame."""
        return (self.frame(number) for number in range(self._clip.length))

    def sheet(self, count: int = 12, columns: int = 3) -> np.ndarray:
        """Frames evenly spaced from the first to the last, and the first one large with the keypoints' names."""
        clip = self._clip
        grid = numbered_frames(self.frame, clip.length, count, min(columns, clip.length))
        key = self.key(0)
        high = max(len(key), len(grid))
        parts = [
            cv2.copyMakeBorder(part, _HEADER, high - len(part), 0, 0, cv2.BORDER_CONSTANT, value=(PAPER,) * 3)
            for part in (key, grid)
        ]
        note = Annotation(np.concatenate(parts, 1))
        pace = f"{clip.length} frames, {clip.fps:.4g} fps, {clip.length / clip.fps:.1f} s" if clip.fps else "a still"
        note.text(f"{clip.title}: {pace}", (10, _HEADER / 2), 16, _INK, "left", bold=True)
        return note.image()

    def key(self, number: int) -> np.ndarray:
        """One frame, large, with the name of every keypoint beside it: uint8 [H, W, 3]."""
        scale = _KEY_HEIGHT / self._height
        picture = self._with_keypoints(self._picture(number, scale), number, scale)
        page = cv2.copyMakeBorder(picture, 0, 44, _KEY_MARGIN, _KEY_MARGIN, cv2.BORDER_CONSTANT, value=(PAPER,) * 3)
        note = Annotation(page)
        pixels = self._pixels(number, scale) + np.array([_KEY_MARGIN, 0])
        labelled = self._clip.labelled[number]
        middle = np.median(pixels[labelled, 0]) if labelled.any() else 0.0
        for right in (False, True):
            order = [k for k in np.argsort(pixels[:, 1]).tolist() if labelled[k]]
            column = [k for k in order if (pixels[k, 0] >= middle) == right]
            for k, y in zip(column, _spread(pixels[column, 1], 1.25 * _NAME_SIZE, _KEY_HEIGHT), strict=True):
                name = conventions.KEYPOINTS[k]
                hidden = not self._clip.keypoints2d[number, k, 2]
                x = page.shape[1] - _KEY_MARGIN + 8 if right else _KEY_MARGIN - 8
                note.line([pixels[k], (x, y)], "#888888", 1.0, 0.8)
                words = f"({name})" if hidden else name
                colour = {"L": "#1f5fbf", "R": "#c2410c"}.get(_side(k), _INK)
                note.text(words, (x + (4 if right else -4), y), _NAME_SIZE, colour, "left" if right else "right")
        note.text("its left", (page.shape[1] / 2 + 8, len(page) - 30), 14, "#1f5fbf", "left", bold=True)
        note.text("its right", (page.shape[1] / 2 - 8, len(page) - 30), 14, "#c2410c", "right", bold=True)
        note.text("dot: visible    ring, (name): hidden", (page.shape[1] / 2, len(page) - 11), 14)
        return note.image()

    def _picture(self, number: int, scale: float) -> np.ndarray:
        picture = cv2.imdecode(np.frombuffer(self._clip.frames[number], np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            picture = np.zeros((*self._clip.frame_size, 3), np.uint8)
        cut = picture[self._top : self._top + self._height, self._left : self._left + self._width, ::-1]
        size = round(self._width * scale), round(self._height * scale)
        return cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)

    def _placed(self, pixels: np.ndarray, scale: float) -> np.ndarray:
        """Pixels [N, 2] of the record's frame in the scaled window."""
        return (pixels - [self._left, self._top] + 0.5) * scale - 0.5

    def _pixels(self, number: int, scale: float) -> np.ndarray:
        return self._placed(self._clip.keypoints2d[number, :, :2], scale)

    def _with_keypoints(self, picture: np.ndarray, number: int, scale: float) -> np.ndarray:
        drawn = picture.copy()
        pixels = np.clip(self._pixels(number, scale), -1e4, 1e4)
        visible, labelled = self._clip.keypoints2d[number, :, 2] > 0, self._clip.labelled[number]
        width = max(1, round(len(picture) / 220))
        # OpenCV takes fixed-point coordinates: 4 fractional bits.
        points = [tuple(p) for p in np.rint(pixels * 16).astype(int).tolist()]
        for a, b in BONES:
            if not (labelled[a] and labelled[b]):
                continue
            sides = {_side(a), _side(b)} - {""}
            side = sides.pop() if len(sides) == 1 else ""
            cv2.line(drawn, points[a], points[b], _rgb(SIDE_COLOURS[side]), width, cv2.LINE_AA, shift=4)
        radius = max(3, round(len(picture) / 110))
        for k in np.flatnonzero(labelled).tolist():
            point, colour = points[k], _rgb(SIDE_COLOURS[_side(k)])
            if visible[k]:
                cv2.circle(drawn, point, (radius + 1) * 16, (20, 20, 20), -1, cv2.LINE_AA, shift=4)
                cv2.circle(drawn, point, radius * 16, colour, -1, cv2.LINE_AA, shift=4)
            else:
                cv2.circle(drawn, point, radius * 16, (20, 20, 20), 3, cv2.LINE_AA, shift=4)
                cv2.circle(drawn, point, radius * 16, colour, 1, cv2.LINE_AA, shift=4)
        return drawn

    def _with_mesh(self, body: NumpyBody, picture: np.ndarray, number: int) -> np.ndarray:
        clip, frame = self._clip, np.s_[number : number + 1]
        vertices = body(clip.pose[frame], clip.betas, clip.trans[frame])[0][0]
        flat = vertices @ clip.intrinsics.T
        pixels = self._placed(flat[:, :2] / flat[:, 2:], self._scale)
        return draw_mesh(np.ascontiguousarray(picture), vertices, pixels, body.data.faces, TRUTH_COLOUR)


def _window(clip: Clip) -> tuple[int, int, int, int]:
    """Left, top, width and height of the window that shows the person in every frame."""
    points = clip.keypoints2d[..., :2].reshape(-1, 2)
    known = np.isfinite(points).all(1) & clip.labelled.ravel()
    height, width = clip.frame_size
    if not known.any():
        return 0, 0, width, height
    low, high = points[known].min(0), points[known].max(0)
    middle, (across, down) = (low + high) / 2, (high - low) + 2 * _MARGIN * (high - low).max()
    # One shape for all clips, so that they stand side by side, unless arms reach further; never more than the frame.
    aspect = min(max(_ASPECT, across / height), width / height)
    down = min(max(down, across / aspect, 8.0), height)
    window = np.ceil([aspect * down, down]).astype(int)
    corner = np.clip(np.rint(middle - window / 2).astype(int), 0, np.maximum([width, height] - window, 0))
    return int(corner[0]), int(corner[1]), int(window[0]), int(window[1])


def _side(keypoint: int) -> str:
    """Letter of a keypoint's side, "" in the middle."""
    name = conventions.KEYPOINTS[keypoint]
    return name[0] if name[1] == "_" else ""


@functools.cache
def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _spread(wanted: np.ndarray, gap: float, height: float) -> np.ndarray:
    """Places near the wanted ones (ascending), at least `gap` apart and within 0..height."""
    places = wanted.astype(float)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    last = height - gap / 2
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], last - gap * (len(places) - 1 - i))
    return np.maximum(places, gap / 2 + gap * np.arange(len(places)))
