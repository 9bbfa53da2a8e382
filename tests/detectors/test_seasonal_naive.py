"""Yesterday and last week are the forecast, without a calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, office
from kilowatch.detectors.seasonal_naive import SeasonalNaive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestSeasonalNaive(Battery):
    restarts = False
    excess_samples = 10
    warm_up = 2 * PER_DAY
    bytes_per_device = 366

    def make(self) -> Detector:
        return SeasonalNaive()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return office(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts, begin = self.normal_w(4, 100), 3 * PER_DAY + 2 * PER_HOUR
        watts[begin : begin + PER_HOUR] = 9000.0
        return watts, begin

    def test_the_median_of_four_days_forgives_one_odd_day(self) -> None:
        watts = self.normal_w(11, 100)
        calm = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))[10 * PER_DAY + 10 :]
        watts[9 * PER_DAY : 10 * PER_DAY] = 20_000.0
        after_odd_day = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))[10 * PER_DAY + 10 :]
        assert after_odd_day.max() < 2 * calm.max()

    def test_hours_that_were_missed_are_not_last_weeks(self) -> None:
        watch = self.fitted()
        watch.feed(self.live(7))
        two_weeks_later = Arrivals.of(self.normal_w(1, 100), start_ms=self.live_ms + 21 * 86_400_000)
        assert np.isnan(watch.feed(two_weeks_later)).all()
