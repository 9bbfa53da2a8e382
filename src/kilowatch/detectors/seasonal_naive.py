"""Residual to the same hour one, two, three and seven days ago: a baseline that knows no calendar.

Kept as means of hours in place of a week of readings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.samples import HOUR_MS, WEEK_HOURS
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.hours import HourRing
from kilowatch.detectors.profile import BLOCK_MS
from kilowatch.detectors.rolling import LONGEST, RollingMean, share_in_hour
from kilowatch.detectors.spread import robust_spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LAGS = np.array([24, 48, 72, 168])
_LEAST_KNOWN = 2
_LEAST_BLOCKS = 72 * 12
_FLOOR_W = 1.0
_OF_LEVEL = 0.05
"""Loads stray in proportion to what they draw, beside their usual spread."""


class SeasonalNaive(PerDevice):
    """|mean of five minutes - median of those hours| over the residual's spread; 366 bytes a device."""

    name = "seasonal_naive"
    needs = LONGEST
    columns: ClassVar[Mapping[str, Column]] = {
        "spread_w": Column(np.float32, fill=np.nan),
        "usual_w": Column(np.float32, fill=np.nan),
        "before_w": Column(np.float32, fill=np.nan),
    }
    spread_w: NDArray[np.float32]
    usual_w: NDArray[np.float32]
    before_w: NDArray[np.float32]

    def __init__(self) -> None:
        super().__init__()
        self._ring, self._rolling = HourRing(WEEK_HOURS), RollingMean()
        self.parts = (self._ring, self._rolling)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the spread of one device's residual; too few days that follow each other leave it as it was."""
        blocks, hours = block_means(history, BLOCK_MS), block_means(history, HOUR_MS)
        if len(blocks) < _LEAST_BLOCKS:
            return
        first, hourly_w = hours.index.min(), hours.spread_out()
        padded_w = np.append(np.full(WEEK_HOURS, np.nan), hourly_w)
        usual_w = _median_known(padded_w[np.arange(len(hourly_w))[:, None] + WEEK_HOURS - _LAGS])
        place = np.clip(blocks.index * BLOCK_MS // HOUR_MS - first, 0, len(usual_w) - 1)
        residual_w = blocks.mean_w - usual_w[place]
        known = ~np.isnan(residual_w)
        if known.sum() < _LEAST_BLOCKS / 3:
            return
        self.spread_w[slot] = max(robust_spread(residual_w[known]), _FLOOR_W)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the residuals of the last five minutes."""
        mean_w, usual_w = self._rolling.advance(samples, view), self._advance(samples)
        raw = np.abs(mean_w - usual_w) / (self.spread_w[samples.slot] + _OF_LEVEL * usual_w)
        return Scores(raw.astype(np.float32), facts={"mean_w": mean_w, "usual_w": usual_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws and what it drew at this hour."""
        return f"draws {watts(facts['mean_w'])} on average; at this hour of recent days {watts(facts['usual_w'])}"

    def clone(self) -> SeasonalNaive:
        """Return the same method without devices."""
        return SeasonalNaive()

    def _advance(self, samples: Samples) -> NDArray[np.float64]:
        """Return what is usual in each sample's five minutes, of both hours where one began within; move past them."""
        hours = self._ring.totals.advance(samples)
        usual_w, before_w = self.usual_w[hours.slot], self.before_w[hours.slot]
        for turn in hours.turns():
            self._ring.write(hours, turn)
            slot, hour = hours.slot[turn], hours.hour[turn]
            usual_w[turn] = _median_known(self._ring.read(slot[:, None], hour[:, None] - _LAGS))
            # After hours that were missed, what is kept belongs to an older hour than the one before.
            before_w[turn] = np.where(hour - hours.last_hour[turn] == 1, self.usual_w[slot], np.nan)
            self.usual_w[slot], self.before_w[slot] = usual_w[turn], before_w[turn]
        now_w, then_w = (each[hours.pieces.of_row].astype(np.float64) for each in (usual_w, before_w))
        inside = share_in_hour(samples, hours.hour[hours.pieces.of_row])
        return now_w + np.where(np.isnan(then_w), 0.0, (1 - inside) * (then_w - now_w))


def _median_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each row's known values, NaN where fewer than two are."""
    # NaN sorts last, so the known values of a row are its first.
    ordered, known = np.sort(values, axis=1), (~np.isnan(values)).sum(axis=1)
    row = np.arange(len(values))
    middle = (ordered[row, np.maximum(known - 1, 0) // 2] + ordered[row, known // 2 % values.shape[1]]) / 2
    return np.where(known >= _LEAST_KNOWN, middle, np.nan)
