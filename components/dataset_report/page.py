"""The page of a dataset: what was collected, as tables, charts and pictures."""

from __future__ import annotations

import collections
import dataclasses
import io
import pathlib
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from absl import logging

from components import records
from components.dataset_report import charts, planned
from components.dataset_report.clip_view import ClipView
from components.dataset_report.collect import PoseSample, Statistics
from components.dataset_report.histogram import Histogram
from components.web import page
from model import conventions
from model.body.files import load_body
from model.body.measure import measure
from model.errors import BodyMismatchError

TEMPLATE = pathlib.Path(__file__).with_name("page.html")
_ROWS = 12
_TILE, _TILE_QUALITY = 125, 72
_LOOP_HEIGHT, _LOOP_FRAMES, _LOOP_QUALITY = 200, 24, 55
_BETA_NAMES = tuple(f"beta {k}" for k in range(conventions.NUM_BETAS))


def write(
    path: str | pathlib.Path,
    name: str,
    found: Statistics,
    rejects: planned.Rejects,
    plan: planned.PlanStatistics | None,
    job: dict[str, Any],
    remark: str = "",
) -> None:
    """Writes the page.

    Args:
        path: of the page.
        name: of the dataset.
        found: what its records hold.
        rejects: its dead letters.
        plan: what its plan holds, if there is one.
        job: what its job wrote of itself, {} if nothing.
        remark: something that a reader must know.
    """
    frames = sum(found.frames.values())
    loops, meshes = _loops(found.loops.items)
    page.write(
        path,
        TEMPLATE,
        title=f"Dataset {name}",
        subtitle=", ".join(
            f"{split}: {found.clips[split]:,} clips, {found.frames[split]:,} frames, "
            f"{_count(found.people.get(split, 0), 'person', 'people')}"
            for split in found.clips
        ),
        warnings=[*_warnings(found), *([remark] if remark else [])],
        totals=_totals(found, frames, len(rejects.clip_ids)),
        loops=loops,
        meshes=meshes,
        sheet=[{"title": f.title, "uri": page.data_uri(_tile(f.jpeg))} for f in found.sheet.items],
        poses=_poses(found),
        views={
            "rose": charts.rose(found.azimuth, "Azimuth"),
            "elevation": charts.histogram(found.elevation, "Elevation", "degrees"),
            "height": charts.histogram(found.height_share, "Ankle to crown", "share of the frame's height"),
        },
        shapes=_shapes(found),
        visible=_visible(found),
        tables=[_table(feature, counter) for feature, counter in found.tables.items()],
        plan=_plan(plan),
        rejects=rejects.rows,
        damaged=found.damaged,
        stages=_stages(planned.stage_seconds(job), frames),
        runs=[_run(run) for run in planned.runs(job)],
        facts=list(planned.facts(job)),
    )


def _totals(found: Statistics, frames: int, rejected: int) -> list[tuple[str, str]]:
    seconds = sum(count / float(fps) for fps, count in found.tables["frames a second"].items() if float(fps) > 0)
    return [
        (f"{sum(found.clips.values()):,}", "clips"),
        (f"{frames:,}", "frames"),
        (f"{seconds / 60:,.1f}" if seconds < 36000 else f"{seconds / 3600:,.1f}",
         "minutes" if seconds < 36000 else "hours"),
        (f"{sum(found.people.values()) - found.shared_people:,}", "people"),
        (f"{len(found.tables['action']):,}", "actions"),
        (f"{rejected:,}", "rejected clips"),
        (f"{found.bytes / max(frames, 1) / 1000:.1f} kB", "a frame on disk"),
    ]  # fmt: skip


def _warnings(found: Statistics) -> list[str]:
    said = []
    if found.shared_people:
        said.append(f"{_count(found.shared_people, 'person is', 'people are')} in more than one split.")
    if found.damaged:
        said.append(f"{_count(len(found.damaged), 'shard', 'shards')} could not be read to the end: see Rejects.")
    return said


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _loops(clips: Iterable[records.Clip]) -> tuple[list[dict[str, Any]], bool]:
    """Films of clips; those of another body are shown without a mesh."""
    films, meshes = [], False
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        try:
            view = ClipView(clip, _LOOP_HEIGHT)
            meshes |= clip.has_smpl
        except BodyMismatchError as error:
            logging.warning("%s is shown without its mesh: %s", clip.clip_id, error)
            view = ClipView(dataclasses.replace(clip, has_smpl=False), _LOOP_HEIGHT)
        frames = [view.frame(number) for number in range(min(clip.length, _LOOP_FRAMES))]
        height, width = frames[0].shape[:2]
        films.append({
            "title": clip.title,
            "film": page.data_uri(animation(frames, clip.fps, "WEBP"), "image/webp"),
            "still": page.data_uri(page.jpeg(frames[0])),
            "width": width,
            "height": height,
        })  # fmt: skip
    return films, meshes


def animation(frames: Iterable[np.ndarray], fps: float, kind: str) -> bytes:
    """Frames uint8 [H, W, 3] as a file that loops.

    Args:
        frames: at least one.
        fps: frames a second.
        kind: "WEBP", which is small, or "GIF", which every program shows.
    """
    from PIL import Image

    first, *rest = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    settings = {"quality": _LOOP_QUALITY, "method": 4} if kind == "WEBP" else {"optimize": False}
    first.save(
        buffer, kind, save_all=True, append_images=rest, loop=0, duration=round(1000 / max(fps, 1.0)), **settings
    )
    return buffer.getvalue()


def _tile(file: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        picture = np.zeros((_TILE, _TILE, 3), np.uint8)
    scale = _TILE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    high, wide = _TILE - small.shape[0], _TILE - small.shape[1]
    square = cv2.copyMakeBorder(small, high // 2, high - high // 2, wide // 2, wide - wide // 2, cv2.BORDER_CONSTANT)
    return page.jpeg(square[..., ::-1], _TILE_QUALITY)


def _poses(found: Statistics) -> dict[str, Any] | None:
    samples: list[PoseSample] = found.poses.items
    if not samples:
        return None
    places, explained = pose_map(samples)
    actions = [sample.action for sample in samples]
    legend = [(name, charts.PALETTE[i % len(charts.PALETTE)]) for i, name in enumerate(charts.common_groups(actions))]
    if len(set(actions)) > len(legend):
        legend.append(("others", charts.PALETTE[6]))
    return {
        "ranges": charts.ranges(found.joint_angles, conventions.JOINTS[1:], "Rotation of joints", "degrees"),
        "map": charts.scatter(places, actions, "Map of poses"),
        "legend": legend,
        "remark": f"{len(samples)} poses without the global rotation, on the two directions in which they differ most "
        f"({explained:.0%} of the variance).",
    }


def pose_map(samples: list[PoseSample]) -> tuple[np.ndarray, float]:
    """Places of N poses on a plane: [N, 2], the first two principal components of the joints' rotation matrices.

    Returns:
        The places, and the share of the variance that they hold.
    """
    features = np.stack([sample.rotations.ravel() for sample in samples])
    centred = features - features.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return centred @ vectors[:, [-1, -2]], float(values[-2:].sum() / max(values.sum(), 1e-12))


def _shapes(found: Statistics) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "people": f"{found.betas.counts[0].sum():,}",
        "betas": charts.ranges(found.betas, _BETA_NAMES, "Betas", "standard deviations"),
        "stature": "",
    }
    body = load_body("neutral")
    others = [body_id for body_id in found.tables["body"] if body_id != body.body_id]
    if others or not found.shapes.items:
        return shown
    sizes = [measure(body, betas) for betas in found.shapes.items]
    stature, bmi = Histogram(1.2, 2.2, 50), Histogram(10, 60, 50)
    stature.add(np.array([size.stature for size in sizes]))
    bmi.add(np.array([size.bmi for size in sizes]))
    shown |= {
        "stature": charts.histogram(stature, "Stature", "metres"),
        "bmi": charts.histogram(bmi, "Body mass index", "kg / m²"),
        "remark": f"Measured on the meshes of {_count(len(sizes), 'person', 'people')}.",
    }
    return shown


def _visible(found: Statistics) -> list[list[tuple[str, float]]]:
    shares = found.visible / max(found.labelled, 1)
    rows = [(name, float(share)) for name, share in zip(conventions.KEYPOINTS, shares, strict=True)]
    middle = (len(rows) + 1) // 2
    return [rows[:middle], rows[middle:]]


def _table(name: str, counter: collections.Counter[str]) -> dict[str, Any]:
    total, most = max(counter.total(), 1), max(counter.values(), default=1)
    rows = [
        (_words(value), f"{count:,}", f"{count / total:.1%}", f"{100 * count / most:.1f}")
        for value, count in counter.most_common(_ROWS)
    ]
    return {"name": name, "rows": rows, "more": max(len(counter) - _ROWS, 0)}


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plan(plan: planned.PlanStatistics | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    tables = []
    for name, cells in plan.tables.items():
        most = max(count for count, _ in cells.values())
        rows = [
            (_words(value), f"{count:,}", f"{rejected:,}" if rejected else "", f"{count / plan.clips:.1%} of the clips",
             f"{100 * count / most:.1f}")
            for value, (count, rejected) in sorted(cells.items(), key=lambda cell: (-cell[1][0], cell[0]))[:_ROWS]
        ]  # fmt: skip
        tables.append({"name": name, "rows": rows, "more": max(len(cells) - _ROWS, 0)})
    skins = sorted(plan.skins.items, key=sum)
    return {
        "subtitle": f"{plan.clips:,} clips planned, {plan.rejected:,} of them rejected.",
        "tables": tables,
        "radiance": charts.histogram(plan.radiance, "Strength of the lights", "radiance, 1 = display white"),
        "contrast": charts.histogram(plan.contrast, "Contrast of the lights", "times"),
        "skins": ["#" + "".join(f"{round(255 * min(max(c, 0), 1)):02x}" for c in skin) for skin in skins],
    }


def _stages(spent: list[tuple[str, float]], frames: int) -> list[tuple[str, str, str]]:
    rows = [*spent, ("all", sum(seconds for _, seconds in spent))] if spent else []
    return [(stage, f"{seconds:,.1f}", f"{seconds / max(frames, 1):.3f}") for stage, seconds in rows]


def _run(run: dict[str, Any]) -> list[str]:
    return [str(run.get(name, "")) for name in ("began", "state", "made", "reused", "wall_seconds")]
