"""The energy of the last 24 hours against days past: theft by a share, a load that stays, seen only over days."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import energy
from kilowatch.core.quantise import decode_watts
from kilowatch.core.samples import HOUR_MS, hour_of_week
from kilowatch.core.window import WindowRing
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.hourly import Hourly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

DAY_HOURS = 24
_LEAST_DAYS = 3
_SATURDAY = 120
_FLOOR = 0.05
"""Days differ by some per cent with the weather and the calendar, whatever the weeks before say."""
_FLOOR_W = 1.0
_PRIOR_DAYS = 2.0


class DailyEnergy(PerDevice):
    """|log of energy over the usual| / usual spread, for weekdays and weekends; 101 bytes a device."""

    name = "daily_energy"
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "day_log": Column(np.float32, 2, fill=np.nan),
        "day_spread": Column(np.float32, 2, fill=np.nan),
        "day_w": Column(np.float32, fill=np.nan),
        "day_kind": Column(np.uint8),
    }
    day_log: NDArray[np.float32]
    day_spread: NDArray[np.float32]
    day_w: NDArray[np.float32]
    day_kind: NDArray[np.uint8]

    def __init__(self) -> None:
        super().__init__()
        self._hourly = Hourly()
        self._ring = _HourRing()
        self.parts = (self._hourly, self._ring)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the usual energy of 24 hours; under three whole days leave the device as it was."""
        hours = block_means(history, HOUR_MS)
        mean_w = hours.spread_out()
        if len(mean_w) < DAY_HOURS * _LEAST_DAYS:
            return
        windows = np.lib.stride_tricks.sliding_window_view(mean_w, DAY_HOURS).mean(axis=1)
        end = hours.index.min() + DAY_HOURS + np.arange(len(windows))
        whole = ~np.isnan(windows)
        if int(whole.sum()) < DAY_HOURS * (_LEAST_DAYS - 1):
            return
        logs = np.log(np.maximum(windows[whole], _FLOOR_W))
        kind = _kind_of(end[whole])
        centre, spread = _robust(logs)
        for which in range(2):
            own = logs[kind == which]
            weight = len(own) / DAY_HOURS / (len(own) / DAY_HOURS + _PRIOR_DAYS)
            own_centre, own_spread = _robust(own) if len(own) else (centre, spread)
            apart = own_centre - centre
            mixed = weight * own_spread**2 + (1 - weight) * spread**2 + weight * (1 - weight) * apart**2
            self.day_log[slot, which] = weight * own_centre + (1 - weight) * centre
            self.day_spread[slot, which] = max(float(np.sqrt(mixed)), _FLOOR)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return how unusual the energy of the 24 hours before each sample's hour is, NaN until there are so many."""
        hours = self._hourly.advance(samples)
        made = hours.samples
        mean_w = self._ring.mean_w(made).astype(np.float32)
        kind = _kind_of(made.local_ms // HOUR_MS).astype(np.uint8)
        now_w = hours.spread(mean_w, self.day_w[samples.slot])
        now_kind = hours.spread(kind, self.day_kind[samples.slot])
        owner, ends = made.segments.slot, made.segments.ends
        self.day_w[owner], self.day_kind[owner] = mean_w[ends], kind[ends]
        usual = self.day_log[samples.slot, now_kind].astype(np.float64)
        off = np.log(np.maximum(now_w.astype(np.float64), _FLOOR_W)) - usual
        raw = np.abs(off) / self.day_spread[samples.slot, now_kind]
        facts = {"day_wh": DAY_HOURS * now_w.astype(np.float64), "usual_wh": DAY_HOURS * np.exp(usual)}
        return Scores(raw.astype(np.float32), facts=facts)

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what was used in a day, and what usually is."""
        return f"{energy(facts['day_wh'])} in 24 h; usually about {energy(facts['usual_wh'])}"

    def clone(self) -> DailyEnergy:
        """Return the same method without devices."""
        return DailyEnergy()


class _HourRing(PerDevice):
    """The last 24 hourly means of each device, and their exact sum."""

    columns: ClassVar[Mapping[str, Column]] = {
        "hour_codes": Column(np.uint16, DAY_HOURS + 1),
        "day_dw": Column(np.int64),
    }
    hour_codes: NDArray[np.uint16]
    day_dw: NDArray[np.int64]

    def mean_w(self, hours: Samples) -> NDArray[np.float64]:
        """Return the mean watts of the 24 hours that end with each, NaN where one is missing; move past them."""
        ring = WindowRing(DAY_HOURS + 1)
        ring.codes = self.hour_codes
        view = ring.view(hours)
        leaving_dw = np.rint(decode_watts(view.lagged(DAY_HOURS)) * np.float64(10)).astype(np.int64)
        segments = hours.segments
        fresh = hours.count == 1
        change = hours.deciwatts - leaving_dw
        total = segments.running_sum(change, self.day_dw[segments.slot])
        if fresh.any():
            base = segments.fill_forward(total - hours.deciwatts, fresh, np.zeros(len(segments), dtype=np.int64))
            total = total - base
        self.day_dw[segments.slot] = total[segments.ends]
        ring.commit(view)
        return np.where(hours.count >= DAY_HOURS, total / (10.0 * DAY_HOURS), np.nan)


def _kind_of(end_hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 1 where the middle of the 24 hours that end there lies on a weekend, else 0."""
    return (hour_of_week((end_hour - DAY_HOURS // 2) * HOUR_MS) >= _SATURDAY).astype(np.int64)


def _robust(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return centre and spread: the wider of MAD and the outer tenths, so that a sort of day seldom met is in it."""
    centre = float(np.median(values))
    low, high = np.quantile(values, (0.05, 0.95))
    return centre, max(1.4826 * float(np.median(np.abs(values - centre))), float(high - low) / 3.29)
