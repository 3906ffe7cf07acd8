"""Example: mviper export model/logs/video --out=served/1.

Turns a checkpoint, such as one trained on JAX, into a SavedModel.
"""

from __future__ import annotations

from absl import flags

flags.DEFINE_string("out", "", "folder to write the SavedModel to; servers want numbered ones: BASE/1")


def main(positional: list[str]) -> int:
    """Exports one checkpoint."""
    from model.errors import ConfigError
    from pipeline.export import export_checkpoint

    if len(positional) != 1 or not flags.FLAGS.out:
        raise ConfigError(f"mviper export takes one checkpoint folder and --out. Received: {positional}")
    export_checkpoint(positional[0], flags.FLAGS.out)
    print(flags.FLAGS.out)
    return 0
