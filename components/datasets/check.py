"""What `mviper convert --check` shows: a few people with their joints drawn in, so that a wrong mapping is seen."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Sequence

import cv2
import numpy as np

from components.dataset_report.clip_view import BONES, SIDE_COLOURS
from components.datasets import base, person_window
from components.datasets.media import MediaReader
from components.reservoir import Reservoir
from model import conventions
from model.errors import UserError
from synthesis.annotate import PAPER, Annotation

SAMPLES = 16
# Seconds after which the sample is of what was read so far.
PATIENCE = 8.0
_COLUMNS, _CELL, _HEADER = 4, 300, 26


def sample(reader: base.Reader, count: int = SAMPLES, patience: float = PATIENCE) -> tuple[list[base.PersonClip], int]:
    """People drawn from the first clips of a dataset, one frame of each, and how many clips were looked at.

    Raises:
        DatasetError: nothing of the dataset is there.
    """
    rng = np.random.default_rng(0)
    kept: Reservoir[base.PersonClip] = Reservoir(count, rng)
    seen, began = 0, time.monotonic()
    for found in reader.clips():
        if isinstance(found, base.PersonClip):
            seen += 1
            frame = int(rng.integers(found.length))
            kept.offer(lambda clip=found, frame=frame: one_frame(clip, frame))  # type: ignore[misc]
        if time.monotonic() - began > patience:
            break
    return kept.items, seen


def one_frame(clip: base.PersonClip, number: int) -> base.PersonClip:
    """A clip of one of a clip's frames, with its 2D labels."""
    frames = clip.frames[number : number + 1]
    return dataclasses.replace(clip, frames=frames, keypoints2d=clip.keypoints2d[number : number + 1])


def sheet(clips: Sequence[base.PersonClip], root: pathlib.Path) -> tuple[np.ndarray, list[str]]:
    """People with their joints: left blue, right orange, hidden ones hollow; and what could not be read.

    Returns:
        uint8 [H, W, 3] RGB, as conversion would cut the images; one line for every clip without pixels.
    """
    media, cells, problems = MediaReader(root), [], []
    for clip in clips:
        try:
            image = next(media.frames(clip))
        except UserError as error:
            problems.append(f"{clip.clip_id}: {error}")
            continue
        cells.append(_cell(clip, image))
    media.close()
    cells += [np.full((_CELL + _HEADER, _CELL, 3), PAPER, np.uint8)] * (
        -len(cells) % _COLUMNS or _COLUMNS * (not cells)
    )
    rows = [np.concatenate(cells[i : i + _COLUMNS], 1) for i in range(0, len(cells), _COLUMNS)]
    return np.concatenate(rows), problems


def _cell(clip: base.PersonClip, image: np.ndarray) -> np.ndarray:
    window = person_window.window_of(clip, (image.shape[0], image.shape[1]), max(image.shape))
    picture = window.cut(image)[..., ::-1]
    scale = (_CELL - 4) / max(picture.shape[:2])
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    page = np.full((_CELL + _HEADER, _CELL, 3), PAPER, np.uint8)
    left = (_CELL - width) // 2
    page[_HEADER : _HEADER + height, left : left + width] = cv2.resize(
        picture, (width, height), None, 0, 0, cv2.INTER_AREA
    )
    points = (window.keypoints(clip.keypoints2d)[0, :, :2] + 0.5) * scale - 0.5 + (left, _HEADER)
    known, visible = clip.labelled[0], clip.keypoints2d[0, :, 2] > 0
    note = Annotation(page)
    note.text(clip.clip_id[-44:], (4, _HEADER / 2), 11, align="left")
    for a, b in BONES:
        if known[a] and known[b]:
            note.line(points[[a, b]], _colour(b), 2.0, 0.8)
    for i in np.flatnonzero(known):
        note.dot(points[i], _colour(i) if visible[i] else "#222222", 6.0)
    return note.image()


def _colour(keypoint: int) -> str:
    name = conventions.KEYPOINTS[keypoint]
    return SIDE_COLOURS[name[0] if name[1] == "_" else ""]
