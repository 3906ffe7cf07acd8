#!/usr/bin/env python3
"""Kills a worker of a running generation job on the cluster of flink_local.py; no clip may be lost or be there twice.

    scripts/flink_kill_check.py --plan=plan.jsonl --out=killed --kill=taskmanager --reference=whole

`--reference` is a dataset of the same plan that was made undisturbed: the shards must have the same bytes.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from components import records, synthesis_job
from synthesis.scene.plan import read_plan

CLUSTER = pathlib.Path(__file__).with_name("flink_local.py")


def cluster(*arguments: str) -> str:
    """Runs flink_local.py and returns what it printed."""
    done = subprocess.run([sys.executable, str(CLUSTER), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> int:
    """Runs the check; exit status 1 when something is lost, doubled or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--kill", choices=("taskmanager", "harness"), default="taskmanager")
    parser.add_argument("--after", type=int, default=1, help="clips that must be finished before the kill")
    parser.add_argument("--simulations", default="")
    parser.add_argument("--reference", type=pathlib.Path)
    flags = parser.parse_args()

    command = [sys.executable, "-m", "pipeline.cli.main", "synthesize", f"--plan={flags.plan}", f"--out={flags.out}"]
    command += ["--max_failure_rate=1", f"--simulations={flags.simulations}", "--", *cluster("flags").split()]
    job = subprocess.Popen(command, cwd=CLUSTER.parents[1])
    while job.poll() is None and sum(1 for _ in (flags.out / ".parts").rglob("*.made.json")) < flags.after:
        time.sleep(0.2)
    if job.poll() is not None:
        print("the job ended before anything could be killed")
        return 1
    print(cluster("kill", flags.kill), flush=True)
    if flags.kill == "taskmanager":
        time.sleep(15)
        cluster("restart-taskmanager")
    status = job.wait()

    plan = read_plan(flags.plan)
    shards = synthesis_job.plan_shards(plan)
    found = collections.Counter(
        clip.clip_id for split in ("train", "eval") for path in records.find_shards(flags.out / split)
        for clip in records.read(path)
    )  # fmt: skip
    lost = [clip.clip_id for clip in plan if not found[clip.clip_id]]
    doubled = [clip_id for clip_id, count in found.items() if count > 1]
    counts = f"{len(plan)} clips planned, {sum(found.values())} there, {len(lost)} lost, {len(doubled)} twice"
    print(f"status {status}; {counts}")
    different = []
    if flags.reference:
        different = [s.name for s in shards if s.path(flags.out).read_bytes() != s.path(flags.reference).read_bytes()]
        print(f"{len(shards) - len(different)} of {len(shards)} shards have the bytes of {flags.reference}")
    return int(bool(status or lost or doubled or different))


if __name__ == "__main__":
    sys.exit(main())
