from __future__ import annotations

import math
from dataclasses import replace
from itertools import groupby, pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS, fleet_of
from core.hots import MINUTE_MS, hot_at, kinds
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import EventKind, IncidentEvent, Severity
from kilowatch.core.incident import HIGHEST_SCORE, Direction, Hot, IncidentRules, IncidentTracker, incident_id
from kilowatch.core.incident_rules import DEFAULT_FLOOR_W, FLOOR_W, floor_of
from kilowatch.core.state import freeze, thaw
from kilowatch.errors import ConfigError

RULES = IncidentRules()  # clears after 10 min, merges within 60, updates every 15
LATER_MS = START_MS + 10_000 * MINUTE_MS


def tracker_of(*records: DeviceRecord, rules: IncidentRules = RULES) -> IncidentTracker:
    return IncidentTracker(Fleet(list(records)) if records else fleet_of({}), rules)


def record_of(**known: object) -> DeviceRecord:
    return msgspec.convert({"site": "home", "device": "fridge"} | known, DeviceRecord)


def feed(tracker: IncidentTracker, *hots: Hot, until_ms: int = LATER_MS) -> list[IncidentEvent]:
    return [event for hot in hots for event in tracker.observe(hot)] + tracker.advance(until_ms)


def opens(hot: Hot, record: DeviceRecord | None = None, rules: IncidentRules = RULES) -> bool:
    return [event.kind for event in tracker_of(record or record_of(), rules=rules).observe(hot)] == [EventKind.OPENED]


class TestOpening:
    def test_an_incident_opens_with_all_that_is_known(self) -> None:
        tracker = tracker_of(record_of(time_zone="Europe/Berlin"))
        hot = hot_at(192, 1.6, peak=1.9, since_ms=START_MS + 190 * MINUTE_MS, rule="on_time", phrase="on for 41 min")
        (event,) = tracker.observe(replace(hot, model="5f1d"))
        assert event.id == incident_id("home", "fridge", "on_time", START_MS + 190 * MINUTE_MS)
        assert (event.version, event.kind, event.severity) == (1, EventKind.OPENED, Severity.WARN)
        assert (event.first_ms, event.last_ms, event.ts_ms) == (hot.since_ms, hot.ts_ms, hot.ts_ms)
        assert (event.score, event.threshold, event.evidence.peak) == (1.6, 1.0, 1.9)
        assert (event.observed_w, event.expected_low_w, event.expected_high_w) == (92.0, 0.0, 4.0)
        assert event.sentence == "Fridge: on for 41 min; since 04:10, as of 04:12 (drawing 92 W, expected 0 to 4 W)"
        assert (event.model, event.historical, event.evidence.muted) == ("5f1d", False, False)

    @pytest.mark.parametrize(("score", "expected"), [(0.99994, False), (0.99996, True), (math.nan, False)])
    def test_scores_are_compared_after_rounding(self, score: float, expected: bool) -> None:
        assert opens(hot_at(0, score)) is expected

    def test_unknown_watts_become_null(self) -> None:
        (event,) = tracker_of().observe(hot_at(0, observed_w=math.nan, low_w=math.nan, high_w=math.nan, peak=math.nan))
        assert (event.observed_w, event.expected_low_w, event.expected_high_w) == (None, None, None)
        assert event.evidence.peak == event.score
        assert b"NaN" not in msgspec.json.encode(event)

    def test_endless_scores_and_watts_stay_within_json(self) -> None:
        (event,) = tracker_of().observe(hot_at(0, math.inf, observed_w=math.inf, high_w=math.inf))
        assert (event.score, event.evidence.peak, event.observed_w) == (HIGHEST_SCORE, HIGHEST_SCORE, None)
        assert msgspec.json.decode(msgspec.json.encode(event), type=IncidentEvent) == event

    def test_a_muted_device_opens_muted(self) -> None:
        tracker = tracker_of(record_of(muted_until=START_MS + MINUTE_MS))
        events = feed(tracker, hot_at(0), hot_at(2, 1.7))
        assert [event.evidence.muted for event in events] == [True, False, False]

    def test_history_stays_history(self) -> None:
        old, new = feed(tracker_of(), hot_at(0, historical=True), hot_at(1, 1.7), until_ms=START_MS)
        assert (old.historical, new.historical) == (True, True)
        live = feed(tracker_of(), hot_at(0), hot_at(1, 1.7, historical=True), until_ms=START_MS)
        assert not any(event.historical for event in live)


class TestFloorsAndSides:
    @pytest.mark.parametrize(
        ("observed_w", "low_w", "high_w", "expected"),
        [
            (14.9, 0.0, 10.0, False),
            (15.0, 0.0, 10.0, True),
            (15.1, 20.0, 30.0, False),
            (15.0, 20.0, 30.0, True),
            (4.9, 0.0, 4.95, False),
            (3.0, 0.0, 5.0, True),
            (5.0, math.nan, math.nan, True),
            (4.9, math.nan, math.nan, False),
            (math.nan, math.nan, math.nan, True),
        ],
    )
    def test_five_watts_must_be_at_stake(self, observed_w: float, low_w: float, high_w: float, expected: bool) -> None:
        assert opens(hot_at(0, 9.0, observed_w=observed_w, low_w=low_w, high_w=high_w)) is expected

    def test_a_person_or_the_kind_sets_the_floor(self) -> None:
        assert floor_of(record_of()) == DEFAULT_FLOOR_W
        assert floor_of(record_of(kind=Kind.METER)) == FLOOR_W[Kind.METER]
        assert floor_of(record_of(kind=Kind.METER, min_w=1.0)) == 1.0
        assert not opens(hot_at(0), record_of(min_w=89.0))
        assert opens(hot_at(0), record_of(min_w=88.0))

    @pytest.mark.parametrize(
        ("direction", "above", "below"),
        [(Direction.ABOVE, True, False), (Direction.BELOW, False, True), (Direction.BOTH, True, True)],
    )
    def test_direction(self, direction: Direction, above: bool, below: bool) -> None:
        rules = IncidentRules(direction=direction)
        assert opens(hot_at(0, observed_w=92.0, low_w=0.0, high_w=4.0), rules=rules) is above
        assert opens(hot_at(0, observed_w=0.0, low_w=80.0, high_w=90.0), rules=rules) is below
        assert opens(hot_at(0, observed_w=85.0, low_w=80.0, high_w=90.0), rules=rules)

    def test_what_does_not_concern_does_not_hold_an_incident_open(self) -> None:
        small = hot_at(9, 3.0, observed_w=5.0)
        assert kinds(feed(tracker_of(), hot_at(0), small)) == [("opened", 0), ("cleared", 10)]


class TestLife:
    def test_it_lives_at_the_leave_level_and_no_lower(self) -> None:
        assert kinds(feed(tracker_of(), hot_at(0), hot_at(9, 0.8))) == [("opened", 0), ("cleared", 19)]
        assert kinds(feed(tracker_of(), hot_at(0), hot_at(9, 0.79))) == [("opened", 0), ("cleared", 10)]
        assert kinds(feed(tracker_of(), hot_at(0, 0.9))) == []

    @pytest.mark.parametrize("noticed", [10, 11, 5000])
    def test_it_clears_at_the_same_time_whenever_that_is_noticed(self, noticed: int) -> None:
        tracker = tracker_of()
        tracker.observe(hot_at(0))
        assert tracker.advance(START_MS + 10 * MINUTE_MS - 1) == []
        (event,) = tracker.advance(START_MS + noticed * MINUTE_MS)
        assert kinds([event]) == [("cleared", 10)]
        assert event.sentence.startswith("D0: as expected again after 10 min; it was: draws more")
        assert tracker.open == {}

    def test_the_next_sample_clears_it_too(self) -> None:
        first, cleared, again = feed(tracker_of(), hot_at(0), hot_at(10), until_ms=START_MS)
        assert kinds([first, cleared, again]) == [("opened", 0), ("cleared", 10), ("updated", 10)]
        assert [event.version for event in (first, cleared, again)] == [1, 2, 3]

    def test_a_risen_severity_is_told_at_once_and_stays(self) -> None:
        hots = [hot_at(minute, score) for minute, score in enumerate((1.2, 1.6, 1.3, 2.6, 1.0))]
        events = feed(tracker_of(), *hots)
        assert [event.severity for event in events] == [
            Severity.INFO,
            Severity.WARN,
            Severity.CRITICAL,
            Severity.CRITICAL,
        ]
        assert (events[-1].score, events[-1].evidence.windows) == (2.6, 5)

    def test_a_changed_sentence_is_told_every_quarter_of_an_hour(self) -> None:
        changing = [hot_at(minute, phrase=f"on for {minute} min") for minute in range(40)]
        events = feed(tracker_of(), *changing, until_ms=START_MS)
        assert kinds(events) == [("opened", 0), ("updated", 15), ("updated", 30)]
        assert "on for 30 min; since 00:00, as of 00:30" in events[-1].sentence
        settled = [hot_at(minute, phrase=f"draws {14 if minute < 4 else 22} W on average") for minute in range(40)]
        events = feed(tracker_of(), *settled, until_ms=START_MS)
        assert kinds(events) == [("opened", 0), ("updated", 15)], "it had changed long before it could be told"
        assert "draws 22 W on average; since 00:00, as of 00:15" in events[-1].sentence
        steady = [hot_at(minute) for minute in range(40)]
        assert kinds(feed(tracker_of(), *steady, until_ms=START_MS)) == [("opened", 0)]

    def test_a_sentence_told_later_still_says_when_its_figures_were_found(self) -> None:
        tracker = tracker_of()
        (opened,) = tracker.observe(hot_at(0, phrase="on for 1 min"))
        assert tracker.observe(hot_at(5, phrase="on for 6 min")) == []
        assert tracker.observe(hot_at(9, 0.9, phrase="on for 10 min")) == [], "too little to be evidence"
        (seen,) = tracker.acknowledge(opened.id, START_MS + 12 * MINUTE_MS)
        assert "on for 6 min; since 00:00, as of 00:05 (" in seen.sentence
        tracker.open[0].found_ms = None
        stands = tracker.stands(0, START_MS + 13 * MINUTE_MS)
        assert stands is not None
        assert "since 00:00, as of 00:09 (" in stands.sentence, "a snapshot of before knows the last odd reading alone"

    def test_a_critical_opening_is_backed_by_the_next_window(self) -> None:
        events = feed(tracker_of(), *(hot_at(minute, 3.0) for minute in range(5)), until_ms=START_MS)
        assert kinds(events) == [("opened", 0), ("updated", 1)]
        assert [event.evidence.windows for event in events] == [1, 2]

    def test_the_leading_detector_may_change_but_the_rule_stays(self) -> None:
        events = feed(tracker_of(), hot_at(0), hot_at(1, 1.7, rule="on_time", phrase="on for 41 min"), until_ms=0)
        assert [(event.rule, event.evidence.rule) for event in events] == [("level", "level"), ("level", "on_time")]
        assert events[0].id == events[1].id

    def test_how_it_stands_can_be_asked_without_telling(self) -> None:
        tracker = tracker_of()
        (opened,) = tracker.observe(hot_at(0))
        tracker.observe(hot_at(1))
        now = tracker.stands(0, START_MS + 2 * MINUTE_MS)
        assert now is not None
        assert (now.version, now.evidence.windows, now.last_ms) == (1, 2, opened.last_ms + MINUTE_MS)
        assert [event.version for event in tracker.advance(LATER_MS)] == [2]
        assert tracker.stands(0, LATER_MS) is None


def test_devices_may_join_at_any_time() -> None:
    fleet = fleet_of({})
    tracker = IncidentTracker(fleet)
    tracker.observe(hot_at(0))
    slots = [fleet.add(record_of(device=f"new{number}")) for number in range(5)]
    tracker.observe(hot_at(1, slot=slots[-1]))
    assert [event.device for event in tracker.advance(np.full(6, LATER_MS))] == ["d0", "new4"]


class TestComingBack:
    def test_within_the_merge_time_it_is_the_same_incident(self) -> None:
        events = feed(tracker_of(), hot_at(0), hot_at(59), hot_at(118))
        assert [event.kind.value for event in events] == [
            "opened",
            "cleared",
            "updated",
            "cleared",
            "updated",
            "cleared",
        ]
        assert {event.id for event in events} == {events[0].id}
        assert [event.version for event in events] == [1, 2, 3, 4, 5, 6]
        assert events[-1].evidence.bursts == 3
        assert events[-1].first_ms == START_MS
        assert "; since 00:00, with breaks, as of 01:58 (" in events[-2].sentence, "as its first_ms, on page and in API"
        assert "as expected again after 118 min, with breaks; it was" in events[-1].sentence

    def test_after_it_another_one_opens(self) -> None:
        events = feed(tracker_of(), hot_at(0), hot_at(60))
        assert kinds(events) == [("opened", 0), ("cleared", 10), ("opened", 60), ("cleared", 70)]
        assert events[0].id != events[2].id
        assert [event.version for event in events] == [1, 2, 1, 2]

    def test_the_merge_time_does_not_lower_the_level(self) -> None:
        assert kinds(feed(tracker_of(), hot_at(0), hot_at(20, 0.9))) == [("opened", 0), ("cleared", 10)]

    def test_a_burst_that_claims_an_old_beginning_gets_an_id_of_its_own(self) -> None:
        events = feed(tracker_of(), hot_at(0), hot_at(100, since_ms=START_MS))
        assert len({event.id for event in events if event.kind is EventKind.OPENED}) == 2

    def test_a_late_sample_reopens_what_was_cleared_too_early(self) -> None:
        tracker = tracker_of()
        events = feed(tracker, hot_at(0), until_ms=START_MS + 30 * MINUTE_MS) + feed(tracker, hot_at(5))
        assert kinds(events) == [("opened", 0), ("cleared", 10), ("updated", 5), ("cleared", 15)]
        assert len({event.id for event in events}) == 1


class TestAcknowledging:
    def test_it_is_told_once_and_kept(self) -> None:
        tracker = tracker_of()
        (opened,) = tracker.observe(hot_at(0))
        (seen,) = tracker.acknowledge(opened.id, START_MS + MINUTE_MS)
        assert (seen.kind, seen.evidence.acknowledged) == (EventKind.UPDATED, True)
        assert tracker.acknowledge(opened.id, START_MS + 2 * MINUTE_MS) == []
        assert tracker.advance(LATER_MS)[0].evidence.acknowledged

    def test_what_is_not_open_cannot_be_acknowledged(self) -> None:
        tracker = tracker_of()
        (opened, _) = feed(tracker, hot_at(0))
        assert tracker.acknowledge(opened.id, LATER_MS) == []
        assert tracker.acknowledge("nothing", LATER_MS) == []


class TestIds:
    def test_are_pinned(self) -> None:
        assert incident_id("home", "fridge", "level", START_MS) == "46f5a7fabfa49327"

    def test_fields_cannot_run_together(self) -> None:
        names = ["a", "ab", "b", "", 'a","b', "a\x1fb", "ä"]
        ids = {
            incident_id(site, device, rule, at)
            for site in names
            for device in names
            for rule in names
            for at in (1, 11)
        }
        assert len(ids) == len(names) ** 3 * 2


class TestSnapshots:
    def test_unknown_watts_survive(self) -> None:
        old, new = tracker_of(), tracker_of()
        old.observe(hot_at(0, observed_w=math.nan, low_w=math.nan, high_w=math.nan))
        thaw(new, freeze(old))
        assert new.advance(LATER_MS) == old.advance(LATER_MS)

    def test_old_incidents_are_forgotten(self) -> None:
        tracker = tracker_of()
        feed(tracker, hot_at(0))
        assert tracker.incident(0) is not None
        tracker.advance(START_MS + 25 * 60 * MINUTE_MS)
        assert tracker.incident(0) is None


@pytest.mark.parametrize(
    "wrong",
    [{"leave": 1.1}, {"warn": 0.9}, {"critical": 1.2}, {"leave": 0.0}, {"merge_s": 60.0}, {"clear_after_s": 0.0}],
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        IncidentRules(**wrong)  # type: ignore[arg-type]


DEVICES = 3
_scores = st.sampled_from([0.5, 0.8, 0.9, 1.0, 1.2, 1.6, 2.6])
_hots = st.tuples(st.integers(0, DEVICES - 1), st.sampled_from([0, 1, 5, 9, 10, 11, 30, 59, 60, 200]), _scores)
_pauses = st.sampled_from(["none", "advance", "restart", "ahead"])


def stream(steps: list[tuple[int, int, float]]) -> list[Hot]:
    """Return odd samples in event order; each step is a device, the minutes since the last one, and a score."""
    minute, hots = 0, []
    for slot, pause, score in steps:
        minute += pause
        hots.append(hot_at(minute, score, slot, phrase=f"odd for {minute} min", historical=minute % 7 == 0))
    return hots


def by_device(events: list[IncidentEvent]) -> dict[str, list[IncidentEvent]]:
    ordered = sorted(events, key=lambda event: (event.device, event.first_ms, event.version))
    return {device: list(own) for device, own in groupby(ordered, key=lambda event: event.device)}


@settings(max_examples=60, deadline=None)
@given(st.lists(_hots, max_size=40), st.data())
def test_any_cut_and_interleaving_and_restart_tells_the_same(
    steps: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    hots = stream(steps)
    alone = [
        feed(IncidentTracker(fleet_of({}, {}, {})), *(hot for hot in hots if hot.slot == slot)) for slot in range(3)
    ]
    tracker, events = IncidentTracker(fleet_of({}, {}, {})), []
    for hot, following in pairwise([*hots, hot_at(10_000)]):
        events += tracker.observe(hot)
        pause = data.draw(_pauses)
        if pause == "advance":
            events += tracker.advance(hot.ts_ms)
        elif pause == "ahead":
            events += tracker.advance(np.full(DEVICES, following.ts_ms, dtype=np.int64))
        elif pause == "restart":
            tracker, state = IncidentTracker(fleet_of({}, {}, {})), freeze(tracker)
            thaw(tracker, state)
    events += tracker.advance(LATER_MS)
    assert by_device(events) == by_device([event for own in alone for event in own])


@settings(max_examples=60, deadline=None)
@given(st.lists(_hots.filter(lambda step: step[2] >= 1.0), min_size=1, max_size=40))
def test_there_is_one_incident_per_run_with_no_gap_of_the_merge_time(steps: list[tuple[int, int, float]]) -> None:
    for slot in range(DEVICES):
        hots = [hot for hot in stream(steps) if hot.slot == slot]
        gaps = [after.ts_ms - before.ts_ms for before, after in pairwise(hots)]
        runs = (1 if hots else 0) + sum(gap >= 60 * MINUTE_MS for gap in gaps)
        events = feed(IncidentTracker(fleet_of({}, {}, {})), *hots)
        opened = [event.id for event in events if event.kind is EventKind.OPENED]
        assert len(opened) == len(set(opened)) == runs


@settings(max_examples=60, deadline=None)
@given(st.lists(_hots, max_size=40))
def test_versions_count_up_and_every_opening_is_cleared(steps: list[tuple[int, int, float]]) -> None:
    told: dict[str, list[IncidentEvent]] = {}
    for event in feed(IncidentTracker(fleet_of({}, {}, {})), *stream(steps)):
        told.setdefault(event.id, []).append(event)
    for events in told.values():
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        assert [event.kind for event in events if event.kind is EventKind.OPENED] == [events[0].kind]
        assert events[-1].kind is EventKind.CLEARED
        assert events[-1].ts_ms == events[-1].last_ms + 10 * MINUTE_MS
        assert all(after.score >= before.score for before, after in pairwise(events))
