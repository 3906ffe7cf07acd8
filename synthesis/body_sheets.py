"""Sheets of pictures for the documentation: shapes of the bodies, the twelve poses, joints and keypoints, axes."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import cv2
import numpy as np

from model import conventions, storage
from model.body.files import genders, load_body
from model.body.measure import measure
from model.body.numpy_body import NumpyBody
from synthesis.annotate import Annotation
from synthesis.body_diagram import conventions_sheet
from synthesis.motion.builtin import stills
from synthesis.studio import Framing, Studio, on_floor

JPEG_QUALITY = 86

_TURN = np.radians(30)
_SHOWN_BETAS = 4
_SIGMA = 2.0


def write_sheets(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """Writes body_shapes.jpg, body_poses.jpg and body_joints.jpg; the same bodies give the same bytes.

    Raises:
        RenderError: OpenGL cannot start here.
        BodyFileError: a body cannot be had.
    """
    makers: dict[str, Callable[[], np.ndarray]] = {
        "body_shapes": shapes_sheet,
        "body_poses": poses_sheet,
        "body_joints": conventions_sheet,
    }
    paths = []
    for name, make in makers.items():
        _, encoded = cv2.imencode(".jpg", make()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        paths.append(pathlib.Path(folder) / f"{name}.jpg")
        storage.write_bytes(paths[-1], encoded.tobytes())
    return paths


def shapes_sheet() -> np.ndarray:
    """Each gender's mean, and its first shape components at +-2 standard deviations: uint8 [H, W, 3]."""
    width, height, strip, header = 160, 350, 46, 44
    changes = [(k, sign * _SIGMA) for k in range(_SHOWN_BETAS) for sign in (-1, 1)]
    columns = [np.zeros(conventions.NUM_BETAS)]
    columns += [value * np.eye(conventions.NUM_BETAS)[k] for k, value in changes]
    framing = Framing((0.0, 0.91, 0.0), 2.26, _TURN)
    pose = stills.pose("stand")
    studio = Studio(width, height)
    rows, captions = [], []
    for gender in genders():
        data = load_body(gender)
        cells = []
        for betas in columns:
            vertices, _ = on_floor(NumpyBody(data), pose, betas)
            cells.append(studio.picture(data, vertices, framing))
            size = measure(data, betas)
            captions.append(f"{size.stature:.2f} m, BMI {size.bmi:.0f}")
        rows.append(np.concatenate(cells, 1))
    studio.close()
    sheet = cv2.copyMakeBorder(np.concatenate(rows), 0, 0, strip, 0, cv2.BORDER_REPLICATE)
    note = Annotation(cv2.copyMakeBorder(sheet, header, 0, 0, 0, cv2.BORDER_REPLICATE))
    note.text("mean", (strip + width / 2, header / 2), 15, bold=True)
    for i, (k, value) in enumerate(changes, start=1):
        note.text(f"betas[{k}] = {value:+.0f}", (strip + (i + 0.5) * width, header / 2), 15)
    for row, gender in enumerate(genders()):
        note.text(gender, (strip / 2, header + (row + 0.5) * height), 18, turn=90, bold=True)
        for column in range(len(columns)):
            at = strip + (column + 0.5) * width, header + (row + 1) * height - 13
            note.text(captions[row * len(columns) + column], at, 14)
    return note.image()


def poses_sheet() -> np.ndarray:
    """The twelve named poses, a woman and a man in turn: uint8 [H, W, 3]."""
    width, height, per_row = 250, 340, 6
    people = [gender for gender in reversed(genders()) if gender != "neutral"] or ["neutral"]
    studio = Studio(width, height)
    cells = []
    for i, name in enumerate(stills.POSES):
        data = load_body(people[(i + i // per_row) % len(people)])
        vertices, _ = on_floor(NumpyBody(data), stills.pose(name), np.zeros(conventions.NUM_BETAS))
        # In the middle from side to side, and all on one floor at one scale.
        x, _, z = studio.fit(vertices, _TURN).centre
        cells.append(studio.picture(data, vertices, Framing((x, 0.93, z), 2.46, _TURN)))
    studio.close()
    rows = [np.concatenate(cells[i : i + per_row], 1) for i in range(0, len(cells), per_row)]
    note = Annotation(np.concatenate(rows))
    for i, name in enumerate(stills.POSES):
        note.text(name, ((i % per_row + 0.5) * width, (i // per_row + 1) * height - 16), 18, bold=True)
    return note.image()
