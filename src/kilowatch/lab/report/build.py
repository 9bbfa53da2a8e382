"""From a replay as counted to the stories that the report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_reasons import Reason
from kilowatch.core.events import Want
from kilowatch.core.explain import clock
from kilowatch.lab.report.story import DeviceStory, IncidentStory, ReportStory

if TYPE_CHECKING:
    from kilowatch.app.advisor import Advice
    from kilowatch.app.ledger import IncidentEntry
    from kilowatch.app.pipeline import Pipeline
    from kilowatch.app.replay import ReplayOutcome
    from kilowatch.app.trace import Trace, TraceRecorder

_NEVER_MS = np.iinfo(np.int64).max


def tell(
    pipeline: Pipeline, recorder: TraceRecorder, outcome: ReplayOutcome, title: str, notes: list[str]
) -> ReportStory:
    """Return the report of a replay; the device with the worst incident comes first."""
    slots = range(len(pipeline.fleet))
    devices = [_device(pipeline, recorder.trace(slot), outcome, slot) for slot in slots]
    devices.sort(key=lambda story: (-max((i.score for i in story.incidents), default=0.0), story.record.device))
    return ReportStory(title, _facts(outcome), devices, notes)


def would_do(entry: IncidentEntry, advice: dict[str, Advice], time_zone: str) -> str:
    """Return in words what policy would have done about an incident, were every device armed."""
    given = advice.get(entry.told.id)
    if given is None:
        return "You would have been told; there is nothing to switch."
    if given.intent.want is Want.SWITCH_OFF:
        return f"Armed, it would have been switched off at {clock(given.at_ms, time_zone, entry.told.first_ms)}."
    told = "You would have been told" if given.intent.want is Want.NOTIFY else "Nobody would have been told"
    # The sentence of `decide` ends with the interlocks that are shut, behind its last `but`.
    reasons = given.intent.why.rpartition(" but ")[2]
    return f"{told}; not switched off, even if armed: {reasons}"


def _facts(outcome: ReplayOutcome) -> list[tuple[str, str]]:
    output = outcome.output()
    rate = output.alarms_per_device_week
    return [
        ("readings", f"{output.readings:,}"),
        ("devices", f"{output.devices:,}"),
        ("repaired", f"{output.repaired:,}"),
        ("rejected", f"{output.rejected:,}"),
        ("device-weeks watched", f"{output.watched_device_weeks:,.1f}"),
        ("incidents", f"{output.incidents:,}"),
        ("alarms a device-week", "–" if rate is None else f"{rate:.2f}"),
        ("time with an incident open", f"{100 * output.incident_open_share:.1f} %"),
    ]


def _device(pipeline: Pipeline, trace: Trace, outcome: ReplayOutcome, slot: int) -> DeviceStory:
    record = pipeline.fleet.records[slot]
    since_ms = int(pipeline.curriculum.watching_since_ms[slot])
    mine = [e for e in outcome.incidents if (e.told.site, e.told.device) == (record.site, record.device)]
    counts = outcome.tally.by_reason[slot]
    cleaned = {r.label.replace("_", " "): int(counts[r]) for r in Reason if r is not Reason.NONE and counts[r]}
    return DeviceStory(
        record=record,
        trace=trace,
        incidents=[_incident(entry, outcome, record.time_zone, int(outcome.tally.seen_ms[slot])) for entry in mine],
        watching_since_ms=None if since_ms == _NEVER_MS else since_ms,
        readings=int(counts.sum()),
        cleaned=cleaned,
        note=_note(pipeline, slot, watched=since_ms != _NEVER_MS),
    )


def _note(pipeline: Pipeline, slot: int, *, watched: bool) -> str:
    """Say what a device's threshold rests on, or when its learning ends."""
    if watched:
        return pipeline.judge.thresholds.sentence(slot)
    due_ms = int(pipeline.curriculum.due_ms[slot])
    if due_ms == 0:
        return "Nothing was heard of it that could be learnt from."
    ends = clock(due_ms, pipeline.fleet.records[slot].time_zone, 0)
    return f"Still learning: watched from {ends} on. Until then only runs that no such appliance makes are told."


def _incident(entry: IncidentEntry, outcome: ReplayOutcome, time_zone: str, seen_ms: int) -> IncidentStory:
    event = entry.told
    # A silence stands until the history ends, odd power until the device's last sample.
    end_ms = outcome.tally.end_ms if entry.is_stale else seen_ms
    return IncidentStory(
        id=event.id,
        site=event.site,
        device=event.device,
        rule=event.rule,
        severity=event.severity.value,
        score=max(event.score, entry.last.score),
        first_ms=event.first_ms,
        opened_ms=entry.opened_ms,
        last_ms=max(end_ms if entry.cleared_ms is None else entry.last.last_ms, event.first_ms),
        is_open=entry.cleared_ms is None,
        historical=event.historical,
        sentence=event.sentence,
        would=would_do(entry, outcome.advice, time_zone),
    )
