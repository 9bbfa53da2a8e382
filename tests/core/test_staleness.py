from __future__ import annotations

from itertools import groupby

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS, batch_of, fleet_of, sorted_by_device
from core.hots import MINUTE_MS, kinds
from kilowatch.core.device import DeviceRecord, Fleet, Reporting
from kilowatch.core.events import EventKind, IncidentEvent, Severity
from kilowatch.core.staleness import STALE, StalenessTracker, limit_ms
from kilowatch.core.state import freeze, thaw

LIMIT_MIN = 2.25  # 1.5 times the 90 s that a value of a 30 s plug holds
SETTLED_MIN = 60
LATER_MS = START_MS + 100_000 * MINUTE_MS
Row = tuple[int, float]


def observe(tracker: StalenessTracker, rows: list[Row], *, historical: bool | None = False) -> list[IncidentEvent]:
    """Feed readings at minutes; with historical=None those of every third minute are history."""
    batch, segments = sorted_by_device(batch_of([(slot, at(minute), 5.0) for slot, minute in rows]))
    every_third = batch.ts_ms // MINUTE_MS % 3 == 0
    past = every_third if historical is None else np.full(len(batch), historical)
    return tracker.observe(segments, batch.ts_ms, past)


def settled_tracker(fleet: Fleet | None = None) -> StalenessTracker:
    """A device that has spoken every minute of an hour, last at minute 60."""
    tracker = StalenessTracker(fleet or fleet_of({}))
    assert observe(tracker, [(0, minute) for minute in range(SETTLED_MIN + 1)]) == []
    return tracker


def at(minute: float) -> int:
    return START_MS + round(minute * MINUTE_MS)


def test_limits_follow_interval_and_heartbeat() -> None:
    fleet = fleet_of(
        {},
        {"interval_s": 300.0},
        {"interval_s": 10.0, "heartbeat_s": 600.0},
        {"reporting": Reporting.ON_CHANGE},
    )
    limits = limit_ms(fleet.interval_ms[:4], fleet.hold_ms[:4])
    assert (limits / 1000).tolist() == [135.0, 1350.0, 900.0, 5400.0]


def test_each_device_has_its_own_time() -> None:
    tracker = StalenessTracker(fleet_of({}, {}))
    observe(tracker, [(slot, minute) for minute in (0.0, 60.0) for slot in (0, 1)])
    events = tracker.advance(np.array([at(61), at(70)], dtype=np.int64))
    assert [event.device for event in events] == ["d1"]


def test_a_new_interval_counts_from_the_next_reading() -> None:
    fleet = fleet_of({})
    tracker = settled_tracker(fleet)
    fleet.update(msgspec.structs.replace(fleet.records[0], interval_s=60.0))
    assert observe(tracker, [(0, 61.0)]) == []
    assert kinds(tracker.advance(LATER_MS)) == [("stale", 61 + 4.5)]


def test_silence_opens_at_its_limit_whenever_it_is_noticed() -> None:
    tracker = settled_tracker()
    assert tracker.advance(at(SETTLED_MIN + LIMIT_MIN) - 1) == []
    (event,) = tracker.advance(at(5000))
    assert (event.kind, event.rule, event.severity, event.ts_ms) == (
        EventKind.STALE,
        STALE,
        Severity.WARN,
        at(SETTLED_MIN + LIMIT_MIN),
    )
    assert event.sentence == "D0: silent since 01:00; usually speaks every 30 s"
    assert event.observed_w is None
    assert tracker.silent.tolist() == [True]
    assert tracker.advance(at(6000)) == []


def test_it_clears_when_the_device_speaks_again() -> None:
    tracker = settled_tracker()
    (opened,) = tracker.advance(at(90))
    (cleared,) = observe(tracker, [(0, 198.0), (0, 198.5)])
    assert kinds([cleared]) == [("cleared", 198)]
    assert (cleared.id, cleared.version) == (opened.id, 2)
    assert cleared.sentence == "D0: speaks again after 2.3 h"
    assert not tracker.silent.any()
    assert tracker.open == {}


def test_a_gap_within_a_batch_is_seen_alike() -> None:
    events = observe(settled_tracker(), [(0, 198.0), (0, 198.5)])
    noticed = settled_tracker()
    assert events == noticed.advance(at(90)) + observe(noticed, [(0, 198.0), (0, 198.5)])


def test_a_new_device_is_not_silent_before_it_has_spoken_for_a_while() -> None:
    tracker = StalenessTracker(fleet_of({}))
    assert observe(tracker, [(0, 0.0), (0, SETTLED_MIN - 1.0)]) == []
    assert tracker.advance(LATER_MS) == []
    assert observe(tracker, [(0, 100.0)]) == []
    assert kinds(tracker.advance(LATER_MS)) == [("stale", 100 + LIMIT_MIN)]


def test_a_slow_device_must_have_spoken_for_longer() -> None:
    tracker = StalenessTracker(fleet_of({"reporting": Reporting.ON_CHANGE}))
    observe(tracker, [(0, 0.0), (0, 899.0)])
    assert tracker.advance(LATER_MS) == []
    observe(tracker, [(0, 900.0)])
    (event,) = tracker.advance(LATER_MS)
    assert kinds([event]) == [("stale", 990)]
    assert event.sentence.endswith("usually speaks every 60 min")


def test_a_flapping_device_is_one_incident_until_it_has_spoken_for_the_merge_time() -> None:
    events = observe(
        settled_tracker(), [(0, 70.0), (0, 80.0), (0, 150.0), *((0, 151.0 + m) for m in range(80)), (0, 300.0)]
    )
    assert [event.kind.value for event in events] == [
        "stale",
        *["cleared", "updated"] * 2,
        "cleared",
        "stale",
        "cleared",
    ]
    assert len({event.id for event in events}) == 2
    assert [event.version for event in events] == [1, 2, 3, 4, 5, 6, 1, 2]


def test_silence_after_history_is_history() -> None:
    tracker = StalenessTracker(fleet_of({}))
    rows: list[Row] = [(0, float(minute)) for minute in range(61)]
    observe(tracker, rows, historical=True)
    assert tracker.advance(LATER_MS)[0].historical
    within = StalenessTracker(fleet_of({}))
    assert observe(within, [*rows, (0, 100.0)], historical=True)[0].historical


def test_silence_before_an_outbox_drains_was_live() -> None:
    opened, cleared = observe(settled_tracker(), [(0, 198.0)], historical=True)
    assert not opened.historical
    assert not cleared.historical


def test_a_reading_from_before_the_alarm_clears_it_no_earlier_than_it_opened() -> None:
    tracker = settled_tracker()
    tracker.advance(at(90))
    assert kinds(observe(tracker, [(0, 61.0)])) == [("cleared", SETTLED_MIN + LIMIT_MIN)]


def test_nothing_in_nothing_out() -> None:
    tracker = StalenessTracker(fleet_of())
    assert observe(tracker, []) == []
    assert tracker.advance(LATER_MS) == []
    assert tracker.silent.tolist() == []


def test_devices_may_join_at_any_time() -> None:
    fleet = fleet_of({})
    tracker = settled_tracker(fleet)
    slot = fleet.add(DeviceRecord(site="home", device="new", interval_s=30.0))
    assert observe(tracker, [(slot, 60.0), (slot, 120.0)]) == []
    assert [event.device for event in tracker.advance(LATER_MS)] == ["d0", "new"]
    assert tracker.silent.tolist() == [True, True]


def test_acknowledging() -> None:
    tracker = settled_tracker()
    (opened,) = tracker.advance(at(90))
    (seen,) = tracker.acknowledge(opened.id, at(91))
    assert (seen.version, seen.evidence.acknowledged, seen.kind) == (2, True, EventKind.UPDATED)
    assert tracker.acknowledge("other", at(91)) == []


def by_device(events: list[IncidentEvent]) -> dict[str, list[IncidentEvent]]:
    ordered = sorted(events, key=lambda event: (event.device, event.first_ms, event.version))
    return {device: list(own) for device, own in groupby(ordered, key=lambda event: event.device)}


_steps = st.tuples(st.integers(0, 2), st.sampled_from([0.5, 1.0, 2.0, 2.25, 3.0, 30.0, 70.0]))


@settings(max_examples=60, deadline=None)
@given(st.lists(_steps, min_size=1, max_size=60), st.data())
def test_any_cut_and_restart_tells_the_same(steps: list[tuple[int, float]], data: st.DataObject) -> None:
    minutes = np.cumsum([pause for _, pause in steps]).tolist()
    rows: list[Row] = [(slot, minute) for (slot, _), minute in zip(steps, minutes, strict=True)]
    fleet = fleet_of({}, {}, {"interval_s": 60.0})
    whole, cut = StalenessTracker(fleet), StalenessTracker(fleet)
    expected = observe(whole, rows, historical=None) + whole.advance(LATER_MS)
    events = []
    while rows:
        size = data.draw(st.integers(1, len(rows)))
        events += observe(cut, rows[:size], historical=None)
        if data.draw(st.booleans()):
            events += cut.advance(at(rows[size - 1][1]))
        if data.draw(st.booleans()):
            state, cut = freeze(cut), StalenessTracker(fleet)
            thaw(cut, state)
        rows = rows[size:]
    events += cut.advance(LATER_MS)
    assert by_device(events) == by_device(expected)
    assert all(event.kind is not EventKind.OPENED for event in events)


@pytest.mark.parametrize("devices", [1, 500])
def test_many_devices_at_once(devices: int) -> None:
    tracker = StalenessTracker(fleet_of(*({} for _ in range(devices))))
    observe(tracker, [(slot, minute) for minute in (0.0, 61.0) for slot in range(devices)])
    events = tracker.advance(LATER_MS)
    assert len({event.id for event in events}) == devices
    assert {event.ts_ms for event in events} == {at(61 + LIMIT_MIN)}
