"""What a device draws at each hour of the week, learnt level by level so that few observations do not mislead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.core.samples import HOUR_MS, WEEK_HOURS, hour_of_week

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_MS = 300_000
_PER_HOUR = HOUR_MS // BLOCK_MS
_SATURDAY = 120
_PRIOR_HOURS = 2.0
"""Two hours observed weigh as much as all that the coarser level knows."""
_MAD_TO_SD = 1.4826
_TAILS = (0.05, 0.95)
_TAILS_TO_SD = 3.29
"""The distance of the 5 % and 95 % quantiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Level:
    """Median and robust spread of each group, float64[groups], watts; hours: how long each was observed."""

    median_w: NDArray[np.float64]
    spread_w: NDArray[np.float64]
    hours: NDArray[np.float64]

    def at(self, group: NDArray[np.int64]) -> Level:
        """Return the level of each of the given groups."""
        return Level(self.median_w[group], self.spread_w[group], self.hours[group])

    def shrunk_to(self, coarse: Level) -> Level:
        """Return the level drawn towards a coarser one where little was observed.

        The spread is that of the mixture of both, so that two levels which disagree leave room for either.
        """
        own = self.hours / (self.hours + _PRIOR_HOURS)
        apart = self.median_w - coarse.median_w
        variance = own * self.spread_w**2 + (1 - own) * coarse.spread_w**2 + own * (1 - own) * apart**2
        median_w = own * self.median_w + (1 - own) * coarse.median_w
        return Level(median_w, np.sqrt(variance), self.hours)


def week_profile(index: NDArray[np.int64], mean_w: NDArray[np.float64]) -> Level:
    """Return the level of the 168 hours of the week from 5-minute means, in order of the week.

    Each hour of the week is shrunk to the same hour of weekdays or of weekends.
    """
    of_week = hour_of_week(index * BLOCK_MS)
    kinds = day_profile(index, mean_w).at(day_kind(np.arange(WEEK_HOURS)))
    return _group(of_week, encode_watts(mean_w), WEEK_HOURS).shrunk_to(kinds)


def day_profile(index: NDArray[np.int64], mean_w: NDArray[np.float64]) -> Level:
    """Return the level of 24 hours of weekdays and 24 of weekends from 5-minute means.

    Each is shrunk to the same hour of any day, and that to the whole.
    """
    code, of_week = encode_watts(mean_w), hour_of_week(index * BLOCK_MS)
    whole = _group(np.zeros_like(of_week), code, 1)
    hour = _group(of_week % 24, code, 24).shrunk_to(whole.at(np.zeros(24, dtype=np.int64)))
    return _group(day_kind(of_week), code, 48).shrunk_to(hour.at(np.arange(48) % 24))


def day_kind(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0..23 for the hours of weekdays and 24..47 for those of weekends, of hours of the week."""
    return np.where(hour >= _SATURDAY, 24, 0) + hour % 24


def _group(group: NDArray[np.int64], code: NDArray[np.uint16], groups: int) -> Level:
    """Return each group's median and spread: the wider of MAD and tails, so that a level seldom taken is in it.

    A median of codes is the code of the median, and sorting whole numbers costs a tenth of sorting rows.
    """
    size = np.bincount(group, minlength=groups)
    median = _quantiles(group, code, size, (0.5,))[0]
    low, high = _quantiles(group, code, size, _TAILS)
    away = encode_watts(np.abs(decode_watts(code) - median[group]))
    mad = _quantiles(group, away, size, (0.5,))[0]
    spread = np.maximum(_MAD_TO_SD * mad, (high - low) / _TAILS_TO_SD)
    return Level(median, spread, size / _PER_HOUR)


def _quantiles(
    group: NDArray[np.int64], code: NDArray[np.uint16], size: NDArray[np.int64], shares: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the quantiles of each group in watts, float64[shares, groups]; 0 for a group without values."""
    ordered = np.sort((group << 16) | code) & 0xFFFF
    starts = np.cumsum(size) - size
    # The place of a group without values may lie outside the rows: it is clipped here and its value dropped below.
    at = [np.minimum(starts + np.rint(share * (size - 1)).astype(np.int64), len(code) - 1) for share in shares]
    found = decode_watts(ordered[np.maximum(at, 0)].astype(np.uint16)).astype(np.float64)
    return np.where(size > 0, found, 0.0)
