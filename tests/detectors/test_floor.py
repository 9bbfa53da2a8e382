"""Chance passes the battery too: what no detector may lose, and what only a real one can win."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import Arrivals, Watch
from kilowatch.detectors.floor import ConstantScore, RandomScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class FloorBattery(Battery):
    learns = False
    scales = False

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        return self.normal_w(2, 100), 100

    def test_finds_its_fault(self) -> None:
        watts, begin = self.faulty_w()
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert np.nanmax(raw[begin:]) <= self.margin * self.worst_normal()


class TestRandomScore(FloorBattery):
    def make(self) -> Detector:
        return RandomScore(seed=3)

    def test_is_spread_evenly_over_nought_to_one(self) -> None:
        raw = Watch.over(self.make()).feed(self.live(20))
        np.testing.assert_allclose(np.histogram(raw, bins=10, range=(0, 1))[0] / len(raw), 0.1, atol=0.005)
        assert abs(np.corrcoef(raw[1:], raw[:-1])[0, 1]) < 0.01

    @pytest.mark.parametrize("other", [RandomScore(seed=4), RandomScore(seed=0)])
    def test_another_seed_is_another_chance(self, other: RandomScore) -> None:
        ours, theirs = Watch.over(self.make()).feed(self.live()), Watch.over(other).feed(self.live())
        assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.05

    def test_devices_do_not_share_their_chance(self) -> None:
        watch = Watch.over(self.make(), 2)
        first, second = watch.feed(self.live(slot=0)), watch.feed(self.live(slot=1))
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


class TestConstantScore(FloorBattery):
    def make(self) -> Detector:
        return ConstantScore()

    def test_says_the_same_always(self) -> None:
        assert set(Watch.over(self.make()).feed(self.live()).tolist()) == {1.0}
