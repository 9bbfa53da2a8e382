"""What people are told: in plain words, once at the beginning and once at the end, and never by a name alone."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.told import event, evident, step
from kilowatch.core.events import ActionState, EventKind, Severity
from kilowatch.core.notices import Phase, Wishes, digest, history, notice_of, one_line, phase_of, trial, unanswered


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        (EventKind.OPENED, Phase.BEGAN),
        (EventKind.UPDATED, Phase.BEGAN),
        (EventKind.STALE, Phase.BEGAN),
        (EventKind.CLEARED, Phase.ENDED),
    ],
)
def test_an_event_calls_for_a_phase(kind: EventKind, phase: Phase) -> None:
    told = event("i1", 1, kind=kind)
    assert phase_of(told) is phase
    assert phase_of(evident(told, acknowledged=True)) is None
    assert phase_of(evident(told, muted=True)) is (Phase.ENDED if phase is Phase.ENDED else None)


def test_history_is_told_together_and_updates_of_it_not_at_all() -> None:
    past = msgspec.structs.replace(event("i1", 1), historical=True)
    assert phase_of(past) is Phase.HISTORY
    assert phase_of(msgspec.structs.replace(past, kind=EventKind.UPDATED)) is None


def test_an_end_says_whether_we_had_switched_it_off() -> None:
    over = event("i1", 2, kind=EventKind.CLEARED)
    confirmed = [step(ActionState.SENT, 2), step(ActionState.CONFIRMED, 3)]
    assert notice_of(over, Phase.ENDED, confirmed).text.endswith("kilowatch had switched it off.")
    for steps in ([], [step(ActionState.REFUSED)], [step(ActionState.UNCONFIRMED)]):
        assert "switched" not in notice_of(over, Phase.ENDED, steps).text


def test_a_call_for_a_person_says_what_to_do() -> None:
    notice = unanswered(step(ActionState.UNCONFIRMED), event("i1", 1))
    assert notice.title == "Please look at Tv: it may still be on"
    assert "the plug says that it is on" in notice.text
    assert notice.severity is Severity.CRITICAL
    assert unanswered(step(ActionState.UNCONFIRMED), None).id == notice.id


def test_a_digest_has_the_last_word_of_each_incident_and_says_how_many_more() -> None:
    began = [notice_of(event(f"i{n}", 1, ts_ms=1_000 + n), Phase.BEGAN) for n in range(30)]
    ended = notice_of(event("i5", 2, kind=EventKind.CLEARED, ts_ms=9_000), Phase.ENDED)
    told = digest([*began, ended])
    assert told.title == "30 incidents on 1 device"
    assert told.text.splitlines()[0] == f"- {ended.text}"
    assert told.text.splitlines()[-1] == "- and 10 more"
    assert len(told.text.splitlines()) == 21


def test_a_digest_begins_with_the_freshest_word_also_of_an_incident_that_began_first() -> None:
    began = [notice_of(event(f"i{n}", 1, ts_ms=1_000 + n), Phase.BEGAN) for n in range(30)]
    ended = notice_of(event("i0", 2, kind=EventKind.CLEARED, ts_ms=9_000), Phase.ENDED)
    assert digest([ended, *began]).text.splitlines()[0] == f"- {ended.text}"


def test_history_is_told_in_its_order() -> None:
    past = [notice_of(event(f"i{n}", 1, ts_ms=1_000 - n), Phase.HISTORY) for n in range(3)]
    told = history(past)
    assert told.title == "History: 3 incidents on 1 device"
    assert told.phase is Phase.HISTORY


def test_wishes_are_by_severity() -> None:
    wishes = Wishes(Severity.WARN)
    assert [wishes.wants(severity) for severity in Severity] == [False, True, True]


def test_a_trial_says_that_nothing_is_wrong() -> None:
    assert "Nothing is wrong" in trial("home", 1_000).text


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_line_is_one_line_of_what_can_be_printed(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line
