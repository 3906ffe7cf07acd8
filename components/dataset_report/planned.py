"""What a dataset's plan says of its clips, what became of them, and what the job that made them measured."""

from __future__ import annotations

import collections
import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from components.dataset_report.histogram import Histogram
from components.jobs import common_reason
from components.reservoir import Reservoir
from model.errors import ConfigError

PLAN, JOB, FAILURES = "plan.jsonl", "job.json", "failures"
_SKINS = 160
_SHOWN_ELSEWHERE = {"cpu_seconds", "rejects", "runs"}


class Rejects:
    """Dead letters by reason.

    Attributes:
        reasons: reason with its numbers left out -> (how many, one example in full).
        clip_ids: the clips; memory grows with them.
    """

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, str]] = {}
        self.clip_ids: set[str] = set()

    def add(self, clip_id: str, reason: str) -> None:
        """Counts one dead letter."""
        self.clip_ids.add(clip_id)
        kind = common_reason(reason)
        count, example = self.reasons.get(kind, (0, reason))
        self.reasons[kind] = (count + 1, example)

    @property
    def rows(self) -> list[tuple[str, int]]:
        """(example of a reason, how many), the most common first."""
        return sorted(((example, count) for count, example in self.reasons.values()), key=lambda row: -row[1])


def read_rejects(folder: pathlib.Path) -> Rejects:
    """Dead letters below a dataset's folder; none where nothing failed.

    Raises:
        ConfigError: a line is no dead letter.
    """
    rejects = Rejects()
    for path in sorted((folder / FAILURES).glob("*.jsonl")):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            try:
                letter = json.loads(line)
                rejects.add(letter["clip_id"], ": ".join(letter[k] for k in ("error", "reason") if k in letter))
            except (ValueError, TypeError, KeyError) as error:
                raise ConfigError(
                    f"A dead letter is JSON with clip_id and reason. Received: {path}, line {number}: {error!r}"
                ) from error
    return rejects


class PlanStatistics:
    """Counts over the lines of a plan.

    Attributes:
        clips: planned.
        rejected: of them.
        tables: feature -> value -> [planned, rejected] clips.
        radiance: of every light, linear.
        contrast: brightest over darkest light of each clip.
        skins: sample of skin colours, sRGB 0..1.
    """

    def __init__(self, seed: int = 0):
        self.clips = self.rejected = 0
        self.tables: dict[str, dict[str, list[int]]] = collections.defaultdict(lambda: collections.defaultdict(_pair))
        self.radiance = Histogram(0, 40, 40)
        self.contrast = Histogram(1, 21, 40)
        self.skins: Reservoir[tuple[float, ...]] = Reservoir(_SKINS, np.random.default_rng(seed))

    def add(self, clip: Any, rejects: Rejects) -> None:
        """Counts one clip (synthesis.scene.plan.ClipPlan)."""
        failed = int(clip.clip_id in rejects.clip_ids)
        self.clips += 1
        self.rejected += failed
        simulation = clip.simulation
        features = {
            "outfit": [simulation.outfit],
            "motion": [simulation.motion.kind],
            "fabric": simulation.fabrics,
            "texture": [kind for kind, _ in clip.textures],
            "backdrop": [pathlib.PurePath(clip.backdrop).name],
            "sex": [simulation.sex],
        }
        for feature, values in features.items():
            for value in sorted({str(value) for value in values}):
                cell = self.tables[feature][value]
                cell[0] += 1
                cell[1] += failed
        strengths = np.array([light.radiance for light in clip.lights], float)
        self.radiance.add(strengths)
        if len(strengths) and strengths.min() > 0:
            self.contrast.add(strengths.max() / strengths.min())
        self.skins.offer(lambda: tuple(clip.appearance.skin))


def _pair() -> list[int]:
    return [0, 0]


def read_plan(path: pathlib.Path, rejects: Rejects, seed: int = 0, progress=iter) -> PlanStatistics:
    """Counts a plan file, line by line.

    Raises:
        ConfigError: the file is missing or a line is no clip.
    """
    from synthesis.scene.plan import read_clips

    found = PlanStatistics(seed)
    clips: Iterable[Any] = progress(read_clips(path))
    for clip in clips:
        found.add(clip, rejects)
    return found


def read_job(folder: pathlib.Path) -> dict[str, Any]:
    """What the job that made a dataset wrote of itself; {} where it wrote nothing.

    Raises:
        ConfigError: the file is no JSON object.
    """
    path = folder / JOB
    if not path.is_file():
        return {}
    try:
        job = json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"{JOB} of a dataset is a JSON object. Received: {path}: {error}") from error
    if not isinstance(job, dict):
        raise ConfigError(f"{JOB} of a dataset is a JSON object. Received: {path}: {type(job).__name__}")
    return job


def stage_seconds(job: dict[str, Any]) -> list[tuple[str, float]]:
    """(stage, CPU seconds) of a job."""
    spent = job.get("cpu_seconds", {})
    return [(str(stage), float(seconds)) for stage, seconds in spent.items()] if isinstance(spent, dict) else []


def runs(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs that made a dataset, oldest first: their "began", "state", "made", "reused" and "wall_seconds"."""
    found = job.get("runs", [])
    return [run for run in found if isinstance(run, dict)] if isinstance(found, list) else []


def facts(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The rest of what a job says, a line each, and the versions of its last run."""
    for name, value in job.items():
        if name not in _SHOWN_ELSEWHERE:
            yield name.replace("_", " "), _line(value)
    for run in runs(job)[-1:]:
        yield "versions", _line(run.get("versions", {}))


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_line(entry)}" for key, entry in value.items())
    return ", ".join(map(_line, value)) if isinstance(value, list) else str(value)
