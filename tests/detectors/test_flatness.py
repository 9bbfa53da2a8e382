"""Frozen values are found; idle hours and steady loads are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, series_of
from kilowatch.detectors.flatness import Flatness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestFlatness(Battery):
    bytes_per_device = 10

    def make(self) -> Detector:
        return Flatness()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(3, 100)
        begin = PER_DAY + int(np.flatnonzero(watts[PER_DAY:] > 20)[10])
        watts[begin : begin + 1200] = watts[begin]
        return watts, begin

    def test_an_idle_plug_is_not_frozen(self) -> None:
        watch, idle = Watch.over(self.make()), np.zeros(12 * PER_DAY)
        idle[::PER_DAY] = 2000.0
        watch.detector.fit(0, series_of(idle))
        assert np.nanmax(watch.feed(Arrivals.of(idle[: 3 * PER_DAY], start_ms=self.live_ms))) < 1.0
