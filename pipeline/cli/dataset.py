"""Datasets: `mviper dataset report DIR` writes one page on what a folder of records holds.

Counts by split, action, view and outfit; poses, shapes, viewpoints, lights, fabrics; a contact sheet, looping clips;
rejects with their reasons and seconds per stage. The page is one file that needs nothing else.

Examples:
  mviper dataset report data --out=report.html
  mviper dataset report data --plan=plan.jsonl --seed=1
  mviper dataset report data/eval --json
"""

from __future__ import annotations

import json
import pathlib

from absl import flags

from model.errors import ConfigError

FLAGS = flags.FLAGS

flags.DEFINE_string("out", "report.html", "page to write")
flags.DEFINE_string("plan", "", "the dataset's plan; default: plan.jsonl in its folder, if there")
flags.DEFINE_integer("seed", 0, "of the frames, clips and poses that are shown", lower_bound=0)
flags.DEFINE_bool("json", False, "print counts as JSON, too")


def main(positional: list[str]) -> int:
    """Writes the page."""
    if len(positional) != 2 or positional[0] != "report":
        raise ConfigError(f"mviper dataset takes: report FOLDER. Received: {' '.join(positional) or 'nothing'}")
    out = pathlib.Path(FLAGS.out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--out ends in .html. Received: {out}")
    import functools

    import tqdm

    from components.dataset_report import report
    from components.dataset_report.collect import Settings

    bar = functools.partial(tqdm.tqdm, desc="read", unit="shard", dynamic_ncols=True)
    plan = pathlib.Path(FLAGS.plan) if FLAGS.plan else None
    found = report.make(pathlib.Path(positional[1]), out, plan, Settings(seed=FLAGS.seed), bar)
    if FLAGS.json:
        counts = {"clips": dict(found.clips), "frames": dict(found.frames), "people": found.people}
        print(json.dumps({**counts, "damaged_shards": len(found.damaged), "page": str(out)}))
    else:
        print(f"{sum(found.clips.values())} clips, {sum(found.frames.values())} frames: {out}")
    return 0
