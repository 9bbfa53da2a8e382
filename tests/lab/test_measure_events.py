"""The operating point: incidents against events, in seconds for reading's sake."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ReadingError
from kilowatch.lab.measure import (
    Credit,
    Detection,
    EventTimes,
    IncidentTimes,
    Share,
    declustered,
    detect,
    false_alarms,
    faulty_days_found,
    open_time,
    true_alarms,
    unlike_clean,
)
from kilowatch.lab.measure.times import DAY_MS, HOUR_MS, WEEK_MS


def incidents(*spans: tuple[float, float, float]) -> IncidentTimes:
    """(first, open, close) in seconds."""
    columns = np.array(spans, dtype=np.float64).reshape(-1, 3).T * 1000
    return IncidentTimes.of(*columns)


def events(*spans: tuple[float, float]) -> EventTimes:
    """(start, end) in seconds."""
    columns = (np.array(spans, dtype=np.float64).reshape(-1, 2).T * 1000).astype(np.int64)
    return EventTimes(*columns)


NONE = incidents()


def test_an_incident_that_opens_in_the_event_finds_it() -> None:
    found = detect(incidents((110, 130, 200), (150, 160, 170)), events((100, 140), (300, 400)))
    assert found.found.tolist() == [True, False]
    assert found.delay_s[0] == 30.0
    assert math.isnan(found.delay_s[1])
    assert found.recall == Share(1, 2)


def test_the_end_of_an_event_is_outside_unless_there_is_grace() -> None:
    late = incidents((145, 150, 160))
    assert not detect(late, events((100, 145))).found.any()
    assert not detect(late, events((100, 140)), grace_ms=10_000).found.any()
    assert detect(late, events((100, 140)), grace_ms=10_001).found.all()


def test_an_incident_whose_first_odd_reading_lies_in_a_short_event_finds_it() -> None:
    found = detect(incidents((100, 180, 200)), events((100, 101)))
    assert found.found.all()
    assert found.delay_s.tolist() == [80.0]


def test_an_incident_that_stood_open_before_is_no_new_alarm() -> None:
    standing = incidents((10, 20, 500))
    event = events((100, 140))
    assert not detect(standing, event).found.any()
    stands = detect(standing, event, credit=Credit.STANDS)
    assert stands.found.all()
    assert stands.delay_s.tolist() == [0.0]
    assert not detect(incidents((10, 20, 100)), event, credit=Credit.STANDS).found.any()


def test_what_the_clean_twin_gives_too_finds_nothing() -> None:
    given_anyway = incidents((100, 110, 200))
    event = events((100, 140))
    assert not detect(given_anyway, event, clean=incidents((100, 112, 150))).found.any()
    far = incidents((100 + 7200, 110 + 7200, 200 + 7200))
    assert detect(given_anyway, event, clean=far).found.all()
    assert detect(given_anyway, event, clean=NONE).found.all()


def test_the_clean_twin_counts_while_open_and_within_the_slack() -> None:
    asked = incidents((0, 1000, 1000), (0, 5000, 5000), (0, 9000, 9000))
    clean = incidents((0, 900, 4400))
    assert unlike_clean(asked, clean, slack_ms=500_000).tolist() == [False, True, True]
    assert unlike_clean(asked, clean, slack_ms=600_000).tolist() == [False, False, True]
    around = incidents((0, 900, 8900), (0, 1000, 1001))
    assert unlike_clean(asked, around, slack_ms=100_000).tolist() == [False, False, False]


def test_alarm_precision() -> None:
    given_incidents = incidents((105, 110, 120), (130, 150, 160), (300, 310, 320), (90, 95, 99))
    truth = true_alarms(given_incidents, events((100, 140), (500, 600)))
    by_open = dict(zip(given_incidents.open_ms.tolist(), truth.tolist(), strict=True))
    assert by_open == {95_000: False, 110_000: True, 150_000: True, 310_000: False}
    assert not true_alarms(given_incidents, events()).any()
    assert true_alarms(given_incidents, events((100, 140)), grace_ms=200_000).tolist() == [False, True, True, True]


def test_delay_quantiles_are_over_found_events_only() -> None:
    one = detect(incidents((100, 110, 111)), events((100, 140), (200, 240)))
    other = detect(incidents((100, 130, 131)), events((100, 140)))
    pooled = Detection.pool([one, other])
    assert pooled.recall == Share(2, 3)
    assert pooled.delay_median_s == 20.0
    assert pooled.delay_p95_s == pytest.approx(29.0)
    assert math.isnan(detect(NONE, events((1, 2))).delay_median_s)
    assert Detection.pool([]).recall == Share(0, 0)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_detect_is_what_a_plain_loop_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 300, rng.integers(0, 12))
    opened = first + rng.integers(0, 20, len(first))
    given_incidents = IncidentTimes.of(first, opened, opened + rng.integers(0, 60, len(first)))
    edges = np.sort(rng.choice(330, 2 * int(rng.integers(1, 6)), replace=False))
    truth = EventTimes(edges[::2].astype(np.int64), edges[1::2].astype(np.int64))
    grace = int(rng.integers(0, 15))
    found = detect(given_incidents, truth, grace_ms=grace)
    for k, (start, end) in enumerate(zip(truth.start_ms, truth.end_ms, strict=True)):
        alarms = [
            o
            for f, o in zip(given_incidents.first_ms, given_incidents.open_ms, strict=True)
            if start <= o < end + grace or start <= f < end
        ]
        assert found.found[k] == bool(alarms)
    about = true_alarms(given_incidents, truth, grace)
    assert about.any() == found.found.any()
    assert (found.delay_s[found.found] >= 0).all()


def test_events_of_a_mask() -> None:
    ts_ms = np.array([0, 30, 60, 90, 95, 200], dtype=np.int64) * 1000
    mask = np.array([True, False, True, True, False, True])
    found = EventTimes.from_mask(ts_ms, mask, 30_000)
    assert found.start_ms.tolist() == [0, 60_000, 200_000]
    assert found.end_ms.tolist() == [30_000, 95_000, 230_000]


def test_times_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ReadingError, match="overlap"):
        events((0, 10), (5, 20))
    with pytest.raises(ReadingError, match="overlap"):
        events((10, 10))
    with pytest.raises(ReadingError, match="begins, opens and closes"):
        incidents((5, 4, 6))
    with pytest.raises(ReadingError, match="sorted"):
        IncidentTimes(*(np.array([2, 1]),) * 3)
    with pytest.raises(ReadingError, match="differ in length"):
        EventTimes(np.array([1]), np.array([2, 3]))


def test_alarms_within_an_hour_are_one_but_chains_are_not() -> None:
    minutes = np.array([0, 30, 59, 61, 118, 125], dtype=np.int64) * 60_000
    assert (declustered(minutes) // 60_000).tolist() == [0, 61, 125]
    flapping = np.arange(0, WEEK_MS, 59 * 60_000)
    assert len(declustered(flapping)) >= 80
    assert len(declustered(np.empty(0, dtype=np.int64))) == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 20 * HOUR_MS), max_size=30))
def test_declustered_alarms_are_apart_and_cover_the_rest(times: list[int]) -> None:
    alarms = np.array(times, dtype=np.int64)
    kept = declustered(alarms)
    assert (np.diff(kept) >= HOUR_MS).all()
    assert all(any(0 <= t - k < HOUR_MS for k in kept.tolist()) for t in times)


def test_false_alarms_count_per_week_and_only_while_watching() -> None:
    learning = 3 * DAY_MS
    day = DAY_MS / 1000
    given_incidents = incidents((0, day, day), (0, 4 * day, 4 * day), (0, 4 * day + 60, 5 * day), (0, 6 * day, 6 * day))
    rate = false_alarms(given_incidents, learning, learning + WEEK_MS)
    assert (rate.count, rate.weeks) == (2, 1.0)
    with pytest.raises(ReadingError, match="Nothing was watched"):
        false_alarms(NONE, 5, 5)


def test_open_time_counts_overlaps_once_and_cuts_at_the_ends() -> None:
    given_incidents = incidents((0, 0, 30), (0, 20, 40), (0, 25, 26), (0, 90, 300))
    open_share = open_time(given_incidents, 10_000, 110_000)
    assert (open_share.open_ms, open_share.watched_ms) == (50_000, 100_000)
    assert open_share.share == 0.5
    assert (open_share + open_share).share == 0.5
    assert open_time(NONE, 0, 10).share == 0.0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), max_size=12), st.integers(0, 40), st.integers(1, 60))
def test_open_time_is_the_union_of_seconds(spans: list[tuple[int, int]], start: int, length: int) -> None:
    given_incidents = incidents(*((0, opened, opened + lasting) for opened, lasting in spans))
    seconds = {s for opened, lasting in spans for s in range(opened, opened + lasting) if start <= s < start + length}
    assert open_time(given_incidents, start * 1000, (start + length) * 1000).open_ms == 1000 * len(seconds)


def test_a_faulty_day_counts_only_if_its_clean_twin_is_quiet() -> None:
    day = DAY_MS // 1000
    days = events((0, day), (day, 2 * day), (2 * day, 3 * day))
    faulty = incidents((0, 100, 200), (0, day + 5, day + 6))
    clean = incidents((0, day + 70_000, day + 70_001))
    assert faulty_days_found(faulty, clean, days).tolist() == [True, False, False]
    assert faulty_days_found(faulty, NONE, days).tolist() == [True, True, False]
