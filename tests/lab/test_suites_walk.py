"""From readings to incidents of one device, by the product's own parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kilowatch.app.ledger import IncidentLedger
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.incident import Hot, IncidentTracker
from kilowatch.core.incident_rules import Direction, IncidentRules
from kilowatch.core.judged import Judged
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Samples
from kilowatch.core.segments import Segments
from kilowatch.detectors.hour_of_week import HourOfWeek
from kilowatch.errors import ReadingError
from kilowatch.lab.suites.front import course_of
from kilowatch.lab.suites.outcomes import incident_times
from kilowatch.lab.suites.walk import REQUESTED, Watcher
from kilowatch.lab.suites.watchtime import alarms_on, open_on, watched_ms
from lab.made_traces import DAY_MS, START_MS, meter

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.suites.front import Course

RECORD = first_seen("home", "meter", Kind.SOCKETS, interval_s=300.0)


def course(days: int = 12, seed: int = 0) -> Course:
    return course_of(RECORD, meter(days, 300.0, seed))


def split(whole: Course, day: float) -> tuple[Course, Course]:
    at_ms = START_MS + round(day * DAY_MS)
    return whole.between(0, at_ms), whole.between(at_ms, START_MS + 1000 * DAY_MS)


def test_a_course_restarts_its_window_after_a_gap_and_marks_what_is_held() -> None:
    trace = meter(1, 300.0)
    rows = np.ones(len(trace), dtype=np.bool_)
    rows[50:52] = False
    rows[100:140] = False
    found = course_of(RECORD, replace(trace, ts_ms=trace.ts_ms[rows], power_w=trace.power_w[rows]))
    assert found.samples.held.sum() == 2
    assert np.flatnonzero(found.samples.count == 1).tolist() == [0, 100]
    assert not found.series.usable[50:52].any()
    assert len(found.trace) == rows.sum()


def test_missing_readings_are_left_out_of_a_course() -> None:
    trace = meter(1, 300.0)
    watts = trace.power_w.copy()
    watts[::7] = np.nan
    assert len(course_of(RECORD, replace(trace, power_w=watts)).trace) == np.isfinite(watts).sum()


def test_every_course_starts_from_where_learning_ended() -> None:
    history, test = split(course(), 8)
    watcher = Watcher(HourOfWeek(), RECORD)
    watcher.learn(history)
    first, again = watcher.watch(test), watcher.watch(test)
    np.testing.assert_array_equal(first.raw, again.raw)
    assert first.level == again.level > 0
    for rate, incidents in first.incidents.items():
        np.testing.assert_array_equal(incidents.open_ms, again.incidents[rate].open_ms)


def test_windows_go_on_from_the_history() -> None:
    history, test = split(course(), 8)
    watcher = Watcher(HourOfWeek(), RECORD)
    watcher.learn(history)
    assert np.isfinite(watcher.watch(test).raw).all()


def test_an_anomaly_opens_an_incident_and_a_lower_rate_opens_no_more() -> None:
    history, test = split(course(), 8)
    trace = test.trace
    watts = trace.power_w.copy()
    watts[300:340] += 4000.0
    odd = course_of(RECORD, replace(trace, power_w=watts))
    watcher = Watcher(HourOfWeek(), RECORD)
    watcher.learn(history)
    opened = watcher.watch(odd).incidents[REQUESTED].open_ms
    assert ((opened >= trace.ts_ms[300]) & (opened <= trace.ts_ms[304])).any()


def test_a_test_within_the_history_is_refused() -> None:
    history, _ = split(course(), 8)
    watcher = Watcher(HourOfWeek(), RECORD)
    watcher.learn(history)
    with pytest.raises(ReadingError, match="overlap"):
        watcher.watch(history)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ReadingError, match="nothing to learn"):
        Watcher(HourOfWeek(), RECORD).learn(course().between(0, 1))


def test_scores_that_say_nothing_rank_lowest() -> None:
    history, test = split(course(days=2), 1)
    watcher = Watcher(HourOfWeek(), RECORD)
    watcher.learn(history)
    watched = watcher.watch(test)
    assert np.isnan(watched.raw).all()
    assert not watched.score.any()


def test_only_the_time_watched_counts() -> None:
    whole = course(days=10)
    some = np.ones(len(whole), dtype=np.bool_)
    some[500:502] = False
    whole = course_of(RECORD, replace(whole.trace, ts_ms=whole.trace.ts_ms[some], power_w=whole.trace.power_w[some]))
    gap = replace(whole.trace, ts_ms=whole.trace.ts_ms[-288:] + 30 * DAY_MS, power_w=whole.trace.power_w[-288:])
    trace = replace(
        whole.trace,
        ts_ms=np.concatenate([whole.trace.ts_ms, gap.ts_ms]),
        power_w=np.concatenate([whole.trace.power_w, gap.power_w]),
    )
    away = course_of(RECORD, trace)
    seen_ms = 11 * DAY_MS - 2 * 300_000
    assert watched_ms(away) == seen_ms
    none = incident_times(*_judged([], RECORD), IncidentRules(), int(trace.ts_ms[-1]))
    assert alarms_on(away, none).weeks == pytest.approx(seen_ms / (7 * DAY_MS))
    assert open_on(away, none).watched_ms == seen_ms


SAMPLE = st.tuples(
    st.sampled_from([1, 2, 9, 10, 11, 49, 50, 51, 59, 60, 61]),
    st.sampled_from([0.0, 0.5, 0.79, 0.8, 0.9, 0.99996, 1.0, 1.2, 3.0]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([-1, 0, 1, 9, 10, 60]),
    st.sampled_from([0.0, 3.0, 50.0, 400.0]),
)
BANDS = st.sampled_from([(np.nan, np.nan), (0.0, 40.0), (60.0, 200.0), (-5.0, 2.0)])


FIRST = (1, 1.2, False, 0, 50.0)


@example([FIRST, (10, 0.9, False, 0, 50.0)], (np.nan, np.nan), Direction.BOTH)
@example([FIRST, (60, 1.2, False, 60, 50.0)], (np.nan, np.nan), Direction.BOTH)
@example([FIRST, (59, 1.2, False, 0, 50.0)], (np.nan, np.nan), Direction.BOTH)
@settings(deadline=None, max_examples=150)
@given(st.lists(SAMPLE, max_size=40), BANDS, st.sampled_from(list(Direction)))
def test_incidents_without_words_are_those_of_the_tracker(
    samples: list[tuple[int, float, bool, int, float]], band: tuple[float, float], direction: Direction
) -> None:
    record = first_seen("home", "plug", Kind.SOCKETS, interval_s=60.0)
    rules = IncidentRules(direction=direction)
    judged, since_ms, _ = _judged(samples, record, band)
    end_ms = (int(judged.samples.ts_ms[-1]) if samples else START_MS) + 60_000
    found = incident_times(judged, since_ms, record, rules, end_ms)
    expected = _tracked(judged, since_ms, record, rules, end_ms)
    assert found.open_ms.tolist() == [entry[1] for entry in expected]
    assert found.first_ms.tolist() == [entry[0] for entry in expected]
    assert found.close_ms.tolist() == [entry[2] for entry in expected]


def _judged(
    samples: list[tuple[int, float, bool, int, float]],
    record: DeviceRecord,
    band: tuple[float, float] = (np.nan, np.nan),
) -> tuple[Judged, np.ndarray[tuple[int], np.dtype[np.int64]], DeviceRecord]:
    size = len(samples)
    ts_ms = START_MS + 60_000 * np.cumsum([gap for gap, *_ in samples] or [0])[:size].astype(np.int64)
    slot = np.zeros(size, dtype=np.int32)
    score = np.array([value for _, value, *_ in samples], dtype=np.float32)
    back = np.array([steps for *_, steps, _ in samples], dtype=np.int64)
    none = np.zeros(size, dtype=np.bool_)
    columns = Samples(
        segments=Segments.of_sorted(slot),
        slot=slot,
        ts_ms=ts_ms,
        local_ms=ts_ms,
        code=encode_watts(np.array([watts for *_, watts in samples], dtype=np.float64)),
        count=np.arange(1, size + 1),
        phase=slot.astype(np.uint32),
        grid_ms=np.full(size, 60_000),
        held=np.array([held for _, _, held, *_ in samples], dtype=np.bool_),
        historical=none,
    )
    low, high = (np.full(size, side, dtype=np.float32) for side in band)
    since_ms = np.where(back < 0, -1, ts_ms - 60_000 * np.maximum(back, 0))
    return Judged(columns, score, score, low, high, ~none), since_ms, record


def _tracked(
    judged: Judged,
    since_ms: np.ndarray[tuple[int], np.dtype[np.int64]],
    record: DeviceRecord,
    rules: IncidentRules,
    end_ms: int,
) -> list[tuple[int, int, int]]:
    tracker, ledger = IncidentTracker(Fleet([record]), rules), IncidentLedger()
    samples = judged.samples
    for row in np.flatnonzero((judged.confirmed >= rules.leave) & ~samples.held).tolist():
        ts_ms = int(samples.ts_ms[row])
        hot = Hot(
            slot=0,
            ts_ms=ts_ms,
            score=float(judged.confirmed[row]),
            peak=float(judged.score[row]),
            since_ms=ts_ms if since_ms[row] < 0 else int(since_ms[row]),
            rule="any",
            observed_w=float(samples.power_w[row]),
            low_w=float(judged.low_w[row]),
            high_w=float(judged.high_w[row]),
            phrase="odd",
        )
        ledger.add(tracker.observe(hot))
    ledger.add(tracker.advance(end_ms))
    entries = ledger.entries()
    return sorted(((e.told.first_ms, e.opened_ms, e.cleared_ms or end_ms) for e in entries), key=lambda e: e[1])
