"""A new level shows within minutes and is forgotten within a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals
from kilowatch.detectors.ewma import Ewma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestEwma(Battery):
    excess_samples = 1
    bytes_per_device = 24

    def make(self) -> Detector:
        return Ewma()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(3, 100)
        watts[PER_DAY:] += 200.0
        return watts, PER_DAY

    def test_a_new_level_is_news_and_then_is_not(self) -> None:
        watts, begin = self.faulty_w()
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        news = raw[begin : begin + 120].max()
        assert news > 2 * np.nanmax(raw[:begin])
        assert raw[-600:].max() < 0.6 * news

    def test_it_starts_from_the_usual_level_after_a_gap(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.full(40, 90.0), start_ms=self.live_ms))
        assert raw[-1] > raw[10]
