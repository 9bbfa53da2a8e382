"""A day that needs too little or too much is seen, however quiet each of its hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, office
from kilowatch.detectors.daily_energy import DailyEnergy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestDailyEnergy(Battery):
    restarts = False
    excess_samples = 241
    warm_up = 20 * PER_HOUR
    bytes_per_device = 126

    def make(self) -> Detector:
        return DailyEnergy()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return office(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(4, 100)
        watts[2 * PER_DAY :] *= 0.7
        return watts, 2 * PER_DAY

    def test_the_score_moves_once_an_hour(self) -> None:
        raw = self.fitted().feed(self.live(3))[self.warm_up :]
        moves = np.flatnonzero(np.diff(raw)) + 1 + self.warm_up
        assert (moves % PER_HOUR == 0).all()
        assert len(moves) > 24

    @pytest.mark.parametrize("day", [5, 6])
    def test_a_working_day_on_a_weekend_is_odd(self, day: int) -> None:
        calm = self.normal_w(7, 100)
        busy = calm.copy()
        busy[day * PER_DAY : (day + 1) * PER_DAY] = calm[PER_DAY : 2 * PER_DAY]
        worst = [np.nanmax(self.fitted().feed(Arrivals.of(w, start_ms=self.live_ms))) for w in (calm, busy)]
        assert worst[1] > 3 * worst[0]

    def test_a_day_with_few_hours_measured_is_not_judged(self) -> None:
        watch = self.fitted()
        watch.feed(self.live(1))
        half_a_day_later = Arrivals.of(self.normal_w(1, 100)[:PER_HOUR], start_ms=self.live_ms + 36 * 3_600_000)
        assert np.isnan(watch.feed(half_a_day_later)).all()

    def test_the_words_hold_the_energy(self) -> None:
        watch, (_, samples) = self.fitted(), self.live(2).batch()
        facts = watch.score(samples).facts
        day = samples.power_w[:PER_DAY].mean() * 24
        np.testing.assert_allclose(facts["day_wh"][PER_DAY], day, rtol=1e-3)
        words = watch.detector.phrase({"day_wh": 3200.0, "usual_wh": 51_000.0})
        assert words == "used 3.2 kWh in 24 hours; usually about 51 kWh"
