"""The actor: one action an incident, every interlock asked at the call, the plug read back, all of it written."""

from __future__ import annotations

import msgspec
import pytest

from app.actor.stage import HEATER, NOW_MS, ODD, StagedPlug, Staging
from kilowatch.core.acting import MAX_ATTEMPTS
from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.events import ActionState, EventKind, IncidentEvent, Severity

CLAIMED, SENT, CONFIRMED = ActionState.CLAIMED, ActionState.SENT, ActionState.CONFIRMED
UNCONFIRMED, REFUSED = ActionState.UNCONFIRMED, ActionState.REFUSED


def odd(**changed: object) -> IncidentEvent:
    return msgspec.structs.replace(ODD, **changed)


def test_a_heater_that_is_left_on_is_switched_off_read_back_and_told() -> None:
    on_stage = Staging()
    assert on_stage.hear() == [CLAIMED, SENT, CONFIRMED]
    assert (on_stage.plug.on, on_stage.plug.told) == (False, 1)
    assert [event.state for event in on_stage.told.actions] == [CLAIMED, SENT, CONFIRMED]
    assert on_stage.told.escalated == []


def test_the_audit_holds_the_evidence_and_what_the_switch_off_avoided() -> None:
    on_stage = Staging()
    on_stage.hear(odd(expected_high_w=4.0))
    first, last = on_stage.book.audit[0], on_stage.book.audit[-1]
    assert (first.what, first.score, first.threshold, first.model) == ("claimed", ODD.score, ODD.threshold, ODD.model)
    assert (last.window_from_ms, last.window_to_ms) == (ODD.first_ms, ODD.last_ms)
    assert last.avoided_wh == pytest.approx(1996.0)


def test_it_is_never_switched_off_twice_for_one_incident() -> None:
    on_stage = Staging()
    actor = on_stage.actor()
    on_stage.hear(actor=actor)
    on_stage.plug.on = True
    on_stage.hear(odd(version=9), actor)
    on_stage.hear(odd(version=10))
    assert on_stage.plug.told == 1


def test_a_plug_that_is_off_already_is_not_told() -> None:
    on_stage = Staging()
    on_stage.plug.on = False
    assert on_stage.hear() == [CLAIMED, CONFIRMED]
    assert on_stage.plug.told == 0


def test_a_relay_that_sticks_is_told_three_times_and_a_person_is_asked() -> None:
    on_stage = Staging()
    on_stage.plug.stuck = True
    assert on_stage.hear()[-1] is UNCONFIRMED
    assert on_stage.plug.told == MAX_ATTEMPTS
    assert [event.why for event in on_stage.told.escalated] == ["the plug is still on after 3 attempts"]


def test_power_that_still_flows_is_no_confirmation() -> None:
    on_stage = Staging()
    on_stage.plug.leaks = True
    assert on_stage.hear()[-1] is UNCONFIRMED
    assert "2000 W still flow" in on_stage.told.escalated[0].why


def test_a_plug_that_never_answers_is_given_up_after_a_minute() -> None:
    on_stage = Staging()
    on_stage.plug.deaf = 10_000
    assert on_stage.hear() == [CLAIMED, UNCONFIRMED]
    assert on_stage.clock.ms - NOW_MS == 60_000
    assert "does not answer" in on_stage.told.escalated[0].why


def test_a_plug_that_answers_again_within_the_minute_is_switched_off() -> None:
    on_stage = Staging()
    on_stage.plug.deaf = 20
    assert on_stage.hear()[-1] is CONFIRMED


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"stage": Stage.WATCHING}, "nobody armed it"),
        ({"protected": True}, "it is protected"),
        ({"acts_by": ActsBy.CLOUD}, "another side owns its switch"),
    ],
)
def test_what_may_not_be_switched_is_not_claimed_and_the_audit_says_why(record: dict[str, object], why: str) -> None:
    on_stage = Staging(msgspec.structs.replace(HEATER, **record))
    assert on_stage.hear() == []
    assert on_stage.plug.told == 0
    assert why in on_stage.book.audit[0].why


def test_a_decision_that_is_no_news_is_written_once() -> None:
    on_stage = Staging(msgspec.structs.replace(HEATER, protected=True))
    actor = on_stage.actor()
    for version in range(3, 6):
        on_stage.hear(odd(version=version), actor)
    assert len(on_stage.book.audit) == 1


def test_a_dry_run_calls_nothing() -> None:
    on_stage = Staging(dry_run=True)
    assert on_stage.hear() == []
    assert "dry run" in on_stage.book.audit[0].why


def test_an_interlock_that_shuts_between_claim_and_call_refuses() -> None:
    on_stage = Staging()
    on_stage.plug.deaf = 1
    on_stage.world.site_ms = NOW_MS
    actor = on_stage.actor()
    on_stage.world.events[ODD.id] = ODD
    original = on_stage.clock.pause

    def pause(seconds: float) -> None:
        original(seconds)
        on_stage.world.records["home", "heater"] = msgspec.structs.replace(HEATER, protected=True)

    on_stage.clock.pause = pause  # type: ignore[method-assign]
    actor.hear(ODD)
    actor.wait()
    assert on_stage.book.states() == [CLAIMED, REFUSED]
    assert on_stage.plug.told == 0


def test_an_incident_that_cleared_on_the_way_is_not_acted_on() -> None:
    on_stage = Staging()
    actor = on_stage.actor()
    on_stage.world.events[ODD.id] = odd(kind=EventKind.CLEARED, version=9)
    actor.hear(ODD)
    actor.wait()
    assert on_stage.book.states() == [CLAIMED, REFUSED]


def test_a_device_without_a_plug_is_refused() -> None:
    on_stage = Staging()
    on_stage.has_plug = False
    assert on_stage.hear() == [CLAIMED, REFUSED]


def test_the_device_cools_down_and_the_site_has_its_limit() -> None:
    others = [msgspec.structs.replace(HEATER, device=f"heater {number}") for number in range(3)]
    on_stage = Staging()
    for record in others:
        on_stage.world.records["home", record.device] = record
    events = [odd(id=f"odd-{record.device}", device=record.device) for record in others]
    results = []
    for event in events:
        on_stage.plug = StagedPlug()
        results.append(on_stage.hear(event))
    assert [bool(states) for states in results] == [True, True, False]
    on_stage.plug = StagedPlug()
    on_stage.world.site_ms = NOW_MS + 3_599_000
    again = odd(id="odd-again", device="heater 0", last_ms=on_stage.world.site_ms)
    assert on_stage.hear(again) == []


def test_who_switches_it_on_again_is_respected_until_they_re_arm_it() -> None:
    on_stage = Staging()
    on_stage.hear()
    later_ms = NOW_MS + 5 * 3_600_000
    on_stage.world.site_ms = later_ms
    on_stage.plug.on = True
    since = msgspec.structs.replace(ODD.evidence, on_since_ms=NOW_MS + 3_600_000)
    again = odd(id="odd-2", last_ms=later_ms, evidence=since)
    assert on_stage.hear(again) == []
    assert "a person switched it on" in on_stage.book.audit[-1].why
    on_stage.book.rearmed = later_ms - 1000
    assert on_stage.hear(msgspec.structs.replace(again, id="odd-3")) == [CLAIMED, SENT, CONFIRMED]


def test_a_person_who_switches_on_during_the_read_back_wins() -> None:
    on_stage = Staging()
    plug = on_stage.plug
    plug.leaks = True
    reads = iter([False, True])

    def pause(seconds: float) -> None:
        on_stage.clock.ms += round(seconds * 1000)
        plug.on = next(reads, True)

    on_stage.clock.pause = pause  # type: ignore[method-assign]
    assert on_stage.hear()[-1] is UNCONFIRMED
    assert plug.told == 1
    assert "somebody switched it on again" in on_stage.told.escalated[0].why


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.WARN])
def test_what_is_not_critical_is_told_and_nothing_else(severity: Severity) -> None:
    on_stage = Staging()
    assert on_stage.hear(odd(severity=severity)) == []
    assert on_stage.book.audit[0].what == "notify"
