"""From what a replay counted to what its report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS
from app.judgements import event_of
from core.spies import Plain
from kilowatch.app.advisor import Advice, would_be_armed
from kilowatch.app.ledger import IncidentEntry
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.replay import replay
from kilowatch.app.trace import TraceRecorder
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.events import WIRE_V, Intent, Want
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.lab.report.build import tell, would_do
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from kilowatch.lab.report.story import DeviceStory, ReportStory

FAULT_MS = START_MS + 2 * DAY_MS


def entry(device: str = "heater") -> IncidentEntry:
    event = event_of(device=device, id="x")
    return IncidentEntry(told=event, last=event, opened_ms=event.ts_ms, cleared_ms=None)


def words(want: Want, why: str, device: str = "heater", at_ms: int = START_MS + HOUR_MS) -> str:
    intent = Intent(v=WIRE_V, id="x", site="home", device=device, want=want, why=why, blocked=(), expires_ms=0)
    return would_do(entry(device), {"x": Advice(intent, at_ms)}, "Europe/Berlin")


def test_what_would_be_switched_off_is_said_with_its_local_time() -> None:
    assert words(Want.SWITCH_OFF, "Heater is switched off: on.") == "Armed, it would have been switched off at 02:00."
    later = words(Want.SWITCH_OFF, "", at_ms=START_MS + 30 * HOUR_MS)
    assert "2026-01-06 07:00" in later


@pytest.mark.parametrize("device", ["heater", "slow but steady, but old"])
def test_what_forbids_it_is_said_in_full(device: str) -> None:
    why = f"Would switch {device} off, but it is protected; it is not critical."
    assert words(Want.NOTIFY, why, device) == (
        "You would have been told; not switched off, even if armed: it is protected; it is not critical."
    )
    assert words(Want.NONE, why, device).startswith("Nobody would have been told; ")


def test_without_advice_somebody_is_told() -> None:
    assert "You would have been told" in would_do(entry(), {}, "UTC")


def readings() -> ReadingBatch:
    """Two heaters for three days: d0 goes wrong on the third and falls silent, d1 is well but for one bad reading."""
    ts_ms = START_MS + 30_000 * np.arange(3 * 2880, dtype=np.int64)
    noise = np.random.default_rng(0).normal(0, 1, len(ts_ms))
    odd = 100 + noise + np.where(ts_ms >= FAULT_MS, 900, 0)
    well = 100 + noise
    well[1000] = np.nan
    slot = np.repeat(np.array([0, 1], dtype=np.int32), len(ts_ms))
    whole = ReadingBatch(slot, np.tile(ts_ms, 2), np.concatenate([odd, well]))
    silent = (slot == 0) & (whole.ts_ms > FAULT_MS + 6 * HOUR_MS)
    whole = whole.take(~silent)
    return whole.take(np.argsort(whole.ts_ms, kind="stable"))


@pytest.fixture(scope="module")
def report() -> ReportStory:
    records = [
        DeviceRecord(site="home", device=name, kind=Kind.HEATER, interval_s=30.0, protected=False)
        for name in ("d0", "d1", "never")
    ]
    settings = PipelineSettings(plan=LearningPlan(learning_days=1.0))
    pipeline = Pipeline(Fleet(records), Plain(), MemoryHistory(), settings, would_be_armed())
    recorder = TraceRecorder()
    outcome = replay(pipeline, [readings()], recorder.take)
    return tell(pipeline, recorder, outcome, "a test", ["a note"])


def of(report: ReportStory, device: str) -> DeviceStory:
    return next(story for story in report.devices if story.record.device == device)


def test_the_worst_device_comes_first_and_every_device_comes(report: ReportStory) -> None:
    assert [story.record.device for story in report.devices] == ["d0", "d1", "never"]
    assert (report.title, report.notes) == ("a test", ["a note"])
    assert dict(report.facts)["devices"] == "3"


def test_an_incident_that_never_ends_reaches_to_the_device_s_last_sample(report: ReportStory) -> None:
    odd, silence = of(report, "d0").incidents
    assert odd.is_open
    assert odd.last_ms == pytest.approx(FAULT_MS + 6 * HOUR_MS, abs=120_000)
    assert "switched off at" in odd.would
    assert silence.rule == "stale"
    assert silence.last_ms == START_MS + 3 * DAY_MS - 30_000


def test_a_device_s_readings_cleaning_and_learning_are_its_own(report: ReportStory) -> None:
    well = of(report, "d1")
    assert well.readings == 3 * 2880
    assert well.cleaned == {"not a number": 1}
    assert well.watching_since_ms == pytest.approx(START_MS + DAY_MS, abs=60_000)
    assert well.incidents == []
    assert len(well.trace) > 0
    assert "1 alarm a week" in well.note


def test_a_device_that_never_spoke_has_an_empty_story(report: ReportStory) -> None:
    never = of(report, "never")
    assert (len(never.trace), never.readings, never.cleaned, never.watching_since_ms) == (0, 0, {}, None)
