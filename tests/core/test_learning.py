"""Learning: when a device is due, what is left out, and that no threshold rests on what its detector has learnt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS
from core.spies import DAY_MS, DaySpy, Plain
from detectors.samples import Arrivals, series_of
from kilowatch.core.judge import Judge, Scorer
from kilowatch.core.learning import Curriculum, LearningPlan, Teacher, fit_and_score, out_of_fold, without

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series

HOUR_MS = 3_600_000
PER_DAY = 24
PLAN = LearningPlan(learning_days=4, refit_days=2, horizon_days=8)


def hourly(days: float, **more: Any) -> Series:
    return series_of(np.full(round(days * PER_DAY), 50.0), start_ms=START_MS, grid_ms=HOUR_MS, **more)


def curriculum(devices: int = 1) -> Curriculum:
    out = Curriculum(PLAN)
    out.reserve(devices)
    return out


def arrivals(hours: int, slot: int = 0, start_ms: int = START_MS) -> Arrivals:
    return Arrivals.of(np.full(hours, 50.0), slot=slot, start_ms=start_ms, grid_ms=HOUR_MS)


def reserve(devices: int, *parts: Scorer | Judge) -> None:
    for part in parts:
        part.reserve(devices)


def test_a_device_is_due_so_many_days_after_its_first_sample() -> None:
    lessons = curriculum(2)
    both = Arrivals.mixed([arrivals(10), arrivals(10, slot=1, start_ms=START_MS + HOUR_MS)])
    lessons.greet(both.batch()[1])
    assert lessons.due_ms.tolist() == [START_MS + 4 * DAY_MS, START_MS + HOUR_MS + 4 * DAY_MS]
    lessons.greet(arrivals(10, start_ms=START_MS + DAY_MS).batch()[1])
    assert lessons.due_ms[0] == START_MS + 4 * DAY_MS


def test_a_lesson_falls_between_two_samples() -> None:
    lessons = curriculum()
    samples = arrivals(6 * PER_DAY).batch()[1]
    lessons.greet(samples)
    before = lessons.before_lesson(samples)
    assert before.sum() == 4 * PER_DAY
    assert samples.ts_ms[before].max() < lessons.due_ms[0] <= samples.ts_ms[~before].min()


def test_who_has_learnt_is_watched_from_then_on_and_due_again() -> None:
    lessons = curriculum()
    samples = arrivals(5 * PER_DAY).batch()[1]
    lessons.greet(samples)
    assert not lessons.is_watching(samples.slot, samples.ts_ms).any()
    lessons.learnt(0)
    lessons.learnt(0)
    assert lessons.due_ms[0] == START_MS + 8 * DAY_MS
    assert lessons.is_watching(samples.slot, samples.ts_ms).tolist() == [False] * 4 * PER_DAY + [True] * PER_DAY


def test_who_has_too_little_tries_again_a_day_later_over_a_gap_of_any_length() -> None:
    lessons = curriculum()
    lessons.greet(arrivals(10).batch()[1])
    back = arrivals(3, start_ms=START_MS + 40 * DAY_MS + HOUR_MS).batch()[1]
    tries = 0
    while not lessons.before_lesson(back).all():
        lessons.postpone(0)
        tries += 1
    assert tries == 37
    assert lessons.due_ms[0] == START_MS + 41 * DAY_MS
    assert not lessons.is_watching(back.slot, back.ts_ms).any()


def test_enough_is_three_fifths_of_the_learning_time() -> None:
    lessons = curriculum()
    assert lessons.is_enough(hourly(2.5))
    assert not lessons.is_enough(hourly(2.3))
    usable = np.arange(4 * PER_DAY) % 2 == 0
    assert not lessons.is_enough(hourly(4, usable=usable))


def test_graduates_are_never_due_and_watched_from_the_first() -> None:
    one, first_two = curriculum(3), curriculum(3)
    one.graduate(1)
    first_two.graduate_all(2)
    for lessons in (one, first_two):
        samples = arrivals(10, slot=1).batch()[1]
        lessons.greet(samples)
        assert lessons.before_lesson(samples).all()
        assert lessons.is_watching(samples.slot, samples.ts_ms).all()
        assert not lessons.is_watching(np.array([2], dtype=np.int32), samples.ts_ms[:1]).any()


def test_an_incident_is_left_out_of_the_past_its_ends_included() -> None:
    series = without(hourly(2), [(START_MS + 5 * HOUR_MS, START_MS + 7 * HOUR_MS)])
    assert np.flatnonzero(~series.usable).tolist() == [5, 6, 7]


SPANS = st.lists(st.tuples(st.integers(-10, 100), st.integers(0, 120)), max_size=4)


@settings(deadline=None, max_examples=50)
@given(SPANS)
def test_of_every_incident_a_day_at_most_is_left_out(spans: list[tuple[int, int]]) -> None:
    past = hourly(4)
    times = [(START_MS + start * HOUR_MS, START_MS + (start + hours) * HOUR_MS) for start, hours in spans]
    series = without(past, times)
    hour = np.arange(len(past))
    expected = np.ones(len(past), dtype=np.bool_)
    for start, hours in spans:
        expected &= ~((hour >= start) & (hour <= start + min(hours, 24)))
    assert series.usable.tolist() == expected.tolist()
    assert past.usable.all()


def test_what_was_not_usable_stays_so() -> None:
    usable = np.arange(PER_DAY) != 3
    series = without(hourly(1, usable=usable), [(START_MS + 10 * HOUR_MS, START_MS + 10 * HOUR_MS)])
    assert np.flatnonzero(~series.usable).tolist() == [3, 10]


@settings(deadline=None, max_examples=50)
@given(st.integers(5, 20), st.integers(2, 5), st.integers(0, 23))
def test_no_day_is_scored_by_a_detector_that_learnt_from_it(days: int, folds: int, start_hour: int) -> None:
    series = series_of(np.full(days * PER_DAY, 50.0), start_ms=START_MS + start_hour * HOUR_MS, grid_ms=HOUR_MS)
    assert out_of_fold(DaySpy(), series, folds).tolist() == [0.0] * len(series)


def test_every_day_takes_part_in_all_folds_but_its_own() -> None:
    spy, series = DaySpy(), hourly(9)
    out_of_fold(spy, series, PLAN.folds)
    learnt = [set((ts_ms // DAY_MS).tolist()) for _, ts_ms in spy.lessons]
    days = set((series.ts_ms // DAY_MS).tolist())
    assert len(learnt) == PLAN.folds
    assert all(sum(day in fold for fold in learnt) == PLAN.folds - 1 for day in days)
    assert all(len(days - fold) == 3 for fold in learnt)


def test_a_past_of_one_sample_has_no_score() -> None:
    series = series_of([50.0], grid_ms=HOUR_MS)
    assert np.isnan(out_of_fold(DaySpy(), series, PLAN.folds)).all()


def test_the_detector_that_goes_live_knows_all_days_and_every_judge_its_threshold() -> None:
    spy = DaySpy()
    scorer = Scorer(spy, Plain())
    judges = [Judge(scorer, rate) for rate in (0.5, 5.0)]
    reserve(3, scorer, *judges)
    Teacher(scorer, judges, PLAN).teach(2, hourly(6))
    slot, learnt_ms = spy.lessons[-1]
    assert slot == 2
    assert len(learnt_ms) == 6 * PER_DAY
    assert [judge.thresholds.calibration(2).alarms_per_week for judge in judges] == [0.5, 5.0]


def test_the_detector_learns_what_is_ordinary_the_threshold_all_that_was() -> None:
    spy = DaySpy()
    scorer = Scorer(spy, Plain())
    judge = Judge(scorer, 1.0)
    reserve(1, scorer, judge)
    past = hourly(6)
    ordinary = without(past, [(START_MS + DAY_MS, START_MS + 2 * DAY_MS)])
    Teacher(scorer, [judge], PLAN).teach(0, past, ordinary)
    assert len(spy.lessons[-1][1]) == ordinary.usable.sum() < 6 * PER_DAY
    assert judge.thresholds.calibration(0).blocks == 6 * PER_DAY


def test_a_detector_that_crosses_its_own_folds_is_asked_to() -> None:
    class Crossing(Plain):
        asked: ClassVar[list[tuple[int, int]]] = []

        def learn(self, slot: int, history: Series, folds: int) -> NDArray[np.float32]:
            self.asked.append((slot, folds))
            return np.full(len(history), 7.0, dtype=np.float32)

    assert fit_and_score(Crossing(), 4, hourly(3), 5).tolist() == [7.0] * 3 * PER_DAY
    assert Crossing.asked == [(4, 5)]


def test_a_rarer_alarm_asks_for_a_higher_threshold() -> None:
    rng = np.random.default_rng(0)
    scorer = Scorer(Plain(), Plain())
    judges = [Judge(scorer, rate) for rate in (0.2, 5.0)]
    reserve(1, scorer, *judges)
    past = series_of(100 + rng.gamma(2, 10, 14 * PER_DAY * 2), start_ms=START_MS, grid_ms=HOUR_MS // 2)
    Teacher(scorer, judges, LearningPlan()).teach(0, past)
    rare, often = (float(judge.thresholds.levels(np.array([0]))[0]) for judge in judges)
    assert rare > often > 0


def test_the_device_s_own_rate_counts_where_none_is_asked_for() -> None:
    scorer = Scorer(Plain(), Plain())
    judge = Judge(scorer)
    reserve(1, scorer, judge)
    past = hourly(6)
    record = msgspec.structs.replace(past.record, alarms_per_week=0.25)
    Teacher(scorer, [judge], PLAN).teach(0, replace(past, record=record))
    assert judge.thresholds.calibration(0).alarms_per_week == pytest.approx(0.25)
