"""Example: mviper bench body --json. Each one's figures are explained at the top of benchmarks/NAME.py."""

from __future__ import annotations

import importlib
import json
import pkgutil

from absl import flags

import benchmarks

# A benchmark is a module that runs; the others are what benchmarks share. Their flags are this verb's flags.
_FOUND = {m.name: importlib.import_module(f"benchmarks.{m.name}") for m in pkgutil.iter_modules(benchmarks.__path__)}
_BENCHMARKS = {name: module for name, module in _FOUND.items() if hasattr(module, "run")}

flags.DEFINE_bool("json", False, "print one JSON object")


def main(positional: list[str]) -> int:
    """Runs one benchmark and prints its figures."""
    from benchmarks import harness
    from model.errors import ConfigError

    if len(positional) != 1 or positional[0] not in _BENCHMARKS:
        raise ConfigError(f"A benchmark is one of {', '.join(_BENCHMARKS)}. Received: {' '.join(positional) or 'none'}")
    name = positional[0]
    found = harness.report(name, _BENCHMARKS[name].run())
    if flags.FLAGS.json:
        print(json.dumps(found))
        return 0
    for part in ("machine", "settings"):
        print(f"{part}: " + ", ".join(f"{key} {value}" for key, value in found[part].items()))
    for key, value in found["figures"].items():
        print(f"  {key:<44}{'-' if value is None else value}")
    return 0
