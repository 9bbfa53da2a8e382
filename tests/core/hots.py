"""Odd samples for the tests of incidents, and what a stream of them must come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.fleets import START_MS
from kilowatch.core.incident import Hot

if TYPE_CHECKING:
    from kilowatch.core.events import IncidentEvent

MINUTE_MS = 60_000


def hot_at(minute: float, score: float = 1.2, slot: int = 0, **other: Any) -> Hot:
    ts_ms = START_MS + round(minute * MINUTE_MS)
    facts: dict[str, Any] = {
        "peak": score,
        "since_ms": ts_ms,
        "rule": "level",
        "observed_w": 92.0,
        "low_w": 0.0,
        "high_w": 4.0,
        "phrase": "draws more than it does at this hour",
    }
    return Hot(slot=slot, ts_ms=ts_ms, score=score, **(facts | other))


def minute_of(event: IncidentEvent) -> float:
    return (event.ts_ms - START_MS) / MINUTE_MS


def kinds(events: list[IncidentEvent]) -> list[tuple[str, float]]:
    return [(event.kind.value, minute_of(event)) for event in events]
