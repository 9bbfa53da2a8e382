"""Windows unlike any normal one, in shape or in summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, office, series_of
from kilowatch.detectors.bank import LENGTH, Bank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestBank(Battery):
    bytes_per_device = 77_500

    def make(self) -> Detector:
        return Bank(stride=2)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 4 * PER_HOUR] = 90.0
        return watts, PER_DAY

    def test_shapes_and_levels_that_were_never_there(self) -> None:
        for odd_w in (90.0, 45 + 45 * (-1.0) ** np.arange(PER_HOUR), 180.0):
            watts = fridge(1, seed=100)
            watts[-PER_HOUR:] = odd_w
            raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
            assert raw[-1] > 1.5 * self.worst_normal()

    def test_the_score_stands_between_its_samples(self) -> None:
        raw = self.fitted().feed(self.live())[LENGTH - 1 :]
        changed = np.flatnonzero(np.diff(raw))
        assert len(changed) > 100
        assert len(set(changed[1:] % 2)) == 1

    def test_what_is_usual_scores_about_one_at_most(self) -> None:
        raw = self.fitted().feed(self.live(7))
        assert np.nanquantile(raw, 0.9) < 1.2

    def test_it_knows_the_calendar_after_a_week_only(self) -> None:
        noon_ms = self.live_ms + 6 * 86_400_000 + 12 * 3_600_000
        at_work = office(0.5, seed=5) * 0 + 4000 + np.random.default_rng(0).normal(0, 40, PER_DAY // 2)
        said = []
        for days in (5, 14):
            watch = Watch.over(Bank())
            watch.detector.fit(0, series_of(office(days)))
            sunday = watch.feed(Arrivals.of(at_work, start_ms=noon_ms))
            tuesday = watch.feed(Arrivals.of(at_work, start_ms=noon_ms + 2 * 86_400_000))
            hours = slice(LENGTH, 5 * PER_HOUR)
            said.append(float(np.median(sunday[hours]) / np.median(tuesday[hours])))
        assert abs(said[0] - 1) < 1e-6 < 0.02 < said[1] - 1
