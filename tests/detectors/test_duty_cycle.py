"""Compressors that do not stop, that do not start, and that start too often; evenings before the TV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import DAY_MS, GRID_MS, PER_DAY, Arrivals, Watch, fridge, office, series_of, television
from kilowatch.detectors.duty_cycle import DutyCycle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24


class TestDutyCycle(Battery):
    bytes_per_device = 23

    def make(self) -> Detector:
        return DutyCycle()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + PER_HOUR] = 90.0
        return watts, PER_DAY

    def evening(self, watts: NDArray[np.float64]) -> NDArray[np.float32]:
        watch = Watch.over(DutyCycle())
        watch.detector.fit(0, series_of(television(28)))
        return watch.feed(Arrivals.of(watts, start_ms=self.live_ms))

    def words(self, watts: NDArray[np.float64]) -> str:
        watch, (_, samples) = self.fitted(), Arrivals.of(watts, start_ms=self.live_ms).batch()
        facts = watch.score(samples).facts
        return watch.detector.phrase({name: float(column[-1]) for name, column in facts.items()})

    def test_the_score_is_one_at_the_edge_and_grows_with_the_run(self) -> None:
        raw = self.fitted().feed(Arrivals.of(np.append(np.zeros(20), np.full(120, 90.0)), start_ms=self.live_ms))
        run = raw[20:]
        np.testing.assert_allclose(np.diff(run), np.diff(run)[0], rtol=1e-5)
        at_edge_s = 30 * (1 + int(np.argmin(np.abs(run - 1))))
        assert 17 * 60 < at_edge_s < 23 * 60

    def test_a_compressor_that_does_not_start_is_found(self) -> None:
        watts = np.append(self.normal_w(1, 100), np.zeros(3 * PER_HOUR))
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert np.nanmax(raw[:PER_DAY]) < 1.2
        assert raw[-1] > 4

    def test_short_cycling_is_found(self) -> None:
        cycling = np.tile(np.repeat([90.0, 0.0], [4, 6]), 60)
        raw = self.fitted().feed(Arrivals.of(np.append(self.normal_w(1, 100), cycling), start_ms=self.live_ms))
        assert raw[-1] > 2 * np.nanmax(raw[:PER_DAY])

    def test_the_words_say_what_it_is(self) -> None:
        day = self.normal_w(1, 100)
        long_on, long_off = np.append(day, np.full(82, 90.0)), np.append(day, np.zeros(360))
        cycling = np.append(day, np.tile(np.repeat([90.0, 0.0], [4, 6]), 60))
        assert self.words(long_on).startswith("on for 41 min; usually off after ")
        assert self.words(long_off).startswith("off for 3")
        assert "; usually on again after " in self.words(long_off)
        assert self.words(cycling).startswith("switches on too often: ")

    def test_long_evenings_are_usual_and_whole_nights_are_not(self) -> None:
        evenings = self.evening(television(14, seed=7))
        night = television(1, seed=7)
        night[19 * PER_HOUR :] = 100.0
        assert np.nanmax(evenings) < 1.3
        assert self.evening(np.append(night, np.full(6 * PER_HOUR, 100.0)))[-1] > 2

    def test_a_tv_that_stays_off_waits_for_somebody(self) -> None:
        assert np.nanmax(self.evening(np.full(5 * PER_DAY, 1.0))) == 0

    def test_hours_count_where_there_are_runs_enough(self) -> None:
        day = np.zeros(PER_DAY)
        for start in range(0, PER_DAY, 60):
            day[start : start + (30 if start // PER_HOUR % 24 >= 16 else 6)] = 900.0
        watch = Watch.over(DutyCycle())
        watch.detector.fit(0, series_of(np.tile(day, 14)))
        morning, evening = np.zeros(PER_DAY), np.zeros(PER_DAY)
        morning[6 * PER_HOUR : 6 * PER_HOUR + 30] = evening[18 * PER_HOUR : 18 * PER_HOUR + 30] = 900.0
        early, late = (np.nanmax(watch.feed(Arrivals.of(w, start_ms=self.live_ms))[w > 0]) for w in (morning, evening))
        assert late < 1.1
        assert early > 2 * late

    def test_the_drum_of_a_washer_does_not_hide_its_heater(self) -> None:
        cycle = np.concatenate([np.full(20, 120.0), np.full(30, 2000.0), np.full(60, 120.0)])
        history = np.zeros(14 * PER_DAY)
        for start in range(PER_HOUR, len(history) - 200, 8 * PER_HOUR):
            history[start : start + len(cycle)] = cycle
        watch = Watch.over(DutyCycle())
        watch.detector.fit(0, series_of(history))
        live = np.concatenate([np.zeros(100), np.full(20, 120.0), np.full(60, 2000.0)])
        raw = watch.feed(Arrivals.of(live, start_ms=self.live_ms))
        assert raw[100 + 20 + 29] < 1 < raw[-1]

    @pytest.mark.parametrize("watts", [1000 + office(14), np.full(14 * PER_DAY, 12.0)])
    def test_what_does_not_switch_is_left_to_others(self, watts: NDArray[np.float64]) -> None:
        watch = Watch.over(DutyCycle())
        watch.detector.fit(0, series_of(watts))
        assert np.isnan(watch.feed(Arrivals.of(watts[:PER_DAY], start_ms=self.live_ms))).all()

    def test_noise_at_the_threshold_is_no_start(self) -> None:
        watch = self.fitted()
        threshold_w = np.sqrt(2.0 * 90.0)
        watts = threshold_w * (1 + 0.05 * (-1.0) ** np.arange(PER_HOUR))
        assert np.nanmax(watch.feed(Arrivals.of(watts, start_ms=self.live_ms))) < 2

    def test_runs_over_gaps_are_not_learned(self) -> None:
        watts = fridge(14)
        history = series_of(watts)
        whole, cut = Watch.over(DutyCycle()), Watch.over(DutyCycle())
        whole.detector.fit(0, history)
        dark = (history.ts_ms // 3_600_000 % 24 < 6) & (watts == 0)
        cut.detector.fit(0, history.part(~dark))
        for name, array in cut.detector.state().items():
            np.testing.assert_allclose(array.astype(float), whole.detector.state()[name].astype(float), atol=40)

    def test_a_run_is_counted_from_a_gap_on(self) -> None:
        watts = np.full(100, 90.0)
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms, gaps=(50,)))
        assert raw[51] < raw[2] * 1.01
        assert GRID_MS * 100 < DAY_MS
