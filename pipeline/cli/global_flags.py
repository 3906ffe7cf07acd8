"""Flags of every verb."""

from __future__ import annotations

import os

from absl import flags

flags.DEFINE_string(
    "body", "", "'free', a folder with SMPL files or one such file; default: what MVIPER_BODY says, else free"
)


def apply() -> None:
    """Makes the flags known to everything that runs, worker processes included: they read the environment."""
    if flags.FLAGS.body:
        os.environ["MVIPER_BODY"] = flags.FLAGS.body
