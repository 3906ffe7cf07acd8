"""C3D files (c3d.org): labelled markers of optical motion capture."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Literal

import numpy as np
from absl import logging

from model.errors import MotionError

# Metres in one of POINT:UNITS.
_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254, "ft": 0.3048}
# A person's markers, worn from head to feet, span this much between the lowest and the highest corner, metres; crouched
# people and children span the least, a tall one with stretched arms the most.
_EXTENT = (0.4, 3.5)
# No capture volume reaches this far, metres; such numbers come from damaged files.
_FARTHEST = 100.0
# Layout: blocks of 512 bytes; the parameters' fourth byte tells the processor, of which one wrote its bytes reversed.
_BLOCK, _MIPS = 512, 86


@dataclasses.dataclass(frozen=True, eq=False)
class Markers:
    """M labelled markers through T frames.

    Attributes:
        source: where they came from, for messages.
        labels: [M] upper case, without the subject's prefix.
        positions: [T, M, 3] metres, in the file's own axes; NaN where a marker was not seen.
        fps: frames per second.
    """

    source: str
    labels: tuple[str, ...]
    positions: np.ndarray
    fps: float

    @property
    def visible(self) -> np.ndarray:
        """[T, M] whether a marker was seen."""
        return np.isfinite(self.positions).all(-1)

    def __len__(self) -> int:
        return len(self.positions)


def read_c3d(path: str | pathlib.Path) -> Markers:
    """Reads the labelled markers of one person.

    Points without a name of their own ("*12") are left out, and so are later ones of a name that came before. A point
    was not seen where the file marks it invalid (residual < 0), where it is not finite, or where it lies exactly in the
    origin, as exporters write gaps.

    Raises:
        MotionError: the file cannot be read, is truncated, has no labels, several subjects, an unknown unit, no frame,
            no marker that was seen, numbers that no capture volume holds, or is of a size that no person has.
    """
    points, labels, residuals, unit, fps = _read(pathlib.Path(path))
    metres = np.moveaxis(points[:3], (0, 1, 2), (2, 1, 0)) * _METRES[unit]
    chosen = _own_labels(labels, path)
    metres = np.ascontiguousarray(metres[:, list(chosen.values())])
    missing = (residuals.T[:, list(chosen.values())] < 0) | ~np.isfinite(metres).all(-1) | (metres == 0).all(-1)
    metres[missing] = np.nan
    markers = Markers(str(path), tuple(chosen), metres, fps)
    _check_positions(markers, unit)
    return markers


def _read(path: pathlib.Path) -> tuple[np.ndarray, list[str], np.ndarray, str, float]:
    """Points [4, M, T] in the file's unit, labels, residuals [M, T], unit and frame rate."""
    import ezc3d

    try:
        frames = _announced_frames(path)
        file = ezc3d.c3d(str(path))
        parameters = file["parameters"]["POINT"]
        points, residuals = file["data"]["points"], file["data"]["meta_points"]["residuals"][0]
        labels = [str(label).strip() for name in _label_fields(parameters) for label in parameters[name]["value"]]
        unit = str((parameters["UNITS"]["value"] or [""])[0]).strip().lower()
        fps = float(file["header"]["points"]["frame_rate"])
    except Exception as error:  # ezc3d lets the errors of its C++ parts through as they come
        raise MotionError(f"A readable C3D file is needed. Received: {path} ({error})") from error
    if points.shape[2] == 0 or points.shape[1] == 0:
        raise MotionError(
            f"A C3D file holds markers and frames. Received: {points.shape[1]} markers and {points.shape[2]} frames "
            f"in {path}"
        )
    if points.shape[2] < frames:
        raise MotionError(
            f"The header announces {frames} frames. Received: {path}, which ends within frame {points.shape[2]}"
        )
    if not any(labels):
        raise MotionError(f"Markers have labels (POINT:LABELS). Received: {path} with {points.shape[1]} unnamed points")
    if unit not in _METRES:
        raise MotionError(f"POINT:UNITS is one of {', '.join(_METRES)}. Received: {unit!r} in {path}")
    if not (np.isfinite(fps) and fps > 0):
        raise MotionError(f"A C3D file has a positive frame rate. Received: {fps} in {path}")
    return points, labels[: points.shape[1]], residuals, unit, fps


def _announced_frames(path: pathlib.Path) -> int:
    """Frames that the header announces; ezc3d takes as many as are there for all.

    The header's fields of 16 bits end at frame 65,535: of longer files only the loss of what they can count is seen.
    """
    with path.open("rb") as stream:
        header = stream.read(_BLOCK)
        stream.seek((header[0] - 1) * _BLOCK if header else 0)
        start = stream.read(4)
    order: Literal["big", "little"] = "big" if start[3:] == bytes([_MIPS]) else "little"
    first, last = (int.from_bytes(header[at : at + 2], order) for at in (6, 8))
    return last - first + 1


def _label_fields(parameters: Any) -> list[str]:
    """LABELS, then LABELS2, LABELS3 ...: a parameter holds at most 255 names."""
    more = sorted((n for n in parameters if n[6:].isdecimal() and n.startswith("LABELS")), key=lambda n: int(n[6:]))
    return [name for name in ("LABELS", *more) if name in parameters]


def _own_labels(labels: list[str], path: str | pathlib.Path) -> dict[str, int]:
    """Names, upper case and without the subject's prefix, and which point each is."""
    named = [(i, *label.rpartition(":")[::2]) for i, label in enumerate(labels) if label and "*" not in label]
    subjects = sorted({subject for _, subject, _ in named if subject})
    if len(subjects) > 1:
        raise MotionError(
            f"A file with the markers of one person is needed. Received: {path} with the subjects {', '.join(subjects)}"
        )
    chosen: dict[str, int] = {}
    for i, _, name in named:
        chosen.setdefault(name.strip().upper(), i)
    if not chosen:
        raise MotionError(f"Markers have labels (POINT:LABELS). Received: {path} with unlabelled points only")
    left_out = len(labels) - len(chosen)
    if left_out:
        logging.info("%s: %d unlabelled or repeated points are left out", path, left_out)
    return chosen


def _check_positions(markers: Markers, unit: str) -> None:
    visible = markers.visible
    if not visible.any():
        raise MotionError(
            f"Markers that were seen are needed. Received: {markers.source}, where all {len(markers)} frames "
            f"from 0 on hold none"
        )
    # Judged where most was seen: half a person spans less.
    fullest = visible.sum(1) == visible.sum(1).max()
    seen = markers.positions[fullest]
    extent = float(np.median(np.linalg.norm(np.nanmax(seen, 1) - np.nanmin(seen, 1), axis=1)))
    if not _EXTENT[0] <= extent <= _EXTENT[1]:
        raise MotionError(
            f"A person's markers span {_EXTENT[0]} to {_EXTENT[1]} m. Received: {extent:.4g} m in frame "
            f"{int(fullest.argmax())} of {markers.source}, whose unit is said to be {unit} (another unit?)"
        )
    far = np.abs(np.nan_to_num(markers.positions)).max(-1) > _FARTHEST
    if far.any():
        frame, marker = np.argwhere(far)[0]
        raise MotionError(
            f"Markers lie within {_FARTHEST:.0f} m. Received: {markers.labels[marker]} at "
            f"{markers.positions[frame, marker].tolist()} m in frame {frame} of {markers.source}"
        )
