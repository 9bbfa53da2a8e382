"""Rates at any level, what a threshold rests on, and folds of days."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.score_streams import DAY_STEPS, HOUR_MS, WEEK_STEPS, bursty, steps_ms
from kilowatch.core.calibrate import Calibration, Method, blocked_folds, openings_at, rate_curve
from kilowatch.errors import ConfigError


def test_runs_less_than_an_hour_apart_are_one_alarm() -> None:
    at = HOUR_MS * np.array([0.0, 0.5, 1.5, 2.6, 9.0])
    score = np.array([2, 2, 2, 2, 2], dtype=np.float32)
    assert openings_at(score, at.astype(np.int64), 2.0) == 3
    assert openings_at(score, at.astype(np.int64), 2.1) == 0


def test_the_rate_is_per_week_of_usable_time() -> None:
    score = np.zeros(2 * WEEK_STEPS, dtype=np.float32)
    score[[100, 5000, 30_000]] = [1.0, 2.0, 3.0]
    usable = np.ones(len(score), dtype=np.bool_)
    at = steps_ms(len(score))
    np.testing.assert_allclose(rate_curve(score, at, usable, [0.5, 1.5, 2.5, 9.0]), [1.5, 1.0, 0.5, 0.0])
    usable[WEEK_STEPS:] = False
    np.testing.assert_allclose(rate_curve(score, at, usable, [0.5, 1.5, 2.5]), [2.0, 1.0, 0.0])


def test_without_usable_time_there_is_no_rate() -> None:
    score = np.ones(10, dtype=np.float32)
    assert np.isnan(rate_curve(score, steps_ms(10), np.zeros(10, dtype=np.bool_), [1.0])).all()


def test_a_higher_level_seldom_gives_more_alarms_and_never_over_the_top() -> None:
    score = bursty(3, WEEK_STEPS)
    rates = rate_curve(score, steps_ms(WEEK_STEPS), np.ones(WEEK_STEPS, dtype=np.bool_), np.linspace(3, 12, 10))
    assert (np.diff(rates) <= 0).all()
    assert rates[0] > 0


@given(st.integers(1, 4000), st.integers(2, 6), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_every_sample_is_tested_once_by_a_fit_that_has_not_seen_it(size: int, folds: int, step: int) -> None:
    found = blocked_folds(steps_ms(size, step_ms=step * 60_000), folds)
    tested = np.array([test for _, test in found], dtype=int).reshape(-1, size).sum(axis=0)
    assert (tested == (1 if size > 1 else 0)).all()
    for train, test in found:
        assert (train == ~test).all()
        assert train.any()
        assert np.count_nonzero(np.diff(test.astype(int))) <= 2


def test_folds_are_runs_of_whole_days() -> None:
    at = steps_ms(7 * DAY_STEPS)
    found = blocked_folds(at)
    days = [np.unique(at[test] // 86_400_000 - at[0] // 86_400_000).tolist() for _, test in found]
    assert days == [[0, 1, 2], [3, 4], [5, 6]]


def test_days_without_samples_do_not_count() -> None:
    at = np.append(steps_ms(DAY_STEPS), steps_ms(5 * DAY_STEPS, 60 * DAY_STEPS))
    shares = [np.mean(test) for _, test in blocked_folds(at)]
    np.testing.assert_allclose(shares, 1 / 3)


def test_nothing_has_no_folds() -> None:
    assert blocked_folds(steps_ms(0)) == []


def test_one_fold_cannot_be_crossed() -> None:
    with pytest.raises(ConfigError):
        blocked_folds(steps_ms(10), 1)


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (Calibration(Method.NONE, 0, 0, 0.0), "nothing has been learnt"),
        (Calibration(Method.PRIOR, 5, 2, 1.0), "a default"),
        (Calibration(Method.QUANTILE, 50, 6, 1.0), "cannot be seen yet"),
        (Calibration(Method.POT, 336, 21, 1.0), "Set from 21 separate peaks in 336 h of scores."),
        (Calibration(Method.POT, 336, 21, 0.25), "less than once in 2.0 weeks"),
    ],
)
def test_a_calibration_says_what_it_rests_on(made: Calibration, word: str) -> None:
    assert word in made.sentence
    assert made.sentence.endswith(".")
