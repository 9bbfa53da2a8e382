"""Runs that end by themselves: one far too long, or many a little too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, series_of, television
from kilowatch.detectors.run_length import RunLength

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


def cycles(on: int, off: int, days: float) -> NDArray[np.float64]:
    place = np.arange(round(days * PER_DAY))
    return np.where(place % (on + off) < on, 90.0, 0.0)


class TestRunLength(Battery):
    bytes_per_device = 158

    def make(self) -> Detector:
        return RunLength()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 2 * PER_HOUR] = 90.0
        return watts, PER_DAY

    def test_a_run_scores_by_how_long_it_lasts(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.append(np.zeros(60), np.full(240, 90.0)), start_ms=self.live_ms))
        assert raw[60 + 20] < 0.5
        assert raw[60 + 60] > 6
        assert (np.diff(raw[60:]) >= 0).all()

    def test_off_is_never_odd(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.zeros(PER_DAY), start_ms=self.live_ms))
        assert np.nanmax(raw) == 0

    def test_runs_a_little_too_long_pile_up(self) -> None:
        """An eighth longer each: no run is odd alone."""
        watch = self.fitted()
        usual = np.nanmax(watch.feed(Arrivals.of(cycles(30, 60, 2), start_ms=self.live_ms)))
        longer = self.fitted().feed(Arrivals.of(cycles(34, 60, 2), start_ms=self.live_ms))
        per_run = [longer[start : start + 94].max() for start in range(94, len(longer) - 94, 94)]
        assert per_run[40] > per_run[5] + 3
        assert per_run[40] > usual + 3

    def test_what_people_switch_stays_unfitted(self) -> None:
        watch = Watch.over(RunLength())
        watch.detector.fit(0, series_of(television(28)))
        assert np.isnan(watch.feed(Arrivals.of(television(1, seed=9), start_ms=self.live_ms))).all()

    def test_a_run_cut_by_a_gap_teaches_no_length(self) -> None:
        past = series_of(fridge(14))
        holed = past.part(np.arange(len(past)) % 333 > 20)
        scores = []
        for history in (past, holed):
            watch = Watch.over(RunLength())
            watch.detector.fit(0, history)
            scores.append(watch.feed(Arrivals.of(np.full(60, 90.0), start_ms=self.live_ms))[-1])
        np.testing.assert_allclose(scores[1], scores[0], rtol=0.3)

    def test_it_tells_one_long_run_from_many(self) -> None:
        facts = {"run_s": 2460.0, "usual_s": 1080.0, "now": 9.0, "piled": 0.0}
        assert RunLength().phrase(facts) == "on for 41 min; usually off after 18 min"
        assert RunLength().phrase({**facts, "piled": 10.0}).startswith("on for longer than usual time after time")
