"""Joints, keypoints and axes drawn on the body itself: the pictures of docs/conventions.md and docs/datasets.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from model import conventions
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.annotate import PAPER, Annotation
from synthesis.motion.builtin import stills
from synthesis.render.interface import Camera
from synthesis.studio import Framing, Studio, on_floor, project

_SIDE_COLOURS = {"L": "#1f5fbf", "R": "#c2410c", "": "#333333"}
_AXIS_COLOURS = {"x": "#d02020", "y": "#188a18", "z": "#2050d0"}

# Where a name stands from its joint or keypoint, metres to the picture's right and up, for the left side and the
# middle; the right side is the mirror image. A name that stands aside is aligned towards its dot.
_JOINT_LABELS = {
    "pelvis": (0.29, -0.03), "spine1": (-0.29, -0.07), "spine2": (0.29, -0.07), "spine3": (-0.29, -0.08),
    "neck": (0.25, 0.24), "head": (-0.25, 0.15), "hip": (0.19, -0.06), "knee": (0.16, 0.0), "ankle": (0.14, 0.06),
    "foot": (0.14, -0.03), "collar": (0.15, 0.21), "shoulder": (0.09, 0.13), "elbow": (0.0, -0.11),
    "wrist": (0.0, -0.17), "hand": (0.0, 0.12),
}  # fmt: skip
_KEYPOINT_LABELS = {
    "ankle": (0.16, 0.0), "knee": (0.16, 0.0), "hip": (0.19, 0.0), "wrist": (0.0, 0.12), "elbow": (0.0, -0.12),
    "shoulder": (0.1, -0.2), "neck": (0.24, 0.1), "head_top": (0.0, 0.08), "nose": (-0.27, -0.03),
    "eye": (0.24, 0.12), "ear": (0.2, 0.05),
}  # fmt: skip


def conventions_sheet() -> np.ndarray:
    """Joints and keypoints of the neutral body in its rest pose, then world, camera and image axes: uint8 [H, W, 3]."""
    body, vertices, joints = _rest()
    keypoints = body.keypoints(vertices)
    faint, camera = _faint(body, vertices)
    bones = [(conventions.PARENTS[j], j) for j in range(1, conventions.NUM_JOINTS)]
    top = [
        _named_points(faint, camera, joints, conventions.JOINTS, _JOINT_LABELS, bones, "24 joints, rest pose"),
        _named_points(faint, camera, keypoints, conventions.KEYPOINTS, _KEYPOINT_LABELS, [], "19 keypoints"),
    ]
    bottom = _axes_panels(body, vertices)
    return np.concatenate([np.concatenate(top, 1), np.concatenate(bottom, 1)])


def keypoint_sheet(panels: Mapping[str, Mapping[str, str]], columns: int = 3) -> np.ndarray:
    """The neutral body with some of its keypoints under other names, one panel a title: uint8 [H, W, 3].

    Args:
        panels: title -> keypoint -> what is written at it.
        columns: panels in a row.
    """
    body, vertices, _ = _rest()
    keypoints = body.keypoints(vertices)
    faint, camera = _faint(body, vertices)
    cells = []
    for title, texts in panels.items():
        names = tuple(name for name in conventions.KEYPOINTS if name in texts)
        points = keypoints[[conventions.keypoint(name) for name in names]]
        said = [texts[name] for name in names]
        cells.append(_named_points(faint, camera, points, names, _KEYPOINT_LABELS, [], title, said))
    cells += [np.full_like(faint, PAPER)] * (-len(cells) % columns)
    return np.concatenate([np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)])


def _rest() -> tuple[NumpyBody, np.ndarray, np.ndarray]:
    """The neutral body, and its vertices and joints in its rest pose on the floor."""
    body = NumpyBody(load_body("neutral"))
    return body, *on_floor(body, stills.pose("t-pose"), np.zeros(conventions.NUM_BETAS))


def _faint(body: NumpyBody, vertices: np.ndarray) -> tuple[np.ndarray, Camera]:
    """A body from the front that names can be read over, and the camera that saw it."""
    studio = Studio(750, 720)
    framing = Framing((0.0, 0.92, 0.0), 2.08, elevation=0.0)
    faint = studio.picture(body.data, vertices, framing, opacity=0.5)
    camera = studio.camera(framing)
    studio.close()
    return faint, camera


def _named_points(
    picture: np.ndarray, camera: Camera, points: np.ndarray, names: tuple[str, ...],
    places: dict[str, tuple[float, float]], bones: list[tuple[int, int]], title: str, texts: Sequence[str] = (),
) -> np.ndarray:  # fmt: skip
    """Dots with texts over a picture, numbered names by default; lines between the points that `bones` pairs."""
    texts = texts or [f"{index} {name}" for index, name in enumerate(names)]
    note = Annotation(picture)
    note.text(title, (picture.shape[1] / 2, 26), 20, bold=True)
    note.text("its right", (24, 26), 16, _SIDE_COLOURS["R"], "left")
    note.text("its left", (picture.shape[1] - 24, 26), 16, _SIDE_COLOURS["L"], "right")
    pixels = project(camera, points)
    scale = camera.intrinsics[0, 0] / float(camera.extrinsics[2, 3] + camera.extrinsics[2, :3] @ points[0])
    for a, b in bones:
        note.line(pixels[[a, b]], "#555555", 3.5, 0.8)
    for index, name in enumerate(names):
        side = name[0] if name[1] == "_" else ""
        place = places[name[2:] if side else name]
        step = np.array([-place[0] if side == "R" else place[0], -place[1]]) * scale
        end = pixels[index] + step
        align = "center" if step[0] == 0 else "left" if step[0] > 0 else "right"
        # A line that ends above or below its name stops short of the letters.
        stop = end - [0, np.sign(step[1]) * 12] if step[0] == 0 else end - [np.sign(step[0]) * 4, 0]
        note.line([pixels[index], stop], _SIDE_COLOURS[side], 1.2, 0.7)
        note.text(texts[index], end, 15, _SIDE_COLOURS[side], align)
    for index, name in enumerate(names):
        note.dot(pixels[index], _SIDE_COLOURS[name[0] if name[1] == "_" else ""])
    return note.image()


def _axes_panels(body: NumpyBody, vertices: np.ndarray) -> list[np.ndarray]:
    """A body with the world's axes before a camera with its own, and the picture that this camera takes."""
    size, height = 380, 560
    lens = Studio(size, size)
    framing = Framing((0.0, 0.95, 0.0), 2.1, elevation=0.0)
    shot = lens.picture(body.data, vertices, framing)
    taken = lens.camera(framing)
    lens.close()

    studio = Studio(850, height)
    view = Framing((0.0, 0.9, 0.85), 2.5, np.radians(-58), np.radians(14))
    scene = Annotation(studio.picture(body.data, vertices, view))
    outer = studio.camera(view)
    studio.close()
    scene.text("world and camera", (425, 26), 20, bold=True)
    _axes(scene, outer, np.zeros(3), np.eye(3), ("x, its left", "y, up", "z, forward"), 0.75)
    # Drawn nearer than it stands: a portrait lens is metres away.
    rotation = taken.extrinsics[:, :3]
    eye = np.array([0.0, 1.0, 2.1])
    _frustum(scene, outer, eye, rotation)
    _axes(scene, outer, eye, rotation, ("x, right", "y, down", "z, forward"), 0.5)
    return [scene.image(), _image_axes(shot, 650, height)]


def _axes(
    note: Annotation, camera: Camera, origin: np.ndarray, rotation: np.ndarray, names: tuple[str, ...], length: float
) -> None:
    """Three arrows from a world point along the rows of a rotation, with names."""
    for colour, direction, name in zip(_AXIS_COLOURS.values(), rotation, names, strict=True):
        start, end = project(camera, origin + np.outer([0.0, length], direction))
        note.arrow(start, end, colour)
        aside = float(np.sign(end - start)[0]) if abs(end - start)[0] > 12 else 0.0
        align = {-1.0: "right", 0.0: "center", 1.0: "left"}[aside]
        below = 14 * np.sign(end - start)[1]
        note.text(name, end + ([aside * 6, 0.5 * below] if aside else [0, below]), 16, colour, align, bold=True)


def _frustum(note: Annotation, camera: Camera, eye: np.ndarray, rotation: np.ndarray) -> None:
    """A camera's pyramid: its eye and the rim of its picture."""
    rim = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * 0.12
    corners = eye + np.column_stack([rim, np.full(5, 0.24)]) @ rotation
    pixels, (centre,) = project(camera, corners), project(camera, eye[None])
    note.line(pixels, "#444444", 2)
    for corner in pixels[:4]:
        note.line([centre, corner], "#444444", 1.5)


def _image_axes(shot: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture in its frame with pixel and normalised coordinates at its edges."""
    size = len(shot)
    left, top = (width - size) // 2, 96
    page = np.full((height, width, 3), 238, np.uint8)
    page[top : top + size, left : left + size] = shot
    note = Annotation(page)
    right, bottom = left + size - 1, top + size - 1
    note.line([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], "#444444", 1.5)
    note.text("image", (width / 2, 26), 20, bold=True)
    note.arrow((left, top), (left + 130, top), _AXIS_COLOURS["x"])
    note.arrow((left, top), (left, top + 130), _AXIS_COLOURS["y"])
    note.text("x, right", (left + 120, top + 18), 16, _AXIS_COLOURS["x"], bold=True)
    note.text("y, down", (left + 10, top + 144), 16, _AXIS_COLOURS["y"], "left", bold=True)
    note.text("pixel (0, 0)\nnormalised (-1, -1) at the corner", (left, top - 28), 15, align="left")
    note.text("pixel (width - 1, height - 1)\nnormalised (1, 1) at the corner", (right, bottom + 30), 15, align="right")
    return note.image()
