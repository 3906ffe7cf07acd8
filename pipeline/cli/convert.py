"""Example: mviper convert coco --root=/data/coco --check, then the same without --check and with --out=data/coco.

Reads a public dataset in its official layout into the records that training and evaluation take (docs/datasets.md).
--check says in seconds what is there, what is missing and where it comes from, and draws the joints of some people;
nothing is ever downloaded. Beam's own flags follow a lone `--`. Run again after a stop: what is finished is kept.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from absl import flags

from components.datasets.convert_job import ConvertSettings
from model.errors import ConfigError

_DEFAULTS = ConvertSettings()
flags.DEFINE_string("root", "", "the dataset's folder")
flags.DEFINE_string("out", "data", "folder of the records, or its address in an object store")
flags.DEFINE_bool("check", False, "look at the dataset, convert nothing")
flags.DEFINE_string("picture", "", "with --check: picture of sampled people to write; with --maps: of the joints")
flags.DEFINE_bool("maps", False, "print how every dataset's joints become ours")
flags.DEFINE_integer("clip_length", 16, "frames of a video's clips", lower_bound=2)
flags.DEFINE_float("fps", 25.0, "frames a second to thin videos out to, by whole strides; 0: all frames", lower_bound=0)
flags.DEFINE_string("smpl", "", "folder with fits of SMPL's parameters (docs/datasets.md); default: none")
flags.DEFINE_integer("least_joints", _DEFAULTS.least_joints, "visible joints of a person, at least", lower_bound=0)
flags.DEFINE_float("least_side", _DEFAULTS.least_side, "side of a person's box, pixels, at least", lower_bound=0)
flags.DEFINE_integer("side", _DEFAULTS.side, "largest side of stored frames, pixels", lower_bound=64)
flags.DEFINE_float("max_failure_rate", 0.1, "share of clips that may fail", lower_bound=0.0, upper_bound=1.0)
flags.DEFINE_bool("retry_failures", False, "try failed clips of finished shards again")


def main(arguments: list[str]) -> int:
    """Checks or converts a dataset."""
    from components import job_run
    from components.datasets import base, convert_job, registry

    values = flags.FLAGS
    if values.maps:
        return _maps(values.picture)
    if not arguments or arguments[0].startswith("-"):
        raise ConfigError(f"A dataset is named: {', '.join(registry.READERS)}. Received: none")
    name, beam_flags = arguments[0], arguments[1:]
    if not values.root:
        raise ConfigError("A dataset's folder is needed. Received: no --root")
    root = pathlib.Path(values.root)
    settings = base.ReaderSettings(values.clip_length, values.fps, values.smpl)
    reader = registry.make_reader(name, root, settings)
    if values.check:
        return _check(reader, root, values.picture or "check.png")
    kept = ConvertSettings(values.least_joints, values.least_side, values.side)
    runner = [*job_run.DEFAULT_RUNNER, *beam_flags]
    summary, left_out = convert_job.run(
        reader, root, values.out, kept, values.max_failure_rate, runner, values.retry_failures
    )
    print(describe(summary, left_out, values.out))
    return 0


def _maps(picture: str) -> int:
    """Prints the table of joints, and draws it."""
    from components.datasets import keypoint_maps

    print(keypoint_maps.markdown())
    if picture:
        _write(picture, keypoint_maps.sheet())
    return 0


def _check(reader, root: pathlib.Path, picture: str) -> int:
    """Prints the findings and draws the sample; 2 where nothing could be converted."""
    from components.datasets import base, check

    for finding in reader.check():
        print(f"{finding.state:<8}{finding.text}")
    try:
        clips, seen = check.sample(reader)
    except base.DatasetError as error:
        print(f"mviper: {error}", file=sys.stderr)
        return 2
    drawn, problems = check.sheet(clips, root)
    for problem in problems:
        print(f"odd     {problem}")
    _write(picture, drawn)
    print(f"{len(clips) - len(problems)} people of the first {seen} clips in {picture}: left blue, right orange")
    return 0


def _write(path: str, picture: np.ndarray) -> None:
    """An RGB picture in the format of the path's suffix."""
    import cv2

    from synthesis.motion_sheets import write_picture

    if not cv2.haveImageWriter(path):
        raise ConfigError(f"A picture is .png or .jpg. Received: --picture={path}")
    write_picture(path, picture)


def describe(summary, left_out: dict[str, int], out: str) -> str:
    """A few lines on what a run did, what it left out and what it took."""
    totals, made = summary.totals, summary.clips - summary.reused
    lines = [
        f"{summary.clips} clips in {out}: {made} made now, {summary.reused} reused, {len(summary.failures)} failed",
        f"{totals.frames} frames, {totals.shards} shards, {totals.bytes / 1e6:.1f} MB, "
        f"{sum(totals.cpu_seconds.values()):.1f} CPU s, workers up to {totals.peak_memory_mb:.0f} MB",
    ]
    lines += [f"left out: {count} x {reason}" for reason, count in left_out.items()]
    if summary.failures:
        lines.append(f"reasons are in {out}/failures; one is: {next(iter(summary.failures.values()))}")
        lines.append("they may succeed once their files are mended: --retry_failures")
    return "\n".join(lines)
