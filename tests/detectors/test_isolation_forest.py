"""Random cuts set an odd window apart soon; the trees kept are scikit-learn's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, office, series_of
from kilowatch.detectors import isolation_forest
from kilowatch.detectors.isolation_forest import LENGTH, SAMPLE, TREES, IsolationForest
from kilowatch.detectors.registry import DetectorName, available, create
from kilowatch.detectors.training import training_windows
from kilowatch.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestIsolationForest(Battery):
    bytes_per_device = 128_000

    def make(self) -> Detector:
        return IsolationForest()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 2 * PER_HOUR] = 150.0
        return watts, PER_DAY

    def test_the_score_stands_between_its_samples(self) -> None:
        raw = self.fitted().feed(self.live())[LENGTH - 1 :]
        changed = np.flatnonzero(np.diff(raw))
        assert (np.diff(changed) % 4 == 0).all()
        every = Watch.over(IsolationForest(stride=1))
        every.detector.fit(0, self.history())
        often = every.feed(self.live())[LENGTH - 1 :]
        assert (raw == often).mean() > 0.25

    def test_it_cannot_see_a_usual_window_at_an_unusual_time(self) -> None:
        watch = Watch.over(IsolationForest())
        watch.detector.fit(0, series_of(office(14)))
        live = office(1, seed=5)
        worst = np.nanmax(watch.feed(Arrivals.of(live, start_ms=self.live_ms)))
        at_night = np.roll(live, PER_DAY // 2)
        assert np.nanmax(watch.feed(Arrivals.of(at_night, start_ms=self.live_ms))) < 1.3 * worst


@pytest.mark.parametrize("watts", [fridge(5), office(5), np.append(np.zeros(2000), np.full(2000, 55.0))])
def test_depths_are_those_of_scikit_learn(watts: NDArray[np.float64]) -> None:
    from sklearn.ensemble import IsolationForest as Forest

    windows_w = training_windows(series_of(watts), LENGTH, 4000)
    detector = IsolationForest()
    detector.reserve(3)
    detector.fit(1, series_of(watts))
    odd_w = np.append(windows_w[::37], 3 * windows_w[:5] + 7, axis=0)
    depths = detector.mean_depths(np.ones(len(odd_w), dtype=np.int32), odd_w)
    forest = Forest(n_estimators=TREES, max_samples=SAMPLE, random_state=0).fit(windows_w)
    whole = 2 * (np.log(SAMPLE - 1) + np.euler_gamma) - 2 * (SAMPLE - 1) / SAMPLE
    np.testing.assert_allclose(2 ** (-depths / whole), -forest.score_samples(odd_w), atol=1e-4)


def test_without_scikit_learn_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation_forest, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError) as caught:
        create("isolation_forest")
    assert "kilowatch[lab]" in caught.value.hint
    assert "isolation_forest" in available()
    monkeypatch.setattr("kilowatch.detectors.registry.find_spec", lambda _: None)
    assert set(available()) == {*DetectorName} - {"isolation_forest"}
