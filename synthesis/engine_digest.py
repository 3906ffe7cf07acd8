"""The version of everything that simulations are made with, for caches of them."""

from __future__ import annotations

import functools
import hashlib
import pathlib

# What a simulation depends on besides its plan; a change of it must not be answered from the cache.
_ENGINE = ("*.py", "cloth/*.py", "garments/*.py", "garments/library/*.json", "motion/**/*.py", "motion/**/*.npz")


@functools.cache
def engine_digest() -> str:
    """Hash of the code and data that simulations are made with."""
    top = pathlib.Path(__file__).parent
    digest = hashlib.sha256()
    for pattern in _ENGINE:
        for path in sorted(top.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()
