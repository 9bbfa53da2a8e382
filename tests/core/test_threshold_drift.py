"""The two levels: how far a block moves them, and where they come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.drift import Finished, Gains, Pace, Track, as_level, as_score, follow, start
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEEKLY = 1 / 168
LEVEL = 3.6
"""Passed by one in 192 of the blocks of `usual`."""


def usual(seed: int, blocks: int) -> NDArray[np.float64]:
    """Return lognormal block maxima."""
    return np.exp(0.5 * np.random.default_rng(seed).standard_normal(blocks))


def finished(peak: NDArray[np.float64], usable: bool = True) -> Finished:
    """Return hourly blocks that follow each other."""
    hour, ones = np.arange(1, len(peak) + 1), np.ones(len(peak), dtype=np.int64)
    return Finished(as_level(peak), ones * usable, ones, (hour % 24 == 0).astype(np.int64))


def begun(level: float, share: float) -> tuple[Track, Pace]:
    track, gains = start(level, 0.2, share, usual(99, 1000))
    pace = Pace.of(Gains(*(np.array([value]) for value in gains)), np.array([share]))
    return Track(*(np.array([value]) for value in track)), pace


def thresholds(
    peak: NDArray[np.float64], level: float = LEVEL, share: float = WEEKLY, usable: bool = True
) -> NDArray[np.float64]:
    """Return one device's threshold after each block."""
    track, pace = begun(level, share)
    segments = Segments.of_sorted(np.zeros(len(peak), dtype=np.int32))
    return as_score(follow(segments, track, pace, finished(peak, usable))[0])


@given(st.floats(1e-30, 1e30))
@settings(max_examples=50, deadline=None)
def test_a_level_is_its_score(score: float) -> None:
    assert as_score(as_level(score)) == pytest.approx(score, rel=1e-7)


def test_no_score_is_a_level_under_all_others() -> None:
    assert as_level(0.0) < as_level(1e-36)


@pytest.mark.parametrize("wrong", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("share", [3 * WEEKLY, 12 * WEEKLY])
def test_alarms_become_as_many_as_were_asked_for(wrong: float, share: float) -> None:
    peak = usual(1, 80 * 168)
    before = np.append(LEVEL * wrong, thresholds(peak, LEVEL * wrong, share)[:-1])
    late = (peak >= before)[8 * 168 :]
    assert np.mean(late) == pytest.approx(share, rel=0.12)


@pytest.mark.parametrize("factor", [1.5, 2.0])
def test_higher_scores_are_followed_within_three_days(factor: float) -> None:
    ends = [thresholds(factor * usual(seed, 72))[-1] for seed in range(40)]
    assert 0.8 * factor < np.median(ends) / LEVEL < 1.25 * factor


def test_lower_scores_are_followed_within_weeks() -> None:
    ends = [thresholds(usual(seed, 21 * 24) / 1.5)[-1] for seed in range(20)]
    assert np.median(ends) / LEVEL == pytest.approx(1 / 1.5, rel=0.2)


def test_a_huge_score_weighs_no_more_than_any_alarm() -> None:
    calm = np.full(48, 1.0)
    just, huge = calm.copy(), calm.copy()
    just[5], huge[5] = 1.01 * LEVEL, 1e9 * LEVEL
    np.testing.assert_array_equal(thresholds(just), thresholds(huge))
    assert thresholds(huge)[5] < 1.3 * LEVEL


def test_an_alarm_that_goes_on_teaches_once() -> None:
    fault = thresholds(np.full(5 * 24, 3 * LEVEL))
    assert fault[0] > LEVEL
    assert (fault == fault[0]).all()


def test_what_is_not_usable_teaches_nothing() -> None:
    assert (thresholds(usual(1, 100) * 3, usable=False) == as_score(as_level(LEVEL))).all()


def test_a_threshold_at_most_doubles_in_a_day() -> None:
    peak = np.where(np.arange(4 * 24) % 2 == 0, 100 * LEVEL, 0.9 * LEVEL)
    track, pace = begun(LEVEL, WEEKLY)
    pace = pace._replace(alarm_up=pace.alarm_up * 20)
    levels, _ = follow(Segments.of_sorted(np.zeros(len(peak), dtype=np.int32)), track, pace, finished(peak))
    days = as_score(levels)[23::24]
    np.testing.assert_allclose(days / LEVEL, [2.0, 4.0, 4.0, 4.0], rtol=1e-6)


def test_silence_takes_a_threshold_down_to_a_quarter_and_no_further() -> None:
    silent = thresholds(np.zeros(60 * 24))
    assert silent[23] > 0.85 * LEVEL
    assert silent[-1] == pytest.approx(LEVEL / 4, rel=1e-6)


def test_after_a_long_silence_a_threshold_finds_back() -> None:
    peak = np.append(np.zeros(60 * 24), usual(3, 14 * 24))
    assert thresholds(peak)[-1] == pytest.approx(LEVEL, rel=0.4)


def test_a_past_without_spread_or_scores_still_gives_a_start() -> None:
    for past in (np.full(100, 2.0), np.zeros(100), np.empty(0)):
        track, gains = start(2.5, 0.2, WEEKLY, past)
        assert track.reference <= track.level == gains.fitted
        assert min(gains.reference_up, gains.alarm_up) > 0


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 150), min_size=1, max_size=4), st.integers(1, 149))
@settings(max_examples=50, deadline=None)
def test_any_devices_together_and_any_cut_are_followed_alike(seed: int, lengths: list[int], cut: int) -> None:
    rng = np.random.default_rng(seed)
    slot = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    size, devices = len(slot), len(lengths)
    blocks = Finished(as_level(rng.lognormal(0.5, 0.8, size)), *(rng.integers(0, 2, size) for _ in range(3)))
    level, reference, day = as_level(rng.lognormal(0.8, 0.2, (3, devices)))
    track = Track(level, reference, day, rng.integers(0, 2, devices))
    gains = Gains(track.level.copy(), *rng.integers(1, 10**6, (2, devices)))
    pace = Pace.of(gains, np.full(devices, WEEKLY))
    together, end = follow(Segments.of_sorted(slot), track, pace, blocks)
    place = np.arange(size) - np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
    apart, state = np.empty(size, dtype=np.int64), np.stack(track)
    for part in (place < cut, place >= cut):
        segments = Segments.of_sorted(slot[part])
        who = segments.slot
        own = Pace(*(column[who] for column in pace))
        apart[part], after = follow(
            segments, Track(*state[:, who]), own, Finished(*(column[part] for column in blocks))
        )
        state[:, who] = np.stack(after)
    np.testing.assert_array_equal(apart, together)
    np.testing.assert_array_equal(state, np.stack(end))
