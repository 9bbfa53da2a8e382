"""The ledger: one entry an incident, told as it first got as bad as it did, open until it is cleared."""

from __future__ import annotations

from app.homes import HOUR_MS, START_MS
from app.judgements import event_of
from kilowatch.app.ledger import IncidentEntry, IncidentLedger
from kilowatch.core.events import EventKind, IncidentEvent, Severity

MINUTE_MS = 60_000


def at(minute: int, kind: EventKind, score: float, **changed: object) -> IncidentEvent:
    now_ms = START_MS + minute * MINUTE_MS
    told = {"severity": Severity.WARN if score >= 1.5 else Severity.INFO, "sentence": f"at minute {minute}"}
    return event_of(kind=kind, ts_ms=now_ms, score=score, **told, **changed)


def entries(*events: IncidentEvent) -> list[IncidentEntry]:
    ledger = IncidentLedger()
    for event in events:
        ledger.add([event])
    together = IncidentLedger()
    together.add(events)
    assert together.entries() == ledger.entries()
    return ledger.entries()


OPENED = at(0, EventKind.OPENED, 1.2)
WORSE = at(5, EventKind.UPDATED, 2.0)
CLEARED = at(20, EventKind.CLEARED, 2.0)


def test_an_incident_stays_open_until_it_is_cleared() -> None:
    (entry,) = entries(OPENED, WORSE)
    assert entry.cleared_ms is None
    (entry,) = entries(OPENED, WORSE, CLEARED)
    assert (entry.opened_ms, entry.cleared_ms) == (OPENED.ts_ms, CLEARED.ts_ms)
    assert entry.last is CLEARED


def test_the_first_event_at_the_worst_severity_speaks_not_the_oddest_or_the_last() -> None:
    (entry,) = entries(OPENED, WORSE, at(9, EventKind.UPDATED, 2.4), CLEARED)
    assert entry.told.sentence == "at minute 5"


def test_what_is_said_while_it_fades_does_not_replace_the_oddest() -> None:
    (entry,) = entries(OPENED, WORSE, at(9, EventKind.UPDATED, 2.0), CLEARED)
    assert entry.told.sentence == "at minute 5"
    assert entry.last is CLEARED


def test_one_that_comes_back_is_open_again_since_its_first_opening() -> None:
    back = at(40, EventKind.UPDATED, 1.1)
    (entry,) = entries(OPENED, WORSE, CLEARED, back)
    assert entry.cleared_ms is None
    assert entry.opened_ms == OPENED.ts_ms
    assert entry.told is WORSE
    (entry,) = entries(OPENED, WORSE, CLEARED, back, at(60, EventKind.CLEARED, 2.0))
    assert entry.cleared_ms == START_MS + 60 * MINUTE_MS


def test_incidents_are_told_apart_by_id_and_listed_by_their_first_odd_reading() -> None:
    other = at(3, EventKind.OPENED, 1.0, id="b", first_ms=START_MS - HOUR_MS, device="tv")
    found = entries(OPENED, other, CLEARED)
    assert [entry.told.device for entry in found] == ["tv", "heater"]
    assert [entry.cleared_ms is None for entry in found] == [True, False]


def test_silence_is_known_by_its_rule() -> None:
    (silence,) = entries(at(0, EventKind.STALE, 1.0, rule="stale"))
    assert silence.is_stale
    assert not entries(OPENED)[0].is_stale
