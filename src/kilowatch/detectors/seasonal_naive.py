"""Each hour against the same hour one, two, three and seven days ago: a calendar that needs no calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.quantise import decode_watts
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.window import WindowRing
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.hourly import Hourly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

LAGS_H = (24, 48, 72, 168)
_RING_H = 169
_LEAST_DAYS = 3
_FLOOR_W = 1.0
_FLOOR_SHARE = 0.03


class SeasonalNaive(PerDevice):
    """|hour - median of the same hours before| / usual spread of that distance; 376 bytes a device."""

    name = "seasonal_naive"
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "naive_spread_w": Column(np.float32, fill=np.nan),
        "naive_codes": Column(np.uint16, _RING_H),
        "naive_hour_w": Column(np.float32, fill=np.nan),
        "naive_usual_w": Column(np.float32, fill=np.nan),
    }
    naive_spread_w: NDArray[np.float32]
    naive_codes: NDArray[np.uint16]
    naive_hour_w: NDArray[np.float32]
    naive_usual_w: NDArray[np.float32]

    def __init__(self) -> None:
        super().__init__()
        self._hourly = Hourly()
        self.parts = (self._hourly,)

    def fit(self, slot: int, history: Series) -> None:
        """Learn how far hours are from the same hours before; under three days leave the device as it was."""
        hour_w = block_means(history, HOUR_MS).spread_out()
        if len(hour_w) < 24 * _LEAST_DAYS:
            return
        lagged = [np.concatenate([np.full(min(lag, len(hour_w)), np.nan), hour_w[:-lag]]) for lag in LAGS_H]
        away_w = np.abs(hour_w - _median(lagged))
        known = away_w[~np.isnan(away_w)]
        if len(known) < 24:
            return
        middle_w, high_w = np.quantile(known, (0.5, 0.9))
        floor_w = max(_FLOOR_W, _FLOOR_SHARE * float(np.nanmean(hour_w)))
        self.naive_spread_w[slot] = max(1.4826 * float(middle_w), float(high_w) / 1.645, floor_w)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return how far the last whole hour was from what the days before had, NaN until a day is known."""
        hours = self._hourly.advance(samples)
        made = hours.samples
        hour_w, usual_w = made.power_w, self._usual(made)
        now_w = hours.spread(hour_w, self.naive_hour_w[samples.slot])
        now_usual_w = hours.spread(usual_w, self.naive_usual_w[samples.slot])
        owner, ends = made.segments.slot, made.segments.ends
        self.naive_hour_w[owner], self.naive_usual_w[owner] = hour_w[ends], usual_w[ends]
        raw = np.abs(now_w - now_usual_w) / self.naive_spread_w[samples.slot]
        return Scores(raw.astype(np.float32), facts={"hour_w": now_w, "usual_w": now_usual_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what the hour drew, and what it did on the days before."""
        return f"drew {watts(facts['hour_w'])} in an hour that drew {watts(facts['usual_w'])} on the days before"

    def clone(self) -> SeasonalNaive:
        """Return the same method without devices."""
        return SeasonalNaive()

    def _usual(self, hours: Samples) -> NDArray[np.float32]:
        ring = WindowRing(_RING_H)
        ring.codes = self.naive_codes
        view = ring.view(hours)
        lagged = [np.where(hours.count > lag, decode_watts(view.lagged(lag)), np.float32(np.nan)) for lag in LAGS_H]
        ring.commit(view)
        return _median(lagged).astype(np.float32)


def _median(columns: list[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return the median of the known values of each row, NaN where there is none."""
    ordered = np.sort(np.column_stack(columns), axis=1)
    known = (~np.isnan(ordered)).sum(axis=1)
    row = np.arange(len(ordered))
    low, high = np.maximum(known - 1, 0) // 2, known // 2 * (known > 0)
    high = np.minimum(high, np.maximum(known - 1, 0))
    return np.where(known > 0, (ordered[row, low] + ordered[row, high]) / 2, np.nan)
