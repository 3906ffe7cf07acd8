"""Uniform samples of streams whose length nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Reservoir(Generic[T]):
    """Keeps `capacity` items of a stream, each equally likely (Vitter 1985, algorithm R).

    Example:
        kept = Reservoir(8, np.random.default_rng(0))
        for path in paths:
            kept.offer(lambda: load(path))
        print(kept.items)
    """

    def __init__(self, capacity: int, rng: np.random.Generator):
        self.items: list[T] = []
        self._capacity, self._rng, self._seen = capacity, rng, 0

    def offer(self, make: Callable[[], T]) -> None:
        """Takes the next item of the stream; `make` is called only if it is kept."""
        self._seen += 1
        if len(self.items) < self._capacity:
            self.items.append(make())
        elif (place := int(self._rng.integers(self._seen))) < self._capacity:
            self.items[place] = make()
