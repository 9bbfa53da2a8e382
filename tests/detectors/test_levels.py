"""A power at which the device almost never was, whatever the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, fridge
from kilowatch.detectors.levels import Levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestLevels(Battery):
    bytes_per_device = 263

    def make(self) -> Detector:
        return Levels()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY:] *= 0.6
        return watts, PER_DAY

    @pytest.mark.parametrize("share", [0.3, 0.6, 1.5, 5.0])
    def test_a_share_of_a_known_level_is_unknown(self, share: float) -> None:
        on = np.full(PER_HOUR, 90.0)
        known, unknown = (self.fitted().feed(Arrivals.of(w, start_ms=self.live_ms)) for w in (on, share * on))
        assert unknown[-1] > 8 > 3 > known[-1]

    def test_below_a_hundredth_all_is_one_level(self) -> None:
        watch = self.fitted()
        said = [watch.feed(Arrivals.of(np.full(30, w), start_ms=self.live_ms))[-1] for w in (0.0, 0.3, 0.8)]
        assert said[0] == said[1] == said[2] < 2

    def test_one_odd_sample_counts_for_a_tenth(self) -> None:
        watts = np.append(np.full(PER_HOUR, 90.0), [400.0, *np.full(30, 90.0)])
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        calm, odd = raw[PER_HOUR - 1], raw[PER_HOUR]
        assert 0.5 < odd - calm < 1.2
        assert raw[-1] == calm

    def test_it_cannot_see_a_usual_level_that_goes_on(self) -> None:
        stuck_on = np.append(fridge(1, seed=100), np.random.default_rng(0).normal(90, 1, PER_DAY))
        raw = self.fitted().feed(Arrivals.of(stuck_on, start_ms=self.live_ms))
        assert raw[PER_DAY:].max() < 1.2 * self.worst_normal()
