"""Frozen readings are found at any level but the one at which the device rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, office, series_of, television
from kilowatch.detectors.flatness import Flatness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestFlatness(Battery):
    bytes_per_device = 8

    def make(self) -> Detector:
        return Flatness()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return office(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 4 * PER_HOUR] = watts[PER_DAY]
        return watts, PER_DAY

    @pytest.mark.parametrize("level_w", [0.0, 1e3, 1e5])
    def test_a_meter_frozen_at_any_level_scores_by_the_time(self, level_w: float) -> None:
        raw = self.fitted().feed(Arrivals.of(np.full(PER_HOUR, level_w), start_ms=self.live_ms))
        assert (np.diff(raw[1:]) > 0).all()
        assert raw[-1] > 5

    def test_an_idle_plug_is_no_frozen_plug(self) -> None:
        watch = Watch.over(Flatness())
        watch.detector.fit(0, series_of(television(14)))
        idle = watch.feed(Arrivals.of(np.full(2 * PER_DAY, 1.0), start_ms=self.live_ms))
        frozen = watch.feed(Arrivals.of(np.full(PER_HOUR, 100.0), start_ms=self.live_ms + 5 * 86_400_000))
        assert np.nanmax(idle) == 0
        assert frozen[-1] > 5

    def test_the_last_digit_may_flicker(self) -> None:
        flicker = 1000 + 0.2 * (np.arange(PER_HOUR) % 2)
        raw = self.fitted().feed(Arrivals.of(flicker, start_ms=self.live_ms))
        assert raw[-1] > 5

    def test_values_carried_over_are_not_evidence(self) -> None:
        watts = np.full(60, 1234.0)
        measured = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        carried = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms, held=range(1, 60)))
        assert measured[-1] > 3
        assert np.nanmax(carried) == 0
