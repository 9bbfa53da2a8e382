"""The week of a device: what is usual on Monday at nine is odd at night, and few Mondays are not believed blindly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import GRID_MS, PER_DAY, Arrivals, Watch, office, series_of
from kilowatch.detectors.hour_of_week import HourOfWeek

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestHourOfWeek(Battery):
    excess_samples = 10
    bytes_per_device = 508

    def make(self) -> Detector:
        return HourOfWeek()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return office(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[2 * PER_HOUR : 5 * PER_HOUR] = 4000.0
        return watts, 2 * PER_HOUR

    def test_daytime_power_is_odd_at_night_only(self) -> None:
        watts, _ = self.faulty_w()
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert raw[12 * PER_HOUR] < 2 < 6 < raw[3 * PER_HOUR]

    def test_the_band_holds_what_is_usual(self) -> None:
        watch, (_, samples) = self.fitted(), self.live(7).batch()
        scores = watch.score(samples)
        assert scores.low_w is not None
        assert scores.high_w is not None
        mean_w = scores.facts["mean_w"]
        inside = (scores.low_w <= mean_w) & (mean_w <= scores.high_w)
        np.testing.assert_array_equal(inside[10:], scores.raw[10:] <= 1)
        assert inside[10:].mean() > 0.8

    def test_less_than_usual_is_odd_too(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.zeros(PER_DAY), start_ms=self.live_ms))
        assert raw[12 * PER_HOUR] > 3

    def test_the_mean_is_of_five_minutes_on_any_grid(self) -> None:
        for grid_ms, samples in ((30_000, 10), (60_000, 5), (300_000, 1), (900_000, 1)):
            watch = Watch.over(HourOfWeek())
            watch.detector.fit(0, series_of(office(14, grid_ms=grid_ms), grid_ms=grid_ms))
            calm, spike = np.full(40, 1000.0), np.full(40, 1000.0)
            spike[20] = 9000.0
            scores = [watch.feed(Arrivals.of(w, start_ms=self.live_ms, grid_ms=grid_ms)) for w in (calm, spike)]
            moved = np.flatnonzero(scores[0] != scores[1])
            np.testing.assert_array_equal(moved[moved >= 20], np.arange(20, 20 + samples))

    def test_one_week_leaves_more_room_than_four(self) -> None:
        widths = []
        for weeks in (1, 4):
            watch = Watch.over(HourOfWeek())
            watch.detector.fit(0, series_of(office(7 * weeks)))
            _, samples = self.live(7).batch()
            scores = watch.score(samples)
            assert scores.low_w is not None
            assert scores.high_w is not None
            widths.append(float(np.mean(scores.high_w - scores.low_w)))
        assert widths[0] > 1.2 * widths[1]

    @pytest.mark.parametrize("hours", [1, 47])
    def test_two_days_are_needed(self, hours: int) -> None:
        watch = Watch.over(HourOfWeek())
        watch.detector.fit(0, series_of(office(2)[: hours * PER_HOUR]))
        assert np.isnan(watch.feed(self.live())).all()

    def test_summer_time_does_not_matter_to_the_week(self) -> None:
        arrivals = self.live(1)
        rows, samples = arrivals.batch()
        object.__setattr__(samples, "local_ms", samples.ts_ms + 3_600_000)
        shifted = self.fitted().score(samples).raw
        later = Arrivals.of(self.normal_w(1, 100), start_ms=self.live_ms + 120 * GRID_MS)
        np.testing.assert_array_equal(shifted[rows], self.fitted().feed(later))
