"""Energy of the last 24 hours against what such hours usually need: the slow channel for theft and standby growth.

What an hour hides in the noise, a day shows: a tenth less at every hour is nothing in a window and plain in a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import energy
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.day_profile import DayProfile
from kilowatch.detectors.hours import HourRing
from kilowatch.detectors.spread import robust_spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_DAY = 24
_LEAST_HOURS = 72
_LEAST_OF_DAY = 20
"""Hours of a day that must have been measured."""
_FLOOR_W, _FLOOR_OF_MEAN = 0.5, 0.03


class DailyEnergy(PerDevice):
    """|mean of the last 24 whole hours - usual| / its spread; 126 bytes a device."""

    name = "daily_energy"
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "spread_w": Column(np.float32, fill=np.nan),
        "day_w": Column(np.float32, fill=np.nan),
        "usual_w": Column(np.float32, fill=np.nan),
    }
    spread_w: NDArray[np.float32]
    day_w: NDArray[np.float32]
    usual_w: NDArray[np.float32]

    def __init__(self) -> None:
        super().__init__()
        self._ring, self._profile = HourRing(_DAY), DayProfile()
        self.parts = (self._ring, self._profile)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the day of one device and how far its days stray from it; under 72 hours leave it as it was."""
        hours = block_means(history, HOUR_MS)
        if len(hours) < _LEAST_HOURS:
            return
        self._profile.fit(slot, hours)
        usual_w = self._profile.watts(slot, np.arange(hours.index.min(), hours.index.max() + 1))
        stray_w = _day_means(hours.spread_out() - usual_w)
        if np.isnan(stray_w).all():
            return
        floor_w = max(_FLOOR_W, _FLOOR_OF_MEAN * float(hours.mean_w.mean()))
        self.spread_w[slot] = max(robust_spread(stray_w[~np.isnan(stray_w)]), floor_w)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return how far the last 24 whole hours stray; the same until the next hour is whole."""
        hours = self._ring.totals.advance(samples)
        day_w, usual_w = self.day_w[hours.slot], self.usual_w[hours.slot]
        # Turn by turn: the ring holds 24 hours, so each day must be read before later hours of the batch replace it.
        for turn in hours.turns():
            self._ring.write(hours, turn)
            slot = hours.slot[turn]
            day_w[turn], usual_w[turn] = self._last_day(slot, hours.hour[turn])
            self.day_w[slot], self.usual_w[slot] = day_w[turn], usual_w[turn]
        day_w, usual_w = day_w[hours.pieces.of_row], usual_w[hours.pieces.of_row]
        raw = np.abs(day_w - usual_w) / self.spread_w[samples.slot]
        return Scores(raw, facts={"day_wh": _DAY * day_w, "usual_wh": _DAY * usual_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say how much energy it was, and what is usual."""
        return f"used {energy(facts['day_wh'])} in 24 hours; usually about {energy(facts['usual_wh'])}"

    def clone(self) -> DailyEnergy:
        """Return the same method without devices."""
        return DailyEnergy()

    def _last_day(
        self, slot: NDArray[np.int32], hour: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean of the 24 hours before `hour` and its usual value, NaN where too few were measured."""
        before = hour[:, None] - 1 - np.arange(_DAY)
        mean_w, usual_w = self._ring.read(slot[:, None], before), self._profile.watts(slot[:, None], before)
        known = ~np.isnan(mean_w)
        size = np.where(known.sum(axis=1) >= _LEAST_OF_DAY, known.sum(axis=1), np.nan)
        return np.where(known, mean_w, 0.0).sum(axis=1) / size, np.where(known, usual_w, 0.0).sum(axis=1) / size


def _day_means(hourly_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each 24 hours in a row, NaN where too few of them are known."""
    known = ~np.isnan(hourly_w)
    total, size = (np.cumsum(np.append(0.0, part)) for part in (np.where(known, hourly_w, 0.0), known))
    of_day = size[_DAY:] - size[:-_DAY]
    return (total[_DAY:] - total[:-_DAY]) / np.where(of_day >= _LEAST_OF_DAY, of_day, np.nan)
