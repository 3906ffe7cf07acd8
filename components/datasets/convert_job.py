"""The conversion job: a dataset's reader in, records out, by the same run as generated data (components/job_run.py).

    reader -> filters -> plan (a line a clip, with its labels) -> units (one video, or some stills) -> Convert -> shards

Labels go through the plan, so that annotation files are read once, by one process, and workers decode pixels alone.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from components import job_plan, job_run, job_watch, jobs, records
from components.datasets import base, person_window
from components.datasets.media import MediaReader
from components.job_store import JobStore, WorkerError
from components.worker_facts import describe, memory_mb, worker_name
from model import conventions

# Stills that one worker makes one after the other.
STILLS_PER_UNIT = 32
# Examples of a reason that the report keeps.
_EXAMPLES = 3


@dataclasses.dataclass(frozen=True)
class ConvertSettings:
    """What is kept of a dataset's people, and how.

    Attributes:
        least_joints: visible joints that a person has in one frame at least (paper section 4.3: 6).
        least_side: larger side of the keypoints' box, pixels; smaller people are left out (the paper's "too small",
            which it does not put into numbers).
        side: largest side of stored frames, pixels.
    """

    least_joints: int = 6
    least_side: float = 60.0
    side: int = 448


def run(
    reader: base.Reader,
    root: pathlib.Path,
    out: str | os.PathLike[str],
    settings: ConvertSettings,
    max_failure_rate: float = job_run.MAX_FAILURE_RATE,
    runner: Sequence[str] = job_run.DEFAULT_RUNNER,
    retry_failures: bool = False,
) -> tuple[job_run.JobSummary, dict[str, int]]:
    """Converts a dataset as far as it is not converted yet; what runs before have finished is kept.

    Args:
        reader: of the dataset.
        root: the dataset's folder, which all workers reach.
        out: see components.job_run.run, also of what follows.
        settings: what is kept.
        max_failure_rate: see there.
        runner: see there.
        retry_failures: see there; files may have been mended.

    Returns:
        The job's summary; reason -> number of people and files that the plan leaves out.

    Raises:
        DatasetError: nothing of the dataset is there, or nothing passes the filters.
        UserError: see components.job_run.run.
    """
    planned = _Planned(reader, settings)

    def stages(units: beam.PCollection, address: str, run_id: str) -> beam.PCollection:
        return units | "Convert" >> beam.ParDo(Convert(address, run_id, str(root.absolute())))

    job = job_run.Job(stages, planned.facts, may_pass=lambda _: True)
    summary = job_run.run(job, planned, out, max_failure_rate, runner, retry_failures=retry_failures)
    return summary, dict(planned.left_out)


class _Planned:
    """A reader's clips that pass the filters, as items of the job; counts the others."""

    def __init__(self, reader: base.Reader, settings: ConvertSettings):
        self._reader, self._settings = reader, settings
        self.left_out: collections.Counter[str] = collections.Counter()
        self._examples: dict[str, list[str]] = collections.defaultdict(list)
        self._clips: collections.Counter[str] = collections.Counter()

    def __iter__(self) -> Iterator[job_plan.Item]:
        for found in self._reader.clips():
            if isinstance(found, base.Fault):
                self._leave_out(found.item, found.reason)
                continue
            why = rejection(found, self._settings)
            if why:
                self._leave_out(found.clip_id, why)
                continue
            number = self._clips[found.split]
            self._clips[found.split] += 1
            group = found.media if found.frames else f"{found.split} {number // STILLS_PER_UNIT}"
            # All that decides the record's bytes.
            line = json.dumps({"side": self._settings.side, "clip": base.to_values(found)}, separators=(",", ":"))
            yield job_plan.Item(found.split, found.clip_id, group, line, found.length)
        if not self._clips:
            reasons = ", ".join(f"{count} x {why}" for why, count in self.left_out.most_common(3))
            raise base.DatasetError(f"People that pass the filters are needed. Received: none; {reasons or 'no clips'}")

    def facts(self, work: job_plan.PlannedWork) -> dict[str, Any]:
        """What the report says of the plan."""
        left = [
            {"reason": reason, "count": count, "examples": self._examples[reason]}
            for reason, count in self.left_out.most_common()
        ]
        return {**job_plan.facts(work), "dataset": self._reader.name, "left_out": left}

    def _leave_out(self, item: str, reason: str) -> None:
        self.left_out[reason] += 1
        if len(self._examples[reason]) < _EXAMPLES:
            self._examples[reason].append(item)


def rejection(clip: base.PersonClip, settings: ConvertSettings) -> str:
    """Why a clip is left out (paper section 4.3), or "". Unlabelled video has nothing to judge."""
    if not clip.labelled.any():
        return "" if clip.frames else "no labelled joints"
    if (clip.keypoints2d[..., 2] > 0).sum(-1).max() < settings.least_joints:
        return f"fewer than {settings.least_joints} visible joints"
    if person_window.person_side(clip.keypoints2d) < settings.least_side:
        return f"smaller than {settings.least_side:g} pixels"
    return ""


def to_record(clip: base.PersonClip, frames: Iterator[np.ndarray], side: int) -> records.Clip:
    """A clip with its images [H, W, 3] BGR as a record; images are encoded one by one.

    Raises:
        ImageError: from the frames.
        VideoError: from the frames.
    """
    length, points = clip.length, conventions.NUM_KEYPOINTS
    window, encoded = None, []
    for image in frames:
        if window is None:
            window = person_window.window_of(clip, (image.shape[0], image.shape[1]), side)
        encoded.append(window.encode(image))
    assert window is not None

    def known(value: np.ndarray | None, *shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32) if value is None else np.broadcast_to(value, shape)

    return records.Clip(
        clip_id=clip.clip_id,
        source=clip.source,
        subject=clip.subject,
        action=clip.action,
        camera=clip.camera,
        body_id=clip.body_id,
        fps=clip.fps,
        frames=encoded,
        masks=[],
        frame_size=(window.height, window.width),
        pose=known(clip.pose, length, conventions.POSE_SIZE),
        betas=known(clip.betas, conventions.NUM_BETAS),
        trans=known(clip.trans, length, 3),
        keypoints3d=known(clip.keypoints3d, length, points, 3),
        keypoints3d_valid=known(clip.keypoints3d_valid, length, points),
        keypoints2d=window.keypoints(clip.keypoints2d),
        has_3d=clip.keypoints3d is not None,
        has_smpl=clip.pose is not None,
        intrinsics=known(None if clip.intrinsics is None else window.intrinsics(clip.intrinsics), 3, 3),
        extrinsics=known(clip.extrinsics, length, 3, 4),
        protocols=clip.protocols,
    )


class Convert(beam.DoFn):
    """Line of the work file -> id of each clip that ended; its record lies among the shard's parts or in the shard."""

    def __init__(self, out: str, run: str, root: str):
        self._out, self._run, self._root = out, run, root

    def setup(self) -> None:
        """Opens the job's files."""
        self._store = JobStore(self._out)

    def process(self, line: str) -> Iterator[str]:
        """Decodes, cuts and encodes the clips of one video, or some stills.

        Raises:
            WorkerError: nothing can be kept.
        """
        unit = job_plan.parse_unit(line)
        media = MediaReader(pathlib.Path(self._root))
        try:
            for planned, text in job_plan.pending_lines(self._store, unit):
                if self._store.exists(job_watch.STOP):
                    return
                values = json.loads(text)
                outcome, record = self._make(base.from_values(values["clip"]), media, values["side"])
                jobs.keep(self._store, unit.shards[planned.shard], outcome, record)
                yield planned.clip_id
        finally:
            media.close()

    def _make(self, clip: base.PersonClip, media: MediaReader, side: int) -> tuple[jobs.Outcome, bytes | None]:
        began, clock = time.time(), time.process_time()
        record = None
        ended: dict[str, Any] = {}
        try:
            record = records.encode(to_record(clip, media.frames(clip), side))
            ended = {"frames": clip.length}
        except WorkerError:
            raise
        except Exception as failure:  # one bad clip must not end the job, whatever is wrong with it
            media.close()
            error, reason = describe(failure)
            ended = {"stage": "convert", "error": error, "reason": reason}
        memory, peak = memory_mb()
        return jobs.Outcome(
            clip.clip_id, self._run, cpu_seconds={"convert": round(time.process_time() - clock, 4)},
            worker=worker_name(), began=round(began, 3), ended=round(time.time(), 3),
            memory_mb=round(memory, 1), peak_memory_mb=round(peak, 1), **ended,
        ), record  # fmt: skip
