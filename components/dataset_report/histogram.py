"""Histograms that are filled bit by bit."""

from __future__ import annotations

import numpy as np


class Histogram:
    """Counts of numbers in equal bins for one or several series; what lies outside counts in the outermost bins.

    Attributes:
        edges: [bins + 1].
        counts: [series, bins].
    """

    def __init__(self, low: float, high: float, bins: int, series: int = 1):
        self.edges = np.linspace(low, high, bins + 1)
        self.counts = np.zeros((series, bins), np.int64)

    def add(self, values: np.ndarray) -> None:
        """Counts values [N, series]; those that are not finite are left out."""
        values = np.asarray(values, np.float64).reshape(-1, len(self.counts))
        width = self.edges[1] - self.edges[0]
        finite = np.isfinite(values)
        bins = ((np.where(finite, values, 0) - self.edges[0]) / width).astype(np.int64)
        bins = np.clip(bins, 0, self.counts.shape[1] - 1)
        series = np.broadcast_to(np.arange(len(self.counts)), values.shape)
        np.add.at(self.counts, (series[finite], bins[finite]), 1)

    @property
    def total(self) -> int:
        """How many numbers were counted."""
        return int(self.counts.sum())

    def quantiles(self, shares: tuple[float, ...]) -> np.ndarray:
        """Values [series, len(shares)] below which these shares lie, linear within a bin; NaN without any numbers."""
        cumulated = np.concatenate([np.zeros((len(self.counts), 1)), np.cumsum(self.counts, 1)], 1)
        rows = [
            np.interp(np.array(shares) * row[-1], row, self.edges) if row[-1] else np.full(len(shares), np.nan)
            for row in cumulated
        ]
        return np.array(rows)
