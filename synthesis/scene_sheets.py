"""Contact sheets of fabrics, backdrops and camera modes, to look at and for the documentation."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from model import rotations, storage
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis import assets
from synthesis.annotate import Annotation
from synthesis.motion import builtin, placement
from synthesis.render.gl.renderer import GlRenderer
from synthesis.render.interface import BODY_ID, Material, Surface
from synthesis.render.srgb import linear_from_srgb, srgb_from_linear
from synthesis.scene import backgrounds, cameras, painting, textures
from synthesis.scene.lights import draw_lights
from synthesis.scene.textures import FabricTexture

JPEG_QUALITY = 76

_CELL = 128
_GAP = 4

# Metres of cloth that a cell shows, and a close look at it.
_CLOTH_METRES, _CLOSE_METRES = 0.35, 0.03
_LAMP = np.array([-0.5, 0.62, 0.6])

_FPS = 30.0
_CLAY = 205


def write_sheets(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """Writes the pictures of docs/scenes.md; the one of HDRIs only where they have been fetched.

    Raises:
        RenderError: OpenGL cannot start here.
    """
    sheets = {
        "scene_fabrics": fabrics_sheet(textures.KINDS, seeds=4),
        "scene_backdrops": backdrops_sheet(backgrounds.KINDS, seeds=6),
        "scene_cameras": cameras_sheet("park"),
    }
    if assets.is_fetched("hdris"):
        hdris = sorted(str(path) for path in assets.folder("hdris").iterdir())
        sheets["scene_hdris"] = backdrops_sheet(hdris, seeds=2, columns=3)
    paths = []
    for name, sheet in sheets.items():
        paths.append(pathlib.Path(folder) / f"{name}.jpg")
        write(paths[-1], sheet)
    return paths


def write(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes a picture uint8 [h, w, 3] sRGB as its suffix says."""
    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    storage.write_bytes(path, encoded.tobytes())


def fabrics_sheet(sources: Sequence[str], seeds: int) -> np.ndarray:
    """Each source as `seeds` pieces of cloth of one size, the last one close too: uint8 [H, W, 3]."""
    cells = []
    for source in sources:
        fabrics = [textures.find(source, seed) for seed in range(seeds)]
        shown = [lit(fabric, _CLOTH_METRES, _CELL) for fabric in fabrics]
        cells.append((pathlib.Path(source).name, [*shown, lit(fabrics[-1], _CLOSE_METRES, _CELL)]))
    return _sheet(cells, columns=2)


def lit(fabric: FabricTexture, metres: float, size: int) -> np.ndarray:
    """A flat piece of cloth of this side under one lamp at a slant: uint8 [size, size, 3]."""
    normal = fabric.normals.astype(np.float32) / 127 - 128 / 127
    bright = 0.3 + 1.1 * np.clip(normal @ (_LAMP / np.linalg.norm(_LAMP)).astype(np.float32), 0, 1)
    colour = (linear_from_srgb(fabric.image / 255) * bright[..., None]).astype(np.float32)
    repeat = max(round(size * fabric.metres / metres), 1)
    small = cv2.resize(colour, (repeat, repeat), interpolation=cv2.INTER_AREA)
    count = -(-size // repeat)
    return painting.to_uint8(srgb_from_linear(np.tile(small, (count, count, 1))[:size, :size]))


def backdrops_sheet(sources: Sequence[str], seeds: int, columns: int = 1) -> np.ndarray:
    """What the paper's lens sees of each source with different seeds: uint8 [H, W, 3]."""
    lens = cameras.Lens(width=2 * _CELL, height=2 * _CELL)
    viewpoint = cameras.Viewpoint("front", 0.0, math.radians(4), 0.0, 12.0)
    view = cameras.track(viewpoint, lens, np.zeros((1, 3)))
    cells = []
    for source in sources:
        images = [backgrounds.find(source, seed).for_views(view)[0].image for seed in range(seeds)]
        small = [cv2.resize(image, (_CELL, _CELL), interpolation=cv2.INTER_AREA) for image in images]
        cells.append((pathlib.Path(source).stem, small))
    return _sheet(cells, columns)


def cameras_sheet(backdrop: str, frames: int = 6) -> np.ndarray:
    """A figure that walks a curve, seen in each camera mode: uint8 [H, W, 3]."""
    body, betas = NumpyBody(load_body("female")), np.zeros(10)
    pose, trans = placement.place(builtin.make("walk", 0, 2.2, _FPS), body, betas)
    pose, trans = _around_a_curve(pose, trans, math.radians(80))
    vertices, joints = body(pose, betas, trans)
    lens = cameras.Lens(width=2 * _CELL, height=2 * _CELL)
    clay = Material(albedo=np.full((1, 1, 3), _CLAY, np.uint8))
    surface = Surface("body", BODY_ID, body.data.faces, body.data.uv[body.data.uv_faces], clay)
    renderer = GlRenderer(lens.width, lens.height)
    renderer.load([surface])
    lights, facing = draw_lights(np.random.default_rng(2)), cameras.headings(pose[:, :3], _FPS)
    shown = np.linspace(0, len(pose) - 1, frames).astype(int)
    cells = []
    for mode in cameras.MODES:
        viewpoint = cameras.Viewpoint("front", 0.5, math.radians(5), 0.0, lens.fitting_distance(1.7), mode)
        views = cameras.track(viewpoint, lens, joints[:, 0], facing)
        backdrops = backgrounds.find(backdrop, 3).for_views(views)
        pictures = [renderer.render([vertices[t]], views[t], lights, backdrops[t]).rgb for t in shown]
        cells.append((mode, [cv2.resize(p, (_CELL, _CELL), interpolation=cv2.INTER_AREA) for p in pictures]))
    renderer.close()
    return _sheet(cells, columns=1)


def _around_a_curve(pose: np.ndarray, trans: np.ndarray, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Bends a straight walk: pose [T, 72] and trans [T, 3] of one who turns by `turn` radians along the way."""
    turned, place, angles = pose.copy(), trans.copy(), np.linspace(0, turn, len(pose))
    for t, angle in enumerate(angles):
        around = rotations.rotation_about(1, angle)
        glob = around @ rotations.axis_angle_to_matrix(pose[t, :3].astype(np.float64))
        turned[t, :3] = rotations.matrix_to_axis_angle(glob)
        if t:
            step = around @ (trans[t] - trans[t - 1])
            place[t] = place[t - 1] + step
            place[t, 1] = trans[t, 1]
    return turned, place


def _sheet(cells: Sequence[tuple[str, Sequence[np.ndarray]]], columns: int) -> np.ndarray:
    """Named strips of pictures side by side, `columns` strips to a row, on white."""
    strip = 22
    length = max(len(pictures) for _, pictures in cells)
    width, height = length * (_CELL + _GAP) + 3 * _GAP, _CELL + strip + _GAP
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), 255, np.uint8)
    places = []
    for k, (name, pictures) in enumerate(cells):
        top, left = (k // columns) * height + _GAP, (k % columns) * width + 2 * _GAP
        places.append((name.replace("_", " "), (left, top + strip / 2)))
        for j, picture in enumerate(pictures):
            x = left + j * (_CELL + _GAP)
            sheet[top + strip : top + strip + _CELL, x : x + _CELL] = picture
    note = Annotation(sheet)
    for name, at in places:
        note.text(name, at, 13, align="left", bold=True)
    return note.image()
