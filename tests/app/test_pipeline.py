"""The whole way: what is found, what stays quiet, and that the cut of the stream changes nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, heater, home, meter, with_power, without
from kilowatch.app.advisor import would_be_armed
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import ReplayOutcome, replay
from kilowatch.core.events import EventKind, IncidentEvent
from kilowatch.core.learning import LearningPlan
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from kilowatch.core.reading import ReadingBatch

DAYS = 7
FAULT_MS = START_MS + 5 * DAY_MS + 3 * HOUR_MS
PLAN = LearningPlan(learning_days=4, refit_days=2)


def pipeline(detector: str = "fleet", rehearse: tuple[float, ...] = ()) -> Pipeline:
    settings = PipelineSettings(plan=PLAN, rehearse=rehearse)
    return Pipeline(fleet(), create(detector), MemoryHistory(), settings, would_be_armed())


def run(batches: list[ReadingBatch], detector: str = "fleet") -> tuple[list[IncidentEvent], ReplayOutcome]:
    events: list[IncidentEvent] = []
    outcome = replay(pipeline(detector), batches, lambda _, result: events.extend(result.events))
    return events, outcome


def cut(batch: ReadingBatch, edges: list[int]) -> list[ReadingBatch]:
    places = [0, *sorted(edge for edge in edges if 0 < edge < len(batch)), len(batch)]
    return [batch.take(slice(a, b)) for a, b in itertools.pairwise(places)]


@pytest.fixture(scope="module")
def faulty_home() -> ReadingBatch:
    stuck_on = with_power(home(DAYS), 1, FAULT_MS, FAULT_MS + 3 * HOUR_MS, 1500.0)
    return without(stuck_on, 2, FAULT_MS - DAY_MS, FAULT_MS - DAY_MS + 5 * HOUR_MS)


def test_a_heater_that_does_not_stop_is_found_and_would_have_been_switched_off(faulty_home: ReadingBatch) -> None:
    _, outcome = run([faulty_home], "default")
    found = [
        e for e in outcome.alarms if e.told.device == "heater" and FAULT_MS <= e.opened_ms < FAULT_MS + 3 * HOUR_MS
    ]
    assert found
    assert "since 03:" in found[0].told.sentence
    assert found[0].cleared_ms is not None
    assert outcome.advice[found[0].told.id].intent.want == "switch_off"


def test_silence_is_an_incident_of_its_own_and_no_alarm(faulty_home: ReadingBatch) -> None:
    _, outcome = run([faulty_home])
    silent = [entry for entry in outcome.incidents if entry.is_stale]
    assert [entry.told.device for entry in silent] == ["lamp"]
    assert silent[0].told not in [entry.told for entry in outcome.alarms]


def test_an_ordinary_week_is_quiet() -> None:
    _, outcome = run([home(DAYS)], "default")
    assert outcome.output().incidents <= 2
    assert outcome.output().watched_device_weeks == pytest.approx(3 * 3 / 7, rel=0.05)


def story(events: list[IncidentEvent]) -> list[tuple[object, ...]]:
    return sorted((e.id, e.version, e.kind, e.ts_ms, e.first_ms, e.last_ms, e.score, e.sentence) for e in events)


@pytest.mark.parametrize(("seed", "detector"), [(0, "default"), (1, "fleet"), (2, "fleet")])
def test_any_cut_of_the_stream_tells_the_same_story(faulty_home: ReadingBatch, seed: int, detector: str) -> None:
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, len(faulty_home), 40).tolist()
    whole, _ = run([faulty_home], detector)
    pieces, _ = run(cut(faulty_home, edges), detector)
    assert story(pieces) == story(whole)
    assert whole


def test_a_clock_that_steps_back_in_the_midst_of_a_fault_stops_nothing_and_the_run_began_where_it_did() -> None:
    stuck_on = with_power(heater(DAYS), 1, FAULT_MS, FAULT_MS + 3 * HOUR_MS, 1500.0)
    stuck_on = stuck_on.take(stuck_on.ts_ms < FAULT_MS + 2 * HOUR_MS + 600_000)
    back = np.where(stuck_on.ts_ms < FAULT_MS + 2 * HOUR_MS, 0, HOUR_MS)
    events, _ = run([replace(stuck_on, ts_ms=stuck_on.ts_ms - back)])
    began = [e.evidence.on_since_ms for e in events if e.kind is EventKind.OPENED and e.ts_ms >= FAULT_MS]
    assert began
    assert all(FAULT_MS - HOUR_MS < on_since_ms <= FAULT_MS for on_since_ms in began if on_since_ms is not None)


def test_nothing_is_said_of_a_device_that_is_still_learning() -> None:
    events, outcome = run([with_power(home(3), 1, START_MS + DAY_MS, START_MS + 2 * DAY_MS, 1500.0)])
    assert not [event for event in events if event.kind is EventKind.OPENED]
    assert outcome.output().watched_device_weeks == 0
    assert outcome.output().alarms_per_device_week is None


def test_a_fault_later_changes_nothing_before_it(faulty_home: ReadingBatch) -> None:
    early = faulty_home.take(faulty_home.ts_ms < FAULT_MS)
    before, _ = run([early])
    whole, _ = run([faulty_home])
    assert story(before) == story([event for event in whole if event.ts_ms < FAULT_MS - 60_000])


def test_rehearsed_rates_open_no_fewer_incidents_when_more_are_asked_for(faulty_home: ReadingBatch) -> None:
    rehearsing = pipeline(rehearse=(0.1, 1.0, 20.0))
    replay(rehearsing, [faulty_home], lambda _batch, _result: None)
    opened = [rehearsal.opened for rehearsal in rehearsing.rehearsals]
    assert opened == sorted(opened)
    assert opened[-1] > 0


def test_a_batch_of_nothing_useful_is_survived() -> None:
    bad = with_power(meter(0.1), 0, START_MS, START_MS + DAY_MS, float("nan"))
    _, outcome = run([bad, bad.take(slice(0, 0))])
    assert outcome.output().rejected == len(bad)
    assert outcome.output().accepted == 0
