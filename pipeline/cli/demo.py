"""Example: mviper demo --motion=mocap/bvh. The same as `make demo MOTION=mocap/bvh`."""

from __future__ import annotations

import pathlib

from absl import flags

from pipeline.cli import flag_groups
from pipeline.configs import DEMO_DATA

flags.DEFINE_string("work", "work/demo", "folder of everything that the demo makes")
flag_groups.define_dataset(DEMO_DATA)
flag_groups.define_config("demo")


def main(_: list[str]) -> int:
    """Runs the demo; exit status 1 when the model did not pass its gate."""
    from pipeline import demo
    from pipeline.configs import DEMO_GATE

    plan = flag_groups.dataset_plan()
    outcome = demo.run(pathlib.Path(flags.FLAGS.work), plan, flag_groups.config(), DEMO_GATE)
    print("\n".join(outcome.lines))
    print(f"results page: {outcome.page.resolve()}")
    return 0 if outcome.blessed else 1
