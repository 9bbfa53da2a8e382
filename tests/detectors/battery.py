"""What every detector must keep, as tests to inherit.

Subclass `Battery`, return the detector from `make`, and set the class attributes where the defaults do not hold.
A subclass gives its own past (`normal_w`), a fault it is there to find (`faulty_w`), and so inherits every test.
"""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.samples import GRID_MS, PER_DAY, START_MS, Arrivals, Watch, fridge, series_of
from kilowatch.core.detector import Detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series

_CASES = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.differing_executors])


class Battery:
    """The contract of `kilowatch.core.detector.Detector`, and what reason asks of any score."""

    history_days = 14
    """How much past a device is fitted on."""
    warm_up = 0
    """Samples from the start of a device's life to its first score, where that is more than `needs`."""
    learns = True
    """Whether a device without a past scores NaN."""
    restarts = True
    """Whether nothing of a device's run survives a gap; hour-level detectors keep the hours they have measured."""
    scales = True
    """Whether watts times ten, past and live, give the same verdicts."""
    excess_samples = 0
    """A level detector's last so many samples may be raised and must never score lower for it; 0: not one."""
    margin = 1.5
    """How far the fault must stand above, and another normal week may stand above, the worst of a normal week."""
    bytes_per_device = 0
    """Bytes of state a device may cost; 0: not checked."""

    _learnt: ClassVar[dict[tuple[type[Battery], int], Watch]] = {}

    def __init_subclass__(cls) -> None:
        """Leave out the tests of what the subclass says of itself that it is not."""
        super().__init_subclass__()
        for test, applies in (
            ("test_nothing_of_the_run_survives_a_gap", cls.restarts),
            ("test_a_change_of_unit_keeps_the_verdicts", cls.scales),
            ("test_a_larger_excess_never_scores_lower", cls.excess_samples),
        ):
            if not applies:
                setattr(cls, test, None)

    def make(self) -> Detector:
        raise NotImplementedError

    def normal_w(self, days: float, seed: int) -> NDArray[np.float64]:
        return fridge(days, seed=seed)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        """Live watts with a fault in them, and the row in which it begins."""
        raise NotImplementedError

    def history(self, seed: int = 0) -> Series:
        return series_of(self.normal_w(self.history_days, seed))

    def live(self, days: float | None = None, seed: int = 100, slot: int = 0) -> Arrivals:
        return Arrivals.of(self.normal_w(days or self.live_days, seed), slot=slot, start_ms=self.live_ms)

    @property
    def live_days(self) -> int:
        """Enough for a day of scores and more."""
        return 2 + self.first_score // PER_DAY

    @property
    def live_ms(self) -> int:
        return START_MS + self.history_days * PER_DAY * GRID_MS

    @property
    def first_score(self) -> int:
        return max(self.warm_up, self.make().needs - 1)

    def fitted(self, devices: int = 1) -> Watch:
        """A fresh watch of devices that have learnt; learning itself is done once a class."""
        key = type(self), devices
        if key not in self._learnt:
            watch = self._learnt[key] = Watch.over(self.make(), devices)
            for slot in range(devices):
                watch.detector.fit(slot, self.history(slot))
        return copy.deepcopy(self._learnt[key])

    def worst_normal(self, seed: int = 300) -> float:
        return float(np.nanmax(self.fitted().feed(self.live(7, seed))))

    # What it is

    def test_keeps_the_protocol(self) -> None:
        detector = self.make()
        assert isinstance(detector, Detector)
        assert detector.name
        assert detector.needs >= 1

    def test_scores_are_columns_of_the_batch(self) -> None:
        watch, (_, samples) = self.fitted(), self.live().batch()
        scores = watch.score(samples)
        assert scores.raw.dtype == np.float32
        for column in (scores.raw, *scores.facts.values()):
            assert column.shape == (len(samples),)
        said = scores.raw[~np.isnan(scores.raw)]
        assert len(said)
        assert (said >= 0).all()
        assert np.isfinite(said).all()
        if scores.low_w is not None and scores.high_w is not None:
            known = ~np.isnan(scores.low_w)
            assert (scores.low_w[known] <= scores.high_w[known]).all()

    def test_speaks_once_it_has_seen_enough_and_not_before(self) -> None:
        raw = self.fitted().feed(self.live())
        assert np.isnan(raw[: self.make().needs - 1]).all()
        assert np.isfinite(raw[self.first_score :]).all()

    def test_a_batch_may_be_empty(self) -> None:
        _, samples = self.live().batch(0, 0)
        assert len(self.fitted().score(samples).raw) == 0

    def test_costs_no_more_bytes_than_it_says(self) -> None:
        detector = self.make()
        detector.reserve(10)
        for array in detector.state().values():
            assert len(array) == 10
        if self.bytes_per_device:
            assert sum(array.nbytes for array in detector.state().values()) <= 10 * self.bytes_per_device

    # What it may not touch

    def test_leaves_its_inputs_alone(self) -> None:
        watch, history = Watch.over(self.make()), self.history()
        _, samples = self.live().batch()
        view = watch.ring.view(samples)
        before = copy.deepcopy((_columns(history), _columns(samples), watch.ring.codes))
        watch.detector.fit(0, history)
        watch.detector.score(samples, view)
        after = (_columns(history), _columns(samples), watch.ring.codes)
        for old, new in zip(before, after, strict=True):
            np.testing.assert_equal(new, old)

    def test_fitting_one_device_leaves_the_others_alone(self) -> None:
        watch = self.fitted(3)
        before = copy.deepcopy(watch.detector.state())
        watch.detector.fit(1, self.history(seed=9))
        for name, array in watch.detector.state().items():
            np.testing.assert_array_equal(array[[0, 2]], before[name][[0, 2]], err_msg=name)

    def test_fitting_keeps_the_running_state(self) -> None:
        live, watch, refitted = self.live(), self.fitted(), self.fitted()
        middle = len(live) // 2 + 7
        whole = watch.feed(live)
        _, early = live.batch(0, middle)
        rows, late = live.batch(middle)
        refitted.score(early)
        refitted.detector.fit(0, self.history())
        np.testing.assert_array_equal(refitted.score(late).raw, whole[rows])

    def test_room_for_more_devices_changes_nothing(self) -> None:
        live, watch, grown = self.live(), self.fitted(), self.fitted()
        grown.detector.reserve(4)
        grown.ring.reserve(4)
        np.testing.assert_array_equal(grown.feed(live), watch.feed(live))
        newcomer = grown.feed(self.live(slot=3))
        assert np.isnan(newcomer).all() or not self.learns

    # What must not matter

    def test_equal_seeds_give_equal_scores(self) -> None:
        live = self.live()
        np.testing.assert_array_equal(self.fitted().feed(live), self.fitted().feed(live))

    def test_a_clone_is_the_same_method_without_devices(self) -> None:
        watch = self.fitted()
        clone = Watch.over(watch.detector.clone())
        assert clone.detector.name == watch.detector.name
        if self.learns:
            assert np.isnan(clone.feed(self.live(0.5))).all()
            clone = Watch.over(watch.detector.clone())
        clone.detector.fit(0, self.history())
        np.testing.assert_array_equal(clone.feed(self.live()), watch.feed(self.live()))

    def test_state_saved_and_loaded_goes_on_alike(self) -> None:
        live, watch = Arrivals.of(self.faulty_w()[0], start_ms=self.live_ms), self.fitted()
        _, early = live.batch(0, self.faulty_w()[1] + 507)
        _, late = live.batch(self.faulty_w()[1] + 507)
        watch.score(early)
        loaded = _copy(watch)
        np.testing.assert_array_equal(loaded.score(late).raw, watch.score(late).raw)

    @_CASES
    @given(
        st.lists(st.integers(1, 899), max_size=12),
        st.lists(st.integers(1, 299), max_size=3),
        st.integers(0, 119),
    )
    def test_cuts_and_mixing_do_not_matter(self, cuts: list[int], gaps: list[int], late: int) -> None:
        watch = self._warmed_up()
        streams = [self._after_warm_up(slot, 300, late * slot, tuple(gaps) if slot else ()) for slot in range(3)]
        arrivals = Arrivals.mixed(streams)
        whole = _copy(watch).feed(arrivals)
        np.testing.assert_array_equal(_copy(watch).feed(arrivals, cuts), whole)
        for slot, stream in enumerate(streams):
            np.testing.assert_array_equal(_copy(watch).feed(stream), whole[arrivals.slot == slot])

    def test_one_by_one_is_the_batch(self) -> None:
        watch = self._warmed_up()
        arrivals = Arrivals.mixed([self._after_warm_up(slot, 260, 17 * slot, (90,) * slot) for slot in range(3)])
        by_one = _copy(watch).feed(arrivals, range(len(arrivals)))
        np.testing.assert_array_equal(by_one, watch.feed(arrivals))

    def test_later_samples_do_not_change_earlier_scores(self) -> None:
        watts, same = self.normal_w(self.live_days, 100), self.first_score + 977
        other = watts.copy()
        other[same:] = np.random.default_rng(1).uniform(0, 5000, len(other) - same)
        scores = [self.fitted().feed(Arrivals.of(w, start_ms=self.live_ms)) for w in (watts, other)]
        assert np.isfinite(scores[0][self.first_score : same]).all()
        np.testing.assert_array_equal(scores[0][:same], scores[1][:same])

    def test_nothing_of_the_run_survives_a_gap(self) -> None:
        watts, middle = self.normal_w(2, 100), PER_DAY + 77
        whole = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms, gaps=(middle,)))
        late_ms = self.live_ms + middle * GRID_MS + 3_600_000
        np.testing.assert_array_equal(self.fitted().feed(Arrivals.of(watts[middle:], start_ms=late_ms)), whole[middle:])

    def test_a_change_of_unit_keeps_the_verdicts(self) -> None:
        verdicts = []
        for factor in (1.0, 10.0):
            watch, calm = Watch.over(self.make()), Watch.over(self.make())
            for each in (watch, calm):
                each.detector.fit(0, series_of(factor * self.normal_w(self.history_days, 0)))
            live = Arrivals.of(factor * self.normal_w(7, 300), start_ms=self.live_ms)
            faulty = Arrivals.of(factor * self.faulty_w()[0], start_ms=self.live_ms)
            verdicts.append(watch.feed(faulty) > 1.2 * np.nanmax(calm.feed(live)))
        assert verdicts[0].any()
        assert (verdicts[0] == verdicts[1]).mean() > 0.99

    # What it must not stumble over

    @pytest.mark.parametrize("level_w", [0.0, 0.06, 55.0, 2e6, 1e7])
    def test_flat_pasts_and_flat_lives_are_survived(self, level_w: float) -> None:
        for past_w in (0.0, level_w):
            watch = Watch.over(self.make())
            watch.detector.fit(0, series_of(np.full(10 * PER_DAY, past_w)))
            for live_w in (0.0, level_w, 1e7):
                raw = watch.feed(Arrivals.of(np.full(400, live_w), start_ms=self.live_ms))
                assert not np.isinf(raw).any()
                assert not (raw < 0).any()

    @pytest.mark.parametrize("size", [0, 1, 2, 50, 500])
    def test_too_short_a_past_leaves_it_unfitted(self, size: int) -> None:
        watch = Watch.over(self.make())
        watch.detector.fit(0, series_of(self.normal_w(1, 0)[:size]))
        raw = watch.feed(self.live())
        assert np.isnan(raw).all() or not self.learns

    def test_an_unfitted_device_scores_nan(self) -> None:
        raw = Watch.over(self.make()).feed(self.live())
        assert np.isnan(raw).all() or not self.learns

    def test_a_past_without_usable_samples_teaches_nothing(self) -> None:
        watts, watch = self.normal_w(self.history_days, 0), Watch.over(self.make())
        watch.detector.fit(0, series_of(watts, usable=np.zeros(len(watts), dtype=np.bool_)))
        assert np.isnan(watch.feed(self.live())).all() or not self.learns

    def test_samples_to_look_away_from_are_not_learned(self) -> None:
        watts, random = self.normal_w(self.history_days, 0), np.random.default_rng(5)
        usable = np.ones(len(watts), dtype=np.bool_)
        for start in random.integers(0, len(watts) - 600, 6):
            usable[start : start + 500] = False
        states = []
        for level_w in (0.0, 1e5):
            watch = Watch.over(self.make())
            noise = random.uniform(0, level_w, len(watts))
            watch.detector.fit(0, series_of(np.where(usable, watts, noise), usable=usable))
            states.append(watch.detector.state())
        np.testing.assert_equal(states[0], states[1])

    def test_a_past_with_missing_days_is_learned(self) -> None:
        history = self.history()
        day = np.arange(len(history)) // PER_DAY
        watch = Watch.over(self.make())
        watch.detector.fit(0, history.part((day % 5 != 3) & (day != 0)))
        assert np.isfinite(watch.feed(self.live())[self.first_score :]).all()

    # What it is there for

    def test_a_larger_excess_never_scores_lower(self) -> None:
        base = self.normal_w(self.live_days, 100)
        base = np.append(base, base[:1])
        last = []
        for excess_w in (0.0, 1.0, 10.0, 100.0, 500.0, 1e3, 1e4, 1e5, 1e6):
            watts = base.copy()
            watts[-self.excess_samples :] = base.max() + excess_w
            last.append(self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))[-1])
        assert np.isfinite(last).all()
        assert (np.diff(last) >= 0).all()

    def test_finds_its_fault(self) -> None:
        watts, begin = self.faulty_w()
        raw = self.fitted().feed(Arrivals.of(watts, start_ms=self.live_ms))
        assert np.nanmax(raw[begin:]) > self.margin * max(self.worst_normal(), float(np.nanmax(raw[:begin])))

    def test_stays_quiet_on_its_normal(self) -> None:
        assert self.worst_normal(seed=400) < self.margin * self.worst_normal()

    def test_says_what_is_odd_in_plain_words(self) -> None:
        watts, begin = self.faulty_w()
        watch, (_, samples) = self.fitted(), Arrivals.of(watts, start_ms=self.live_ms).batch()
        scores = watch.score(samples)
        worst = begin + int(np.nanargmax(scores.raw[begin:]))
        facts = {name: float(column[worst]) for name, column in scores.facts.items()}
        ends = {"low_w": scores.low_w, "high_w": scores.high_w}
        facts |= {name: np.nan if end is None else float(end[worst]) for name, end in ends.items()}
        words = watch.detector.phrase(facts)
        assert words
        assert not words.endswith(".")
        assert "nan" not in words

    def _warmed_up(self) -> Watch:
        watch = self.fitted(3)
        for slot in range(3):
            watts = _odder(slot) * self.normal_w(self._warm_days, 100 + slot)
            watch.feed(Arrivals.of(watts, slot=slot, start_ms=self.live_ms))
        return watch

    @property
    def _warm_days(self) -> float:
        return float(np.ceil(self.first_score / PER_DAY + 0.1))

    def _after_warm_up(self, slot: int, size: int, late: int, gaps: tuple[int, ...]) -> Arrivals:
        """The next samples of a device; without a gap at its first row they go on where the warm-up ended."""
        warm = round(self._warm_days * PER_DAY)
        watts = _odder(slot) * self.normal_w(self._warm_days + 1, 100 + slot)[warm : warm + size]
        part = Arrivals.of(watts, slot=slot, start_ms=self.live_ms + warm * GRID_MS + late * 1000, gaps=gaps)
        before_gap = part.count == np.arange(size) + 1
        part.count[before_gap] += warm
        return part


def _odder(slot: int) -> float:
    """Devices stray by more each, so that running states are not all at rest."""
    return 1.0 + 0.3 * slot


def _columns(of: Series | Samples) -> dict[str, NDArray[np.generic]]:
    columns = {field.name: getattr(of, field.name) for field in fields(of)}
    return {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}


def _copy(watch: Watch) -> Watch:
    """A second watch that goes on from the state the first has saved."""
    devices = len(watch.ring.codes)
    other = Watch.over(watch.detector.clone(), devices)
    other.ring.codes[...] = watch.ring.codes
    for name, array in other.detector.state().items():
        array[...] = watch.detector.state()[name]
    return other
