"""Profiles of the week and of the day: shrinkage, gaps and kinds of days."""

from __future__ import annotations

import numpy as np

from detectors.samples import PER_DAY, START_MS, office, series_of
from kilowatch.core.samples import HOUR_MS
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.day_profile import DayProfile, kind_of_hour
from kilowatch.detectors.profile import BLOCK_MS, Level, week_profile

NINE, NIGHT, SATURDAY_NINE = 9, 3, 129
FIRST = START_MS // HOUR_MS


def week_of(days: int) -> Level:
    blocks = block_means(series_of(office(days)), BLOCK_MS)
    return week_profile(blocks.index, blocks.mean_w)


def test_four_weeks_know_the_week() -> None:
    week = week_of(28)
    assert 3600 < week.median_w[NINE] < 4100
    assert 900 < week.median_w[NIGHT] < 1200
    assert week.median_w[SATURDAY_NINE] < 1500


def test_one_week_is_drawn_towards_its_neighbours_and_says_so() -> None:
    once, often = week_of(7), week_of(28)
    assert once.median_w[SATURDAY_NINE] > often.median_w[SATURDAY_NINE]
    assert once.spread_w[SATURDAY_NINE] > 1.3 * often.spread_w[SATURDAY_NINE]


def test_an_hour_never_seen_is_that_of_other_days() -> None:
    week = week_of(4)
    assert np.isfinite(week.median_w).all()
    assert week.median_w[SATURDAY_NINE] > 2500
    assert week.hours[SATURDAY_NINE] == 0


def test_a_level_taken_seldom_is_within_the_spread() -> None:
    day = np.zeros(PER_DAY)
    day[::3] = 90.0
    blocks = block_means(series_of(np.tile(np.repeat([0.0, 0.0, 90.0], 10), 28 * PER_DAY // 30)), BLOCK_MS)
    week = week_profile(blocks.index, blocks.mean_w)
    assert (week.spread_w > 20).all()


def test_blocks_need_half_of_their_samples() -> None:
    usable = np.ones(240, dtype=np.bool_)
    usable[:61], usable[120:180] = False, False
    blocks = block_means(series_of(np.repeat([10.0, 20.0], 120), usable=usable), HOUR_MS)
    assert (blocks.index - FIRST).tolist() == [1]
    np.testing.assert_allclose(blocks.mean_w, 20.0, rtol=1e-3)


def test_missing_blocks_are_nan_once_spread_out() -> None:
    history = series_of(np.ones(5 * 120))
    hours = block_means(history.part(np.arange(600) // 120 != 2), HOUR_MS).spread_out()
    assert np.isnan(hours).tolist() == [False, False, True, False, False]


def test_weekends_have_a_profile_of_their_own() -> None:
    profile, hours = DayProfile(), block_means(series_of(office(28)), HOUR_MS)
    profile.reserve(2)
    profile.fit(1, hours)
    monday, saturday = FIRST + np.array([9, 3]), FIRST + 120 + np.array([9, 3])
    assert profile.watts(1, monday)[0] > 3.4 * profile.watts(1, monday)[1]
    np.testing.assert_allclose(profile.watts(1, saturday), 1000, rtol=0.4)
    assert not profile.state()["share"][0].any()


def test_hours_have_forty_eight_kinds() -> None:
    kinds = kind_of_hour(FIRST + np.arange(168))
    assert kinds[[0, 23, 119, 120, 167]].tolist() == [0, 23, 23, 24, 47]
