"""A step larger than any the device makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, series_of
from kilowatch.detectors.jump import Jump

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestJump(Battery):
    bytes_per_device = 4
    excess_samples = 1

    def make(self) -> Detector:
        return Jump()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 10] += 2000.0
        return watts, PER_DAY

    def test_one_is_the_largest_usual_step_either_way(self) -> None:
        watts = np.array([0.0, 95.0, 0.0, 190.0])
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert np.isnan(raw[0])
        np.testing.assert_allclose(raw[1:], [0.96, 0.96, 1.92], atol=0.05)

    def test_a_step_over_a_gap_is_none(self) -> None:
        raw = self.fitted().feed(Arrivals.of([0.0, 0.0, 5000.0, 5000.0], start_ms=self.live_ms, gaps=[2]))
        assert np.isnan(raw[[0, 2]]).all()
        assert raw[3] == 0

    def test_a_gap_in_the_past_teaches_no_step(self) -> None:
        watts = np.where(np.arange(4000) < 2000, 10.0, 5000.0)
        past = series_of(watts)
        past.count[2000:] -= 2000
        watch = Watch.over(Jump())
        watch.detector.fit(0, past)
        assert watch.feed(Arrivals.of([10.0, 5000.0], start_ms=self.live_ms))[1] > 100

    def test_it_cannot_see_slow_change(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.linspace(0, 9000, 1000), start_ms=self.live_ms))
        assert np.nanmax(raw) < 0.5

    def test_it_says_which_way(self) -> None:
        phrases = [Jump().phrase({"step_w": step_w, "power_w": 100.0}) for step_w in (60.0, -60.0)]
        assert phrases == [f"jumped {way} by 60 W to 100 W, more than it ever does" for way in ("up", "down")]
