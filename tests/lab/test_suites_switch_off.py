"""What would have been switched off: sound devices, and critical faults."""

from __future__ import annotations

import numpy as np
import pytest

from kilowatch.app.advisor import Advisor, would_be_armed
from kilowatch.core.device import DeviceRecord, Fleet, Kind, first_seen
from kilowatch.core.events import Want
from kilowatch.core.incident import Hot, IncidentTracker
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import Moment
from kilowatch.lab.inject import Injection, InjectionSpec, Trace
from kilowatch.lab.suites import switch_off
from kilowatch.lab.suites.contenders import Contender
from kilowatch.lab.suites.off_rows import off_breakdown, off_row
from kilowatch.lab.suites.switch_off import (
    CRITICAL_TIMES,
    CRITICAL_W,
    YEAR_MS,
    EverythingArmed,
    OffDevice,
    OffFindings,
    first_days,
    measured,
    with_critical,
)
from lab.made_traces import DAY_MS, START_MS, fridge, lamp

HEATER = first_seen("home", "heater", Kind.HEATER, interval_s=60.0)
PLAN = LearningPlan()


def heater(days: float = 16) -> Trace:
    """2,000 W for 20 min of each hour."""
    trace = fridge(days)
    return Trace(trace.ts_ms, trace.power_w * 2000 / 90, trace.interval_s)


def test_critical_faults_draw_far_more_than_they_should() -> None:
    sound = heater()
    injected = with_critical(HEATER, sound, 1, PLAN)
    assert injected is not None
    assert injected.specs
    for spec in injected.specs:
        assert spec.seen_ms is not None
        assert spec.gone_ms is not None
        inside = (sound.ts_ms >= spec.seen_ms) & (sound.ts_ms < spec.gone_ms)
        should_w, does_w = sound.power_w[inside].mean(), injected.trace.power_w[inside].mean()
        assert does_w - should_w >= CRITICAL_W
        assert does_w >= CRITICAL_TIMES * should_w
        assert spec.start_ms >= START_MS + (PLAN.learning_days + 1) * DAY_MS


def test_a_lamp_that_stays_on_is_not_critical() -> None:
    injected = with_critical(HEATER, lamp(16), 0, PLAN)
    assert injected is not None
    assert injected.specs == ()
    assert (injected.trace.power_w == lamp(16).power_w).all()


def test_meters_have_no_switch_and_short_series_no_room() -> None:
    assert with_critical(first_seen("home", "mains", Kind.METER), heater(), 0, PLAN) is None
    assert with_critical(HEATER, heater(6), 0, PLAN) is None


def test_a_heater_that_stays_on_is_switched_off_and_a_sound_one_is_not() -> None:
    found = measured(OffDevice("heater", HEATER, heater()), Contender("duty_cycle"), 0, copies=1)
    assert len(found.off_ms) == 0
    assert found.watched_ms == pytest.approx(9 * DAY_MS, rel=0.02)
    assert set(found.kinds) <= {"stuck_on", "never_stops"}
    assert found.hit.all()
    assert (found.delay_s[found.hit] < 12 * 3600).all()


def test_what_sound_data_would_have_brought_is_no_hit() -> None:
    spec = InjectionSpec(Injection.STUCK_ON, 1000, 9000, seen_ms=2000, gone_ms=8000)
    inside, outside = np.array([5000]), np.array([500, 8000])
    assert switch_off._delay_s(spec, inside, outside) == 3.0
    assert np.isnan(switch_off._delay_s(spec, inside, np.array([2000])))
    assert np.isnan(switch_off._delay_s(spec, outside, np.zeros(0, dtype=np.int64)))


def test_chance_switches_nothing_off() -> None:
    found = measured(OffDevice("heater", HEATER, heater()), Contender("random"), 0, copies=1)
    assert not found.hit.any()
    assert np.isnan(found.delay_s).all()


@pytest.mark.parametrize("kind", [Kind.FRIDGE, Kind.HVAC, Kind.MEDICAL])
def test_nothing_is_protected_and_no_compressor_is_spared(kind: Kind) -> None:
    record = first_seen("home", "device", kind)
    assert Want.SWITCH_OFF in _wanted(EverythingArmed(), record)
    assert Want.SWITCH_OFF not in _wanted(would_be_armed(), record)


def _wanted(advisor: Advisor, record: DeviceRecord) -> set[Want]:
    tracker, wanted = IncidentTracker(Fleet([record])), set()
    for minute in range(3):
        ts_ms = START_MS + 60_000 * minute
        tracker.observe(Hot(0, ts_ms, 9.0, 9.0, START_MS, "any", 2000.0, 0.0, 100.0, "draws too much"))
        event = tracker.stands(0, ts_ms)
        advice = None if event is None else advisor.advise(event, record, Moment(ts_ms))
        wanted |= set() if advice is None else {advice.intent.want}
    return wanted


def off_findings(offs: int, days: float, hit: list[bool]) -> OffFindings:
    delay_s = np.where(hit, 60.0 * np.arange(1, len(hit) + 1), np.nan)
    kinds = ("stuck_on",) * len(hit)
    return OffFindings(
        "one", "plug", np.arange(offs), round(days * DAY_MS), np.array(hit, dtype=np.bool_), delay_s, kinds
    )


def test_no_false_off_seen_does_not_mean_none() -> None:
    row = off_row([off_findings(0, 365.25, [True, False]), off_findings(0, 365.25, [True, True])])
    assert row.false_offs == 0
    assert row.device_years == 2.0
    assert row.false_offs_per_device_year == 0.0
    assert row.false_offs_upper_bound == pytest.approx(-np.log(0.05) / 2, abs=1e-4)
    assert row.off_recall == 0.75
    assert row.critical_faults == 4
    assert row.delay_median_s == 60.0


def test_false_offs_are_counted_a_year() -> None:
    findings = [off_findings(3, 180, [])]
    row = off_row(findings)
    assert row.false_offs_per_device_year == pytest.approx(3 * YEAR_MS / (180 * DAY_MS), rel=1e-3)
    assert row.off_recall is None
    assert off_breakdown(findings)[0].level == "3 false offs in 180.0 days"


def test_a_trace_is_cut_by_days() -> None:
    short = first_days(heater(), 3)
    assert short.end_ms == START_MS + 3 * DAY_MS
    assert len(first_days(heater(), 99)) == len(heater())
