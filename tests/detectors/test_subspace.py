"""Normal hours are made of a few shapes; what is made of others is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, office, series_of
from kilowatch.detectors.subspace import LENGTH, SPAN, Subspace, _averaged, _residual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


def slow_days(days: float, seed: int) -> NDArray[np.float64]:
    """A load of a few hours' rhythm with a little noise."""
    random, place = np.random.default_rng(seed), np.arange(round(days * PER_DAY))
    return 500 + 300 * np.sin(2 * np.pi * place / 300) + random.normal(0, 10.0, len(place))


class TestSubspace(Battery):
    bytes_per_device = 2 * LENGTH * SPAN + 12

    def make(self) -> Detector:
        return Subspace()

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return slow_days(days, seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts, hour = self.normal_w(2, 100), slice(PER_DAY, PER_DAY + PER_HOUR)
        watts[hour] += 100 * (-1.0) ** (np.arange(PER_HOUR) // 4)
        return watts, PER_DAY

    @pytest.mark.parametrize("amplitude_w", [30.0, 100.0, 300.0])
    def test_a_ripple_scores_by_its_size(self, amplitude_w: float) -> None:
        watts = self.normal_w(2, 100)
        watts[PER_DAY:] += amplitude_w * (-1.0) ** (np.arange(PER_DAY) // 4)
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        rest = raw[PER_DAY + 2 * SPAN :]
        assert rest.mean() > amplitude_w / 30 * np.nanmean(raw[:PER_DAY])

    def test_it_cannot_see_a_usual_shape_at_an_unusual_time(self) -> None:
        watch = Watch.over(Subspace())
        watch.detector.fit(0, series_of(office(14)))
        live = office(3, seed=5)
        worst = np.nanmax(watch.feed(Arrivals.of(live, start_ms=self.live_ms)))
        shifted = np.roll(live, 6 * PER_HOUR)
        assert np.nanmax(watch.feed(Arrivals.of(shifted, start_ms=self.live_ms))) < 1.2 * worst


def test_what_the_shapes_explain_leaves_nothing() -> None:
    place = np.arange(LENGTH)
    shapes = np.array([np.sin(place / 7), np.cos(place / 7)])
    residual = _residual(np.random.default_rng(0).normal(0, 1, (500, 2)) @ shapes)
    np.testing.assert_allclose(residual @ shapes.T, 0, atol=1e-9)
    other = (-1.0) ** place
    np.testing.assert_allclose(residual @ other, other, atol=0.1)


def test_the_matrix_is_the_mean_over_the_windows_that_hold_a_value_and_have_ended() -> None:
    random = np.random.default_rng(0)
    residual, values = random.normal(0, 1, (LENGTH, LENGTH)), random.normal(0, 1, SPAN)
    left_over = _averaged(residual) @ values
    for steps in (0, 1, 17, LENGTH - 1):
        said = []
        for ended in range(steps + 1):
            window = values[SPAN - ended - LENGTH : SPAN - ended]
            said.append((residual @ window)[LENGTH - 1 - steps + ended])
        np.testing.assert_allclose(left_over[steps], np.mean(said))
