"""Example: mviper doctor --json. Exit status 1 when something that the demo needs is missing."""

from __future__ import annotations

import dataclasses
import json

from absl import flags

flags.DEFINE_bool("json", False, "print JSON")


def main(_: list[str]) -> int:
    """Prints what was found."""
    from pipeline.doctor import examine

    findings = examine()
    if flags.FLAGS.json:
        print(json.dumps([dataclasses.asdict(check) for check in findings]))
    else:
        for check in findings:
            mark = "ok" if check.ok else ("MISSING" if check.required else "note")
            print(f"{mark:<8}{check.name:<20}{check.found}" + ("" if check.ok else f"\n{'':<28}-> {check.advice}"))
    return 0 if all(check.ok or not check.required for check in findings) else 1
