"""A folder of records in, one page out."""

from __future__ import annotations

import pathlib
from typing import Any

from absl import logging

from components.dataset_report import page, planned
from components.dataset_report.collect import Settings, Statistics, collect, find_splits
from model.errors import ConfigError


def make(
    folder: pathlib.Path, out: pathlib.Path, plan: pathlib.Path | None = None, settings: Settings | None = None,
    progress=iter,
) -> Statistics:  # fmt: skip
    """Reads a dataset once and writes its page.

    Args:
        folder: with train/ and eval/ of shards, or with shards; failures/, plan.jsonl and job.json are used if there.
        out: the page.
        plan: the dataset's plan, where it is not in the folder.
        settings: sizes of the samples.
        progress: wraps the list of shards, as tqdm does.

    Raises:
        RecordError: there are no shards, or no clip in them can be read.
        ConfigError: `plan`, a dead letter or the job's file cannot be read.
    """
    settings = settings or Settings()
    splits = find_splits(folder)
    rejects = planned.read_rejects(folder)
    job = planned.read_job(folder)
    of_plan, remark = _plan_of(folder, plan, rejects, job, settings.seed)
    found = collect(splits, settings, progress)
    page.write(out, folder.resolve().name, found, rejects, of_plan, job, remark)
    return found


def _plan_of(
    folder: pathlib.Path, plan: pathlib.Path | None, rejects: planned.Rejects, job: dict[str, Any], seed: int
) -> tuple[planned.PlanStatistics | None, str]:
    """What the plan holds, and what is wrong with it: one that nobody asked for must not cost the page."""
    beside = folder / planned.PLAN
    # A conversion's plan holds what its records hold.
    if plan is None and ("dataset" in job or not beside.is_file()):
        return None, ""
    try:
        return planned.read_plan(plan or beside, rejects, seed), ""
    except ConfigError as error:
        if plan is not None:
            raise
        logging.warning("%s is left out: %s", beside, error)
        return None, f"The plan is left out. {str(error).splitlines()[0]} {beside.name} that this version cannot read."
