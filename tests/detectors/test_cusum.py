"""Small shifts that last pile up; what averages out does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, office
from kilowatch.detectors.cusum import Cusum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestCusum(Battery):
    restarts = False
    excess_samples = 241
    bytes_per_device = 78

    def make(self) -> Detector:
        return Cusum()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return office(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(4, 100)
        watts[PER_DAY:] *= 1.15
        return watts, PER_DAY

    @pytest.mark.parametrize("factor", [0.8, 1.2])
    def test_a_fifth_more_or_less_shows_within_a_day(self, factor: float) -> None:
        watts = self.normal_w(3, 100)
        watts[PER_DAY:] *= factor
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert raw[:PER_DAY].max() < 1 < raw[PER_DAY : 2 * PER_DAY].max()

    def test_it_comes_down_after_the_fault(self) -> None:
        watts = self.normal_w(7, 100)
        watts[PER_DAY : 3 * PER_DAY] *= 1.5
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert raw[:PER_DAY].max() < 1 < raw[2 * PER_DAY : 3 * PER_DAY].max() <= 3
        assert raw[5 * PER_DAY :].max() < 1

    def test_gaps_of_minutes_do_not_hide_theft(self) -> None:
        watts = self.normal_w(3, 100)
        watts[PER_DAY:] *= 0.8
        whole = Arrivals.of(watts, start_ms=self.live_ms)
        holed = whole.without(np.arange(len(whole)) % 200 < 20)
        scores = [self.fitted().feed(each) for each in (whole, holed)]
        assert scores[1].max() > 1
        np.testing.assert_allclose(scores[1][-1], scores[0][-1], rtol=0.05)

    def test_a_silence_of_days_begins_anew(self) -> None:
        watch, (watts, _) = self.fitted(), self.faulty_w()
        assert watch.feed(Arrivals.of(watts, start_ms=self.live_ms))[-1] > 1
        later_ms = self.live_ms + 14 * 86_400_000
        assert watch.feed(Arrivals.of(self.normal_w(1, 100), start_ms=later_ms)).max() < 0.5
