from __future__ import annotations

import msgspec
from core.messages import AT_MS, EVENT

from kilowatch.core.device import ActsBy
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, EventKind, IncidentEvent, Severity, Want
from kilowatch.core.usage_incidents import WEEK_MS, Correlation, CorrelationState


def incident(kind: EventKind, version: int = 1, **changes: object) -> IncidentEvent:
    return msgspec.structs.replace(EVENT, kind=kind, version=version, **changes)


def action(state: ActionState, version: int, ts_ms: int = AT_MS) -> ActionEvent:
    return ActionEvent(
        v=WIRE_V,
        id=EVENT.id,
        version=version,
        site="home",
        device="fridge",
        state=state,
        want=Want.SWITCH_OFF,
        acts_by=ActsBy.EDGE,
        attempt=1,
        ts_ms=ts_ms,
        why="",
    )


def test_an_incident_is_open_from_its_opening_until_it_is_cleared() -> None:
    seen = Correlation()
    seen.note_incident(incident(EventKind.OPENED, 1, severity=Severity.WARN))
    assert seen.open_counts() == {("on_time", Severity.WARN): 1}
    seen.note_incident(incident(EventKind.UPDATED, 2, severity=Severity.CRITICAL))
    assert seen.open_counts() == {("on_time", Severity.CRITICAL): 1}
    assert [one.version for one in seen.of_device("home", "fridge")] == [2]
    seen.note_incident(incident(EventKind.CLEARED, 3))
    assert not seen.open_counts()
    assert seen.opened == {("on_time", Severity.WARN, False): 1}


def test_an_event_told_twice_or_late_counts_once() -> None:
    seen = Correlation()
    for version in (1, 1, 3, 2):
        seen.note_incident(incident(EventKind.OPENED if version == 1 else EventKind.UPDATED, version))
    assert seen.opened.total() == 1
    assert seen.open[EVENT.id].version == 3


def test_silence_and_history_are_incidents_but_no_alarms() -> None:
    seen = Correlation()
    seen.note_incident(incident(EventKind.STALE, id="a", rule="stale"))
    seen.note_incident(incident(EventKind.OPENED, id="b", historical=True))
    seen.note_incident(incident(EventKind.OPENED, id="c"))
    assert seen.opened.total() == 3
    assert seen.alarms(AT_MS) == {("home", "fridge"): 1}
    assert seen.open_counts() == {("stale", Severity.CRITICAL): 1, ("on_time", Severity.CRITICAL): 1}


def test_alarms_are_those_of_the_last_week() -> None:
    seen = Correlation()
    for day in range(10):
        seen.note_incident(incident(EventKind.OPENED, id=f"i{day}", first_ms=AT_MS + day * 86_400_000))
    now_ms = AT_MS + 9 * 86_400_000
    assert seen.alarms(now_ms) == {("home", "fridge"): 7}
    seen.forget(now_ms - WEEK_MS)
    assert seen.alarms(now_ms) == {("home", "fridge"): 7}
    assert not seen.alarms(now_ms + 2 * WEEK_MS)


def test_actions_are_followed_to_their_end() -> None:
    seen = Correlation()
    for version, state in enumerate((ActionState.CLAIMED, ActionState.SENT, ActionState.UNCONFIRMED), start=1):
        seen.note_action(action(state, version))
        seen.note_action(action(state, version))
    assert seen.actions[EVENT.id].state is ActionState.UNCONFIRMED
    assert seen.steps[Want.SWITCH_OFF, ActionState.SENT] == 1
    seen.forget(AT_MS + 1)
    assert not seen.actions


def test_a_restart_keeps_everything() -> None:
    seen, again = Correlation(), Correlation()
    seen.note_incident(incident(EventKind.OPENED))
    seen.note_action(action(ActionState.SENT, 1))
    raw = msgspec.msgpack.encode(seen.state())
    again.restore(msgspec.msgpack.decode(raw, type=CorrelationState))
    assert (again.open, again.actions, again.opened, again.steps) == (seen.open, seen.actions, seen.opened, seen.steps)
    assert again.alarms(AT_MS) == seen.alarms(AT_MS)
