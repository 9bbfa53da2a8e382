"""How sure a mean over series, or a difference between two detectors on the same series, is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError
from kilowatch.lab.measure.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of first minus second over series, its interval, and on how many of the series (or clusters) first won."""

    mean: float
    interval: Interval
    wins: int
    of: int

    @property
    def significant(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval.low > 0 or self.interval.high < 0


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    seed: int,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> Difference:
    """Return the difference of two detectors measured on the same n series, with a percentile interval.

    Series are resampled with replacement (Efron & Tibshirani 1993, chapter 13); where several come from one device,
    name it in `clusters` and whole devices are resampled, because faults of one device are not independent.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ConfigError(
            f"A paired comparison needs the same series: {len(a)} against {len(b)}.",
            "Leave out what only one of them has.",
        )
    sums, sizes = _by_cluster(a - b, clusters)
    interval = _percentiles(sums, sizes, seed, confidence, draws)
    return Difference(float(sums.sum() / sizes.sum()), interval, int((sums > 0).sum()), len(sums))


def mean_interval(
    values: ArrayLike,
    seed: int,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
) -> Interval:
    """Return the percentile interval of a mean over series, or over series resampled by cluster."""
    sums, sizes = _by_cluster(np.asarray(values, dtype=np.float64), clusters)
    return _percentiles(sums, sizes, seed, confidence, draws)


def _by_cluster(
    values: NDArray[np.float64], clusters: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if len(values) == 0 or not np.isfinite(values).all():
        raise ConfigError(
            "A bootstrap needs one finite value for each series, and at least one series.", "Leave the others out."
        )
    if clusters is None:
        return values, np.ones(len(values), dtype=np.int64)
    if len(clusters) != len(values):
        raise ConfigError(f"{len(values)} series came with {len(clusters)} cluster names.", "Give one for each series.")
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(cluster, weights=values).astype(np.float64), np.bincount(cluster).astype(np.int64)


def _percentiles(
    sums: NDArray[np.float64], sizes: NDArray[np.int64], seed: int, confidence: float, draws: int
) -> Interval:
    if not 0 < confidence < 1 or draws < 1:
        raise ConfigError(
            f"A bootstrap needs a confidence between 0 and 1 and draws, not {confidence} and {draws}.", "Use 0.95."
        )
    rng = np.random.default_rng(seed)
    # How often each comes in n draws with replacement, which is all that sums and sizes depend on.
    drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    # Sums over sizes, not a mean of means: a device with many series counts as many times.
    means = (drawn @ sums) / (drawn @ sizes)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
