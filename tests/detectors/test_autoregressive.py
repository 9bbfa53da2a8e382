"""The last quarter of an hour foretells the next value, unless something is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, office, series_of
from kilowatch.detectors.autoregressive import ORDER, Autoregressive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestAutoregressive(Battery):
    bytes_per_device = 144
    excess_samples = 1

    def make(self) -> Detector:
        return Autoregressive()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts, hour = self.normal_w(2, 100), slice(PER_DAY, PER_DAY + PER_HOUR)
        watts[hour] = 60 + 50 * (-1.0) ** np.arange(PER_HOUR)
        return watts, PER_DAY

    def test_the_weights_of_a_known_process_are_found(self) -> None:
        random, watts = np.random.default_rng(0), np.full(7 * PER_DAY, 1000.0)
        for row in range(2, len(watts)):
            watts[row] = 120 + 1.2 * watts[row - 1] - 0.32 * watts[row - 2] + random.normal(0, 5.0)
        detector = Watch.over(Autoregressive()).detector
        detector.fit(0, series_of(watts))
        weights = detector.state()["weights"][0].astype(np.float64)
        np.testing.assert_allclose(weights[[-1, -2]], [1.2, -0.32], atol=0.03)
        assert np.abs(weights[:-2]).max() < 0.05

    def test_a_single_odd_sample_counts_for_ten(self) -> None:
        watts = self.normal_w(2, 100)
        watts[PER_DAY] = 3000.0
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert raw[PER_DAY : PER_DAY + 5].min() > 3 * self.worst_normal()
        assert raw[PER_DAY + 2 * ORDER + 60] < self.worst_normal()

    def test_the_forecast_is_told(self) -> None:
        watch, (_, samples) = self.fitted(), self.live().batch()
        facts = watch.score(samples).facts
        away_w = np.abs(facts["power_w"] - facts["expected_w"])[ORDER:]
        assert np.median(away_w) < 5
        words = watch.detector.phrase({"power_w": 92.0, "expected_w": -1.0})
        assert words.endswith("92 W now, where its last minutes led to 0 W")

    def test_it_cannot_see_what_goes_on_smoothly(self) -> None:
        """A fridge that never stops, an office at work on Sunday: each value follows from the last."""
        stuck_on = np.append(fridge(1, seed=100), np.full(PER_DAY, 90.0))
        raw = self.fitted().feed(Arrivals.of(stuck_on, start_ms=self.live_ms))
        assert raw[PER_DAY + PER_HOUR :].max() < self.worst_normal()
        watch = Watch.over(Autoregressive())
        watch.detector.fit(0, series_of(office(14)))
        monday = watch.feed(Arrivals.of(office(1, seed=5), start_ms=self.live_ms))
        sunday = watch.feed(Arrivals.of(office(1, seed=5), start_ms=self.live_ms + 6 * 86_400_000))
        np.testing.assert_array_equal(sunday, monday)
