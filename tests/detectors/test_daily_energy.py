"""A day's energy: a third too little is found within a day, an ordinary week is quiet, hours add up exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals
from kilowatch.detectors.daily_energy import DailyEnergy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestDailyEnergy(Battery):
    bytes_per_device = 101
    warm_up = 25 * PER_DAY // 24
    restarts = False

    def make(self) -> Detector:
        return DailyEnergy()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(5, 100)
        watts[2 * PER_DAY :] *= 0.4
        return watts, 2 * PER_DAY

    def test_the_energy_of_a_day_is_the_sum_of_its_hours(self) -> None:
        watts = self.normal_w(3, 100)
        watch, arrivals = self.fitted(), Arrivals.of(watts, start_ms=self.live_ms)
        _, samples = arrivals.batch()
        scores = watch.score(samples)
        row = 2 * PER_DAY + 30
        hour = (samples.local_ms[row] // 3_600_000) * 3_600_000
        day = (samples.local_ms >= hour - 86_400_000) & (samples.local_ms < hour)
        assert scores.facts["day_wh"][row] == pytest.approx(24 * samples.power_w[day].mean(), rel=0.01)
