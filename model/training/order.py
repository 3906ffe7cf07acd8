"""In which order an epoch sees the clips: planned from the seed before anything is read.

The plan is a list of clip numbers, so that any batch of any epoch can be named, and an epoch taken up in its middle,
without decoding what comes before. What does not fit in memory is read in windows: some whole shards, drawn at random,
whose clips are shuffled among each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from model.config import TrainConfig
from model.errors import ConfigError
from model.training.inventory import Inventory

# What random numbers are drawn for: a generator of its own each.
CLIPS, FRAMES, AUGMENTATION = 1, 2, 3


def seed(train: TrainConfig, index: int, purpose: int, place: int = 0) -> tuple[int, int, int, int]:
    """The seed of what is drawn for one purpose in an epoch, or for one place of it.

    The purpose comes last, so that no seed is another with zeros after it, which NumPy takes for the same.
    """
    return train.seed, index, place, purpose


@dataclasses.dataclass(frozen=True)
class Order:
    """The clips of one epoch.

    Attributes:
        windows: for each stream of clips, its windows: arrays of clip numbers in the order in which they come.
        choice: [n] the stream that each place of the epoch takes its next clip from.
    """

    windows: list[list[np.ndarray]]
    choice: np.ndarray

    @property
    def clips(self) -> np.ndarray:
        """[n] clip numbers."""
        clips = np.empty(len(self.choice), np.int64)
        for stream, windows in enumerate(self.windows):
            clips[self.choice == stream] = np.concatenate(windows) if windows else []
        return clips

    def after(self, place: int) -> Order:
        """What is left of the epoch after its first `place` clips."""
        windows = []
        for stream, planned in enumerate(self.windows):
            passed = int((self.choice[:place] == stream).sum())
            left = []
            for window in planned:
                if passed < len(window):
                    left.append(window[passed:])
                passed = max(0, passed - len(window))
            windows.append(left)
        return Order(windows, self.choice[place:])


def check_sampling(inventory: Inventory, train: TrainConfig) -> None:
    """Makes sure that there are clips of every source that is to be sampled.

    Raises:
        ConfigError: there are none of one.
    """
    missing = sorted(set(train.sampling) - set(inventory.names))
    if missing:
        held = ", ".join(f"{name} ({count} clips)" for name, count in inventory.clips_by_source.items())
        raise ConfigError(f"Sampling names sources of the records: {held}. Received: {', '.join(missing)}")


def sampled_clips(inventory: Inventory, train: TrainConfig) -> int:
    """Number of clips that training draws from."""
    drawn = train.sampling or inventory.names
    return sum(count for name, count in inventory.clips_by_source.items() if name in drawn)


def plan(inventory: Inventory, train: TrainConfig, index: int, count: int, window_bytes: float) -> Order:
    """The first `count` clips of an epoch, a pure function of its arguments.

    Without sampling every clip comes once before any comes again. With sampling each source has its share of the
    epoch's places (rounded), and the same holds among its clips.

    Args:
        inventory: what there is.
        train: seed and sampling.
        index: of the epoch.
        count: number of clips.
        window_bytes: size of the shards that are held at a time, all streams together; one shard at least.
    """
    rng = np.random.default_rng(seed(train, index, CLIPS))
    shares = np.array(list(train.sampling.values()) or [1.0])
    quotas = _quotas(shares, count)
    choice = rng.permutation(np.repeat(np.arange(len(quotas)), quotas))
    windows = []
    for name, quota in zip(train.sampling or [None], quotas, strict=True):
        clips = np.arange(inventory.clips)
        if name is not None:
            clips = clips[inventory.sources == inventory.names.index(name)]
        windows.append(_windows(inventory, clips, rng, quota, window_bytes / len(quotas)))
    return Order(windows, choice)


def _quotas(shares: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers in the proportions of the shares, with sum `count` (largest remainders)."""
    exact = shares / shares.sum() * count
    quotas = np.floor(exact).astype(int)
    quotas[np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]] += 1
    return quotas


def _windows(
    inventory: Inventory, clips: np.ndarray, rng: np.random.Generator, quota: int, window_bytes: float
) -> list[np.ndarray]:
    """Passes over these clips, sorted numbers, until there are `quota`."""
    files, first = np.unique(inventory.file_of(clips), return_index=True)
    parts = np.split(clips, first[1:])
    windows: list[np.ndarray] = []
    while quota > 0:
        for window in _one_pass(parts, inventory.sizes[files], rng, window_bytes):
            windows.append(window[:quota])
            quota -= len(windows[-1])
            if not quota:
                break
    return windows


def _one_pass(
    parts: list[np.ndarray], sizes: np.ndarray, rng: np.random.Generator, window_bytes: float
) -> Iterator[np.ndarray]:
    """The clips of all files once, in windows: files in a random order, and the clips of a window in a random order."""
    window: list[np.ndarray] = []
    held = 0.0
    for i in rng.permutation(len(parts)):
        if window and held + sizes[i] > window_bytes:
            yield rng.permutation(np.concatenate(window))
            window, held = [], 0.0
        window.append(parts[i])
        held += sizes[i]
    yield rng.permutation(np.concatenate(window))
