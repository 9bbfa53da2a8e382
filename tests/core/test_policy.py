from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import EVENT
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import EventKind, IncidentEvent, Severity, Want
from kilowatch.core.policy import (
    COLD_START,
    EXPIRES_MS,
    HOUR_MS,
    MIN_ON_S,
    Case,
    Interlock,
    Moment,
    PolicyHistory,
    PolicyRules,
    blocking,
    decide,
)
from kilowatch.core.staleness import STALE

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS = EVENT.last_ms + 1000
HOME = DeviceRecord(
    site="home", device="fridge", kind=Kind.FRIDGE, protected=False, stage=Stage.ARMED, acts_by=ActsBy.EDGE
)
SWITCHES = Case(
    event=EVENT,
    record=HOME,
    at=Moment(site_ms=NOW_MS),
    history=PolicyHistory(),
    rules=PolicyRules(side=ActsBy.EDGE, dry_run=False),
)


def with_event(**changed: object) -> Case:
    return replace(SWITCHES, event=msgspec.structs.replace(EVENT, **changed))


def with_evidence(**changed: object) -> Case:
    return with_event(evidence=msgspec.structs.replace(EVENT.evidence, **changed))


def with_record(**changed: object) -> Case:
    return replace(SWITCHES, record=msgspec.structs.replace(HOME, **changed))


def with_history(history: PolicyHistory) -> Case:
    return replace(SWITCHES, history=history)


ONE_SHUT: dict[Interlock, list[Case]] = {
    Interlock.OTHER_DEVICE: [with_event(device="freezer"), with_event(site="office")],
    Interlock.CLEARED: [with_event(kind=EventKind.CLEARED)],
    Interlock.HISTORICAL: [with_event(historical=True)],
    Interlock.EXPIRED: [with_event(last_ms=NOW_MS - EXPIRES_MS - 1), with_event(last_ms=NOW_MS + EXPIRES_MS + 1)],
    Interlock.NOT_CRITICAL: [with_event(severity=Severity.WARN), with_event(severity=Severity.INFO)],
    Interlock.DRAWS_LITTLE: [
        with_event(observed_w=None),
        with_event(observed_w=2.0),
        with_event(observed_w=50.0, expected_low_w=80.0, expected_high_w=100.0),
    ],
    Interlock.LEARNING: [with_event(rule=COLD_START)],
    Interlock.ONE_WINDOW: [with_evidence(windows=1)],
    Interlock.PROTECTED: [with_record(protected=True)],
    Interlock.NOT_ARMED: [with_record(stage=Stage.WATCHING)],
    Interlock.NOT_OURS: [with_record(acts_by=ActsBy.CLOUD), with_record(acts_by=ActsBy.NONE)],
    Interlock.MUTED: [with_record(muted_until=NOW_MS + 1)],
    Interlock.ACKNOWLEDGED: [with_evidence(acknowledged=True)],
    Interlock.STALE: [replace(SWITCHES, at=replace(SWITCHES.at, stale=True)), with_event(rule=STALE)],
    Interlock.ALREADY_ACTED: [with_history(PolicyHistory(acted_on=frozenset({EVENT.id})))],
    Interlock.PERSON_ON: [
        with_history(PolicyHistory(person_on_ms=NOW_MS - 1)),
        with_history(PolicyHistory(person_on_ms=NOW_MS - 1, rearmed_ms=NOW_MS - 1)),
    ],
    Interlock.COOL_DOWN: [
        with_history(PolicyHistory(device_actions_ms=(NOW_MS - 3_599_999,))),
        with_history(PolicyHistory(device_actions_ms=(NOW_MS + 1,))),
    ],
    Interlock.SITE_RATE: [with_history(PolicyHistory(site_actions_ms=(NOW_MS, NOW_MS - HOUR_MS + 1)))],
    Interlock.MINIMUM_ON: [
        with_evidence(on_since_ms=None),
        with_evidence(on_since_ms=NOW_MS - 299_999),
    ],
    Interlock.DRY_RUN: [replace(SWITCHES, rules=replace(SWITCHES.rules, dry_run=True))],
}


def test_with_every_interlock_open_the_plug_is_switched_off() -> None:
    intent = decide(SWITCHES)
    assert (intent.want, intent.blocked) == (Want.SWITCH_OFF, ())
    assert (intent.id, intent.site, intent.device) == (EVENT.id, "home", "fridge")
    assert intent.expires_ms == NOW_MS + 120_000
    assert intent.why == "Fridge is switched off: on for 41 min; usually off after 18 min."


@pytest.mark.parametrize(
    ("interlock", "case"), [(interlock, case) for interlock, cases in ONE_SHUT.items() for case in cases]
)
def test_each_interlock_alone_keeps_the_plug_on(interlock: Interlock, case: Case) -> None:
    intent = decide(case)
    assert intent.want is not Want.SWITCH_OFF
    assert intent.blocked == (interlock,)


def test_learning_is_never_armed() -> None:
    intent = decide(with_record(stage=Stage.LEARNING))
    assert (intent.want, intent.blocked) == (Want.NONE, (Interlock.LEARNING, Interlock.NOT_ARMED))


def test_every_interlock_has_its_case_and_its_own_sentence() -> None:
    assert set(ONE_SHUT) == set(Interlock)
    sentences = {decide(cases[0]).why for cases in ONE_SHUT.values()}
    assert len(sentences) == len(ONE_SHUT)


@pytest.mark.parametrize(
    "history",
    [
        PolicyHistory(person_on_ms=NOW_MS - 2, rearmed_ms=NOW_MS - 1),
        PolicyHistory(rearmed_ms=NOW_MS - 1),
        PolicyHistory(acted_on=frozenset({"another"})),
        PolicyHistory(device_actions_ms=(NOW_MS - HOUR_MS,)),
        PolicyHistory(site_actions_ms=(NOW_MS, NOW_MS - HOUR_MS)),
    ],
)
def test_what_lies_back_far_enough_does_not_block(history: PolicyHistory) -> None:
    assert decide(with_history(history)).want is Want.SWITCH_OFF


def test_only_compressors_have_a_minimum_time() -> None:
    assert {Kind.FRIDGE, Kind.FREEZER} <= set(MIN_ON_S)
    heater = with_record(kind=Kind.HEATER)
    assert decide(replace(heater, at=Moment(site_ms=NOW_MS))).want is Want.SWITCH_OFF


def test_one_window_is_never_enough_whatever_the_rules_say() -> None:
    rules = replace(SWITCHES.rules, min_windows=0)
    assert decide(replace(with_evidence(windows=1), rules=rules)).want is not Want.SWITCH_OFF


def test_nothing_is_switched_as_it_comes() -> None:
    assert PolicyRules(side=ActsBy.EDGE).dry_run
    assert decide(replace(SWITCHES, record=DeviceRecord(site="home", device="fridge"))).want is Want.NONE


def test_all_shut_interlocks_are_told_in_order() -> None:
    case = replace(with_record(protected=True, stage=Stage.WATCHING), rules=PolicyRules(side=ActsBy.EDGE))
    intent = decide(case)
    assert intent.blocked == (Interlock.PROTECTED, Interlock.NOT_ARMED, Interlock.DRY_RUN)
    assert intent.why == "Would switch fridge off, but it is protected; nobody armed it; this is a dry run."


@pytest.mark.parametrize(
    ("case", "want"),
    [
        (with_record(protected=True), Want.NOTIFY),
        (with_event(severity=Severity.INFO), Want.NOTIFY),
        (with_event(historical=True), Want.NONE),
        (with_event(kind=EventKind.CLEARED), Want.NONE),
        (with_record(muted_until=NOW_MS + 1), Want.NONE),
        (with_record(muted_until=NOW_MS), Want.SWITCH_OFF),
        (with_evidence(acknowledged=True), Want.NONE),
        (replace(SWITCHES, at=Moment(NOW_MS, stale=True)), Want.NONE),
        (replace(with_event(rule=STALE, kind=EventKind.STALE), at=Moment(NOW_MS, stale=True)), Want.NOTIFY),
    ],
)
def test_who_is_told(case: Case, want: Want) -> None:
    assert decide(case).want is want


_times = st.sampled_from([NOW_MS - EXPIRES_MS - 1, NOW_MS - HOUR_MS, NOW_MS - 1, NOW_MS, NOW_MS + HOUR_MS])
_flags = st.booleans()
_powers = st.none() | st.sampled_from([0.0, 92.5])

PARTS: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "event": {
        "device": st.sampled_from(["fridge", "freezer"]),
        "kind": st.sampled_from(EventKind),
        "severity": st.sampled_from(Severity),
        "historical": _flags,
        "last_ms": _times,
        "observed_w": _powers,
        "expected_low_w": _powers,
        "rule": st.sampled_from(["on_time", STALE]),
    },
    "evidence": {"windows": st.integers(0, 3), "acknowledged": _flags, "on_since_ms": st.none() | _times},
    "record": {
        "kind": st.sampled_from([Kind.HEATER, Kind.FRIDGE, Kind.UNKNOWN]),
        "protected": _flags,
        "stage": st.sampled_from(Stage),
        "acts_by": st.sampled_from(ActsBy),
        "muted_until": st.none() | _times,
    },
    "at": {"stale": _flags},
    "history": {
        "acted_on": st.frozensets(st.sampled_from([EVENT.id, "other"]), max_size=2),
        "device_actions_ms": st.lists(_times, max_size=2).map(tuple),
        "site_actions_ms": st.lists(_times, max_size=4).map(tuple),
        "person_on_ms": st.none() | _times,
        "rearmed_ms": st.none() | _times,
    },
    "rules": {"side": st.sampled_from(ActsBy), "dry_run": _flags, "min_windows": st.integers(0, 3)},
}
ALL_FIELDS = [(part, name) for part, strategies in PARTS.items() for name in strategies]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case that would switch off, but for a few fields: so each interlock is met alone and with others."""
    chosen = draw(st.lists(st.sampled_from(ALL_FIELDS), max_size=3, unique=True, min_size=1))
    changes: dict[str, dict[str, object]] = {part: {} for part in PARTS}
    for part, name in chosen:
        changes[part][name] = draw(PARTS[part][name])
    evidence = msgspec.structs.replace(EVENT.evidence, **changes["evidence"])
    return Case(
        event=msgspec.structs.replace(EVENT, evidence=evidence, **changes["event"]),
        record=msgspec.structs.replace(HOME, **changes["record"]),
        at=replace(SWITCHES.at, **changes["at"]),  # type: ignore[arg-type]
        history=replace(SWITCHES.history, **changes["history"]),  # type: ignore[arg-type]
        rules=replace(SWITCHES.rules, **changes["rules"]),  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Never:
    """What must never happen to a plug, each said anew and not as policy says it."""

    unarmed: Callable[[Case], bool] = lambda case: case.record.stage != "armed"
    protected: Callable[[Case], bool] = lambda case: case.record.protected
    dry_run: Callable[[Case], bool] = lambda case: case.rules.dry_run
    cooling_down: Callable[[Case], bool] = lambda case: any(
        NOW_MS - at < 3_600_000 for at in case.history.device_actions_ms
    )
    one_window: Callable[[Case], bool] = lambda case: case.event.evidence.windows <= 1
    past: Callable[[Case], bool] = lambda case: case.event.historical or NOW_MS - case.event.last_ms > 120_000
    not_owner: Callable[[Case], bool] = lambda case: case.record.acts_by != case.rules.side or case.rules.side == "none"
    twice: Callable[[Case], bool] = lambda case: case.event.id in case.history.acted_on
    another: Callable[[Case], bool] = lambda case: case.event.device != case.record.device
    against_a_person: Callable[[Case], bool] = lambda case: (
        (case.record.muted_until or 0) > NOW_MS
        or case.event.evidence.acknowledged
        or (case.history.person_on_ms or 0) >= (case.history.rearmed_ms or 1)
    )
    over: Callable[[Case], bool] = lambda case: case.event.kind == "cleared"
    silent: Callable[[Case], bool] = lambda case: case.at.stale or case.event.rule == "stale"
    powerless: Callable[[Case], bool] = lambda case: not case.event.observed_w
    just_started: Callable[[Case], bool] = lambda case: (
        case.record.kind == "fridge" and NOW_MS - (case.event.evidence.on_since_ms or NOW_MS) < 300_000
    )
    harmless: Callable[[Case], bool] = lambda case: case.event.severity != "critical"
    too_many: Callable[[Case], bool] = lambda case: (
        sum(NOW_MS - at < HOUR_MS for at in case.history.site_actions_ms) > 1
    )


@settings(max_examples=500, deadline=None)
@given(cases())
def test_what_must_never_happen_does_not(case: Case) -> None:
    intent = decide(case)
    forbidden = [field.name for field in fields(Never) if getattr(Never, field.name)(case)]
    if forbidden:
        assert intent.want is not Want.SWITCH_OFF, forbidden
    assert (intent.want is Want.SWITCH_OFF) == (not blocking(case))


@settings(max_examples=50, deadline=None)
@given(cases())
def test_history_and_learning_tell_nobody(case: Case) -> None:
    if case.event.historical or case.record.stage is Stage.LEARNING:
        assert decide(case).want is Want.NONE


def test_the_event_alone_decides_so_replay_and_edge_agree() -> None:
    again = msgspec.json.decode(msgspec.json.encode(EVENT), type=IncidentEvent)
    assert decide(replace(SWITCHES, event=again)) == decide(SWITCHES)
