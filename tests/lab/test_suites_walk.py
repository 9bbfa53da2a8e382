"""From readings to incidents of one device, by the product's own parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import replay
from kilowatch.core.device import Fleet, Kind, first_seen
from kilowatch.core.incident_rules import IncidentRules
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.hour_of_week import HourOfWeek
from kilowatch.errors import ReadingError
from kilowatch.lab.measure import IncidentTimes
from kilowatch.lab.suites.front import course_of
from kilowatch.lab.suites.outcomes import incident_times
from kilowatch.lab.suites.walk import REQUESTED, Watcher
from kilowatch.lab.suites.watchtime import alarms_on, open_on, watched_ms
from kilowatch.links.memory import MemoryHistory
from lab.made_traces import DAY_MS, START_MS, meter

if TYPE_CHECKING:
    from kilowatch.lab.inject import Trace
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
    none = incident_times([], RECORD, IncidentRules(), int(trace.ts_ms[-1]))
    assert alarms_on(away, none).weeks == pytest.approx(seen_ms / (7 * DAY_MS))
    assert open_on(away, none).watched_ms == seen_ms


@pytest.mark.parametrize("rate", [4.0, 1.0, 0.1])
def test_the_whole_product_finds_the_same_incidents(rate: float) -> None:
    history, test = split(course(), 8)
    watts = test.trace.power_w.copy()
    # The last two are one incident that comes back, and the end of each is where lab and product once disagreed.
    for first, last in [(50, 56), (200, 260), (400, 404), (409, 412)]:
        watts[first:last] += 4000.0
    odd = replace(test.trace, power_w=watts)
    watcher = Watcher(HourOfWeek(), RECORD, (REQUESTED, rate))
    watcher.learn(history)
    found = watcher.watch(course_of(RECORD, odd)).incidents[rate]
    assert len(found) >= 3
    assert _rows(found) == _rows(_of_product(history.trace, odd, rate))


def _of_product(history: Trace, test: Trace, rate: float) -> IncidentTimes:
    """Return what the pipeline opens while it watches, with the history as the only thing it learns from."""
    plan = LearningPlan(learning_days=8, refit_days=1000)
    settings_of_rate = PipelineSettings(plan=plan, alarms_per_week=rate)
    pipeline = Pipeline(Fleet([RECORD]), HourOfWeek(), MemoryHistory(), settings_of_rate)
    batches = [ReadingBatch(np.zeros(len(t), dtype=np.int32), t.ts_ms, t.power_w) for t in (history, test)]
    alarms = replay(pipeline, batches, lambda batch, result: None).alarms  # noqa: ARG005 - nobody looks on
    watched = [entry for entry in alarms if entry.opened_ms >= test.ts_ms[0]]
    closed = [test.end_ms if entry.cleared_ms is None else entry.cleared_ms for entry in watched]
    return IncidentTimes.of([e.told.first_ms for e in watched], [e.opened_ms for e in watched], closed)


def _rows(incidents: IncidentTimes) -> list[list[int]]:
    return np.stack([incidents.first_ms, incidents.open_ms, incidents.close_ms]).T.tolist()
