"""Shares and rates that carry their counts, so that they pool by addition and always know how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError
from kilowatch.lab.measure.times import WEEK_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BISECTIONS = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`; shares of several series pool by `+`."""

    hits: int
    total: int

    @classmethod
    def of(cls, hit: NDArray[np.bool_]) -> Share:
        """Return the share of True."""
        return cls(int(hit.sum()), len(hit))

    @property
    def value(self) -> float:
        """hits / total, NaN of nothing."""
        return self.hits / self.total if self.total else math.nan

    def __add__(self, other: Share) -> Share:
        return Share(self.hits + other.hits, self.total + other.total)

    def wilson(self, confidence: float = 0.95) -> Interval:
        """Return the score interval of Wilson, "Probable inference" (JASA 22, 1927); 0 to 1 of nothing."""
        z2 = NormalDist().inv_cdf((1 + _level(confidence)) / 2) ** 2
        n, p = self.total, self.value
        if n == 0:
            return Interval(0.0, 1.0)
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        # The ends touch 0 and 1 exactly for no hits and all hits; floating point misses them by 1e-17.
        low = 0.0 if self.hits == 0 else max(centre - half, 0.0)
        return Interval(low, 1.0 if self.hits == n else min(centre + half, 1.0))


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` alarms in `weeks` device-weeks; rates of several devices pool by `+`."""

    count: int
    weeks: float

    @classmethod
    def over(cls, count: int, watched_ms: int) -> Rate:
        """Return the rate of a count over watched time in ms."""
        return cls(count, watched_ms / WEEK_MS)

    @property
    def value(self) -> float:
        """Alarms per device-week, NaN where nothing was watched."""
        return self.count / self.weeks if self.weeks else math.nan

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.count + other.count, self.weeks + other.weeks)

    def upper(self, confidence: float = 0.95) -> float:
        """Return the exact one-sided upper bound per device-week: none seen does not mean none (Garwood 1936)."""
        return poisson_mean(self.count, 1 - _level(confidence)) / self.weeks if self.weeks else math.inf

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the exact two-sided interval per device-week (Garwood, Biometrika 28, 1936)."""
        tail = (1 - _level(confidence)) / 2
        if not self.weeks:
            return Interval(0.0, math.inf)
        low = poisson_mean(self.count - 1, 1 - tail) if self.count else 0.0
        return Interval(low / self.weeks, poisson_mean(self.count, tail) / self.weeks)


def shares_by(hit: NDArray[np.bool_], group: Sequence[str]) -> dict[str, Share]:
    """Return the share of True in each group (kind of anomaly, strength, device), in order of first appearance."""
    names = np.asarray(group)
    if len(names) != len(hit):
        raise ConfigError(f"{len(hit)} results came with {len(names)} group names.", "Give one name for each result.")
    return {name: Share.of(hit[names == name]) for name in dict.fromkeys(group)}


def poisson_mean(count: int, probability: float) -> float:
    """Return the mean at which a Poisson count is at most `count` with this probability, by bisection."""
    low, high = 0.0, count + 1.0
    # The chance falls as the mean grows: once it is low enough, the mean that is sought lies between both ends.
    while poisson_cdf(count, high) > probability:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        # No float lies between the ends any more.
        if middle in (low, high):
            break
        low, high = (middle, high) if poisson_cdf(count, middle) > probability else (low, middle)
    return (low + high) / 2


def poisson_cdf(count: int, mean: float) -> float:
    """Return the probability of at most `count`, summed in logarithms so that large means do not vanish."""
    if mean <= 0:
        return 1.0
    steps = np.log(mean) - np.log(np.arange(1, count + 1))
    logs = np.concatenate(([0.0], np.cumsum(steps))) - mean
    return min(1.0, float(np.exp(logs).sum()))


def _level(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ConfigError(f"A confidence lies between 0 and 1, not {confidence}.", "0.95 is usual.")
    return confidence
