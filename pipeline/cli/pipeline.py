"""Example: mviper pipeline run --data=data --work=work/run --config=demo."""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from components.evaluation.gate import GateConfig
from pipeline.cli import flag_groups
from pipeline.configs import PIPELINE_NAME

flags.DEFINE_string("data", "data", "folder with train/ and eval/ shards")
flags.DEFINE_string("work", "work/run", "folder of artifacts, metadata.db and pushed models")
flag_groups.define_config("paper")
for _field in dataclasses.fields(GateConfig):
    flags.DEFINE_float(
        _field.name, _field.default, "blessing limit, see components/evaluation/gate.py", lower_bound=0.0
    )


def main(positional: list[str]) -> int:
    """Runs the pipeline; exit status 1 when the model was not blessed."""
    from model.errors import ConfigError

    if positional != ["run"]:
        raise ConfigError(f"`mviper pipeline run` is what there is. Received: {' '.join(positional) or 'nothing'}")
    from components import records
    from pipeline import local_runner

    values = flags.FLAGS
    data = pathlib.Path(values.data)
    for split in ("train", "eval"):
        records.find_shards(data / split)
    gate = GateConfig(**{field.name: values[field.name].value for field in dataclasses.fields(GateConfig)})
    result = local_runner.run(PIPELINE_NAME, pathlib.Path(values.work), data, flag_groups.config(), gate)
    for component in result.components:
        state = "reused" if component.cached else f"{component.seconds:.1f} s"
        print(f"{component.name:<20}{state}")
    print(f"blessed and pushed to {result.pushed}" if result.blessed else "not blessed, not pushed")
    return 0 if result.blessed else 1
