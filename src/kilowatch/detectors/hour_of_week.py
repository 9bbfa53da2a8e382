"""Robust z-score of the last five minutes against what the device draws at this hour of the week.

The strongest simple baseline on meters (notes on detection, section 5.1): median and MAD for each local hour of
the week, here with shrinkage, because four Mondays are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import band, watts
from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.core.samples import HOUR_MS, WEEK_HOURS, hour_of_week
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.logscale import WATTS
from kilowatch.detectors.profile import BLOCK_MS, day_kind, day_profile, week_profile
from kilowatch.detectors.rolling import LONGEST, RollingMean, share_in_hour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView
    from kilowatch.detectors.blocks import Blocks
    from kilowatch.detectors.profile import Level

_LEAST_BLOCKS = 48 * 12
"""Two days: below that an hour of the day was seen once."""
_FLOOR_W = 1.0
_FLOOR_OF_LEVEL = 0.03
"""Meters and plugs are good to a few per cent: closer than that nothing is odd."""
_FLOOR_OF_RANGE = 0.1
"""An hour that was always quiet is still the same device: its own swing elsewhere bounds how sure one can be."""


class HourOfWeek(PerDevice):
    """|mean of five minutes - median| / spread of this hour of the week; 508 bytes a device."""

    name = "hour_of_week"
    needs = LONGEST
    columns: ClassVar[Mapping[str, Column]] = {
        "median": Column(np.uint16, WEEK_HOURS, by_place=True),
        "spread": Column(np.uint8, WEEK_HOURS, by_place=True),
    }
    median: NDArray[np.uint16]
    spread: NDArray[np.uint8]

    def __init__(self) -> None:
        super().__init__()
        self._rolling = RollingMean()
        self.parts = (self._rolling,)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the week of one device; under two days leave it as it was."""
        blocks = block_means(history, BLOCK_MS)
        if len(blocks) < _LEAST_BLOCKS:
            return
        week = self._profile(blocks)
        low_w, high_w = np.quantile(blocks.mean_w, (0.01, 0.99))
        floor_w = np.maximum(_FLOOR_OF_LEVEL * week.median_w, _FLOOR_OF_RANGE * (high_w - low_w))
        self.median[slot] = encode_watts(week.median_w)
        self.spread[slot] = WATTS.encode(np.maximum(np.maximum(week.spread_w, floor_w), _FLOOR_W))

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the z-scores, with the band of one spread about the median."""
        mean_w = self._rolling.advance(samples, view)
        median_w, spread_w = self._usual(samples)
        raw = np.abs(mean_w - median_w) / spread_w
        low_w = (median_w - spread_w).astype(np.float32)
        high_w = (median_w + spread_w).astype(np.float32)
        return Scores(raw.astype(np.float32), low_w, high_w, {"mean_w": mean_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws and what is usual at this hour."""
        usual = band(facts.get("low_w", np.nan), facts.get("high_w", np.nan))
        return f"draws {watts(facts['mean_w'])} on average; usually {usual or 'another power'} at this hour of the week"

    def clone(self) -> HourOfWeek:
        """Return the same method without devices."""
        return type(self)()

    @staticmethod
    def _profile(blocks: Blocks) -> Level:
        return week_profile(blocks.index, blocks.mean_w)

    @staticmethod
    def _place(hour: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the column of each hour of the week."""
        return hour

    def _usual(self, samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the median and spread of each sample's five minutes; where an hour began within, of both hours."""
        since_1970 = samples.local_ms // HOUR_MS
        inside, hour = share_in_hour(samples, since_1970), hour_of_week(since_1970 * HOUR_MS)
        median_w, spread_w = self._learnt(samples.slot, hour)
        young = np.flatnonzero(inside < 1)
        if len(young):
            before_w, before_spread_w = self._learnt(samples.slot[young], (hour[young] - 1) % WEEK_HOURS)
            median_w[young] = before_w + inside[young] * (median_w[young] - before_w)
            # The wider of both: five minutes that lie in two hours may behave like either.
            spread_w[young] = np.fmax(spread_w[young], before_spread_w)
        return median_w, spread_w

    def _learnt(
        self, slot: NDArray[np.int32], hour: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        place = self._place(hour)
        median_w = decode_watts(self.median[slot, place]).astype(np.float64)
        return median_w, WATTS.decode(self.spread[slot, place])


class HourOfDay(HourOfWeek):
    """The same for 24 hours of weekdays and 24 of weekends: 148 bytes a device, what a fleet can afford."""

    name = "hour_of_day"
    columns: ClassVar[Mapping[str, Column]] = {"median": Column(np.uint16, 48), "spread": Column(np.uint8, 48)}

    @staticmethod
    def _profile(blocks: Blocks) -> Level:
        return day_profile(blocks.index, blocks.mean_w)

    @staticmethod
    def _place(hour: NDArray[np.int64]) -> NDArray[np.int64]:
        return day_kind(hour)
