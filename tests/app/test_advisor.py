"""The advisor: what is protected stays so, one switch-off an incident, few in an hour, and nothing told twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.homes import HOUR_MS, START_MS
from app.judgements import event_of
from kilowatch.app.advisor import Advice, Advisor, would_be_armed
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage, first_seen
from kilowatch.core.events import EventKind, Evidence, IncidentEvent, Severity, Want
from kilowatch.core.incident_book import Incident
from kilowatch.core.policy import Moment, PolicyRules

MINUTE_MS = 60_000


def record(device: str = "heater", kind: Kind = Kind.HEATER, site: str = "home", **known: object) -> DeviceRecord:
    return first_seen(site, device, kind, **known)


def event(minute: float = 0, of: DeviceRecord | None = None, windows: int = 3, **changed: object) -> IncidentEvent:
    """A critical incident of a device, one a device, as it stands at a minute."""
    of = of or record()
    now_ms = START_MS + round(minute * MINUTE_MS)
    evidence = Evidence(
        phrase="on for 41 min", rule="on_time", peak=3, windows=windows, bursts=1, muted=False, acknowledged=False
    )
    facts: dict[str, object] = {"id": f"{of.site}-{of.device}", "site": of.site, "device": of.device}
    times: dict[str, object] = {"ts_ms": now_ms, "last_ms": now_ms, "evidence": evidence}
    return event_of(**(facts | times | {"kind": EventKind.UPDATED} | changed))


def ask(advisor: Advisor, minute: float = 0, of: DeviceRecord | None = None, **changed: object) -> Advice | None:
    of = of or record()
    return advisor.advise(event(minute, of, **changed), of, Moment(START_MS + round(minute * MINUTE_MS)))  # type: ignore[arg-type]


def wanted(advice: Advice | None) -> Want:
    assert advice is not None
    return advice.intent.want


def incident(of: IncidentEvent, **changed: object) -> Incident:
    out = Incident.begun(record(), "on_time", of.first_ms, threshold=1.0, historical=False)
    out.id, out.severity, out.windows = of.id, of.severity, of.evidence.windows
    for name, value in changed.items():
        setattr(out, name, value)
    return out


def test_as_if_armed_a_heater_that_is_left_on_would_be_switched_off() -> None:
    advice = ask(would_be_armed(), 5)
    assert wanted(advice) is Want.SWITCH_OFF
    assert advice is not None
    assert advice.at_ms == START_MS + 5 * MINUTE_MS


@pytest.mark.parametrize("kind", list(Kind))
def test_as_if_armed_never_reaches_what_is_protected(kind: Kind) -> None:
    guarded = record("thing", kind)
    advice = ask(would_be_armed(), of=guarded)
    assert advice is not None
    assert ("protected" in advice.intent.blocked) == guarded.protected
    if guarded.protected:
        assert advice.intent.want is Want.NOTIFY


def test_what_a_person_protects_is_protected_whatever_its_kind() -> None:
    advice = ask(would_be_armed(), of=DeviceRecord(site="home", device="heater", kind=Kind.HEATER, protected=True))
    assert wanted(advice) is Want.NOTIFY


def test_as_if_armed_changes_no_record() -> None:
    own = record()
    ask(would_be_armed(), of=own)
    assert (own.stage, own.acts_by) == (Stage.LEARNING, ActsBy.NONE)


def test_without_it_nothing_is_wanted_of_a_device_that_nobody_armed() -> None:
    advisor = Advisor(PolicyRules(side=ActsBy.EDGE, dry_run=False))
    advice = ask(advisor, of=record(stage=Stage.WATCHING))
    assert wanted(advice) is Want.NOTIFY
    assert advice is not None
    assert {"not_armed", "not_ours"} <= set(advice.intent.blocked)


def test_one_incident_is_switched_off_once() -> None:
    advisor = would_be_armed()
    assert wanted(ask(advisor)) is Want.SWITCH_OFF
    assert not advisor.cares(incident(event()))
    later = [ask(advisor, minute) for minute in range(1, 300)]
    assert not [advice for advice in later if advice is not None and advice.intent.want is Want.SWITCH_OFF]


def test_a_device_cools_down_before_its_next_incident_may_be_acted_on() -> None:
    advisor = would_be_armed()
    ask(advisor)
    again = ask(advisor, 30, id="second")
    assert wanted(again) is Want.NOTIFY
    assert again is not None
    assert "cool_down" in again.intent.blocked
    assert wanted(ask(advisor, 61, id="second")) is Want.SWITCH_OFF


def test_a_site_has_few_actions_an_hour_and_other_sites_their_own() -> None:
    advisor = would_be_armed()
    at_home = [ask(advisor, minute, record(f"heater{minute}")) for minute in range(5)]
    assert [wanted(advice) for advice in at_home] == [Want.SWITCH_OFF] * 2 + [Want.NOTIFY] * 3
    assert at_home[2] is not None
    assert at_home[2].intent.blocked == ("site_rate",)
    assert wanted(ask(advisor, 5, record(site="office"))) is Want.SWITCH_OFF
    assert wanted(ask(advisor, 61.5, record("heater4"))) is Want.SWITCH_OFF


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 240), st.integers(0, 5), st.integers(0, 2)), max_size=60).map(sorted))
def test_no_hour_sees_more_switch_offs_than_allowed(asked: list[tuple[int, int, int]]) -> None:
    advisor, acted = would_be_armed(), []
    for minute, device, number in asked:
        advice = ask(advisor, minute, record(f"heater{device}"), id=f"{device}-{number}")
        if advice is not None and advice.intent.want is Want.SWITCH_OFF:
            acted.append((minute, f"{device}-{number}"))
    assert len({name for _, name in acted}) == len(acted)
    for minute, _ in acted:
        assert sum(minute <= other < minute + 60 for other, _ in acted) <= 2


def test_the_same_answer_is_told_once_a_new_reason_again() -> None:
    advisor = would_be_armed()
    first = ask(advisor, severity=Severity.WARN, windows=1)
    assert first is not None
    assert set(first.intent.blocked) == {"not_critical", "one_window"}
    assert ask(advisor, 1, severity=Severity.WARN, windows=1) is None
    second = ask(advisor, 2, severity=Severity.WARN, windows=2)
    assert second is not None
    assert second.intent.blocked == ("not_critical",)
    assert ask(advisor, 3, severity=Severity.WARN, windows=3) is None


def test_asking_again_is_worth_it_only_where_something_can_change() -> None:
    advisor = would_be_armed()
    mild = incident(event(), severity=Severity.WARN, windows=40)
    assert advisor.cares(mild)
    ask(advisor, severity=Severity.WARN, windows=40)
    assert not advisor.cares(mild)
    assert advisor.cares(incident(event(), severity=Severity.CRITICAL, windows=41))
    assert advisor.cares(incident(event(), severity=Severity.WARN, windows=2))
    assert not advisor.cares(incident(event(), severity=Severity.CRITICAL, cleared_ms=START_MS + HOUR_MS))


def test_history_makes_no_intent() -> None:
    assert wanted(ask(would_be_armed(), historical=True)) is Want.NONE


def test_evidence_that_is_old_is_not_acted_on() -> None:
    own = record()
    advice = would_be_armed().advise(event(0, own), own, Moment(START_MS + 10 * MINUTE_MS))
    assert wanted(advice) is Want.NOTIFY


def cleared(minute: float, number: str) -> IncidentEvent:
    return event(minute, kind=EventKind.CLEARED, id=number)


WEEK_MINUTES = 7 * 24 * 60


def test_incidents_that_were_cleared_long_ago_are_forgotten() -> None:
    advisor = would_be_armed()
    for week in range(50):
        ask(advisor, week * 2 * WEEK_MINUTES, id=f"i{week}")
        advisor.settle(cleared(week * 2 * WEEK_MINUTES + 10, f"i{week}"))
    assert len(advisor._told) == len(advisor._acted) == 1


def test_an_incident_that_came_back_is_not_acted_on_again_however_long_it_lasts() -> None:
    advisor = would_be_armed()
    assert wanted(ask(advisor, 0, id="long")) is Want.SWITCH_OFF
    advisor.settle(cleared(10, "long"))
    ask(advisor, 20, id="long")
    advisor.settle(cleared(2 * WEEK_MINUTES, "other"))
    again = ask(advisor, 2 * WEEK_MINUTES + 1, id="long")
    assert again is None or again.intent.want is not Want.SWITCH_OFF
