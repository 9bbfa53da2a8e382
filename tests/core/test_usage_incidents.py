from __future__ import annotations

import msgspec

from core.messages import AT_MS, EVENT, EXAMPLES
from kilowatch.core.events import ActionEvent, ActionState, EventKind, IncidentEvent, Severity, Want
from kilowatch.core.state import freeze, thaw
from kilowatch.core.usage_incidents import WEEK_MS, Correlation

ACTION = next(one for one in EXAMPLES if isinstance(one, ActionEvent))


def incident(kind: EventKind, version: int = 1, **changes: object) -> IncidentEvent:
    return msgspec.structs.replace(EVENT, kind=kind, version=version, **changes)


def action(state: ActionState, version: int, ts_ms: int = AT_MS) -> ActionEvent:
    return msgspec.structs.replace(ACTION, state=state, version=version, ts_ms=ts_ms, id=EVENT.id)


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
    assert sum(seen.opened.values()) == 1
    assert seen.open[EVENT.id].version == 3


def test_an_event_of_a_cleared_incident_told_again_opens_nothing_and_a_newer_one_does() -> None:
    seen = Correlation()
    opened, cleared = incident(EventKind.OPENED, 1, first_ms=AT_MS), incident(EventKind.CLEARED, 2, ts_ms=AT_MS)
    for event in (opened, cleared, opened, cleared):
        seen.note_incident(event)
    assert not seen.open
    assert (sum(seen.opened.values()), seen.alarms_ever) == (1, 1)
    again = Correlation()
    thaw(again, freeze(seen))
    again.note_incident(opened)
    assert not again.open
    again.note_incident(incident(EventKind.UPDATED, 3))
    assert again.open[EVENT.id].version == 3
    seen.forget(AT_MS + 1)
    assert not seen.closed


def test_silence_and_history_are_incidents_but_no_alarms() -> None:
    seen = Correlation()
    seen.note_incident(incident(EventKind.STALE, id="a", rule="stale"))
    seen.note_incident(incident(EventKind.OPENED, id="b", historical=True))
    seen.note_incident(incident(EventKind.OPENED, id="c"))
    assert sum(seen.opened.values()) == 3
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
    thaw(again, freeze(seen))
    assert (again.open, again.actions, again.opened, again.steps) == (seen.open, seen.actions, seen.opened, seen.steps)
    assert again.alarms(AT_MS) == seen.alarms(AT_MS) == {("home", "fridge"): 1}


def test_what_switch_offs_avoided_is_added_up_once_each_and_kept() -> None:
    seen, again = Correlation(), Correlation()
    saved = msgspec.structs.replace(action(ActionState.CONFIRMED, 3), avoided_wh=1996.0)
    for event in (action(ActionState.CLAIMED, 1), saved, saved, msgspec.structs.replace(saved, id="other")):
        seen.note_action(event)
    thaw(again, freeze(seen))
    assert again.avoided_wh == seen.avoided_wh == 2 * 1996.0
