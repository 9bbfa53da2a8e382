"""From odd samples to incidents: opened, updated, cleared, and the same again when they come back soon.

An incident depends on its device's odd samples alone, in event order. It is cleared at the last odd sample plus
`clear_after_s`, whenever that is noticed, so any cut of a stream into batches tells the same story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.core import explain
from kilowatch.core.events import EventKind, IncidentEvent, Severity
from kilowatch.core.incident_book import FORGET_MS, MIN_WINDOWS, Incident, IncidentBook, incident_id
from kilowatch.core.incident_rules import Direction, IncidentRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet

__all__ = ["Direction", "Hot", "Incident", "IncidentRules", "IncidentTracker", "incident_id"]

HIGHEST_SCORE = 1e6
"""A threshold of nothing makes scores endless, and JSON has no word for that."""


@dataclass(frozen=True, slots=True)
class Hot:
    """One sample worth an incident's attention: its score has reached the level at which an incident is left.

    score: public, confirmed by k of n windows. peak: this window's own. since_ms: first odd reading of the burst.
    rule: the leading detector. observed_w, low_w, high_w: watts, NaN where unknown. model: hash of the artifact.
    on_since_ms: when the device's run began, None where it is off. harmless: a person has said so of its like.
    """

    slot: int
    ts_ms: int
    score: float
    peak: float
    since_ms: int
    rule: str
    observed_w: float
    low_w: float
    high_w: float
    phrase: str
    historical: bool = False
    model: str = ""
    on_since_ms: int | None = None
    harmless: bool = False


class IncidentTracker:
    """The latest incident of every device of a fleet."""

    def __init__(self, fleet: Fleet, rules: IncidentRules | None = None) -> None:
        self.rules = rules or IncidentRules()
        self._fleet = fleet
        self._book = IncidentBook(fleet)
        self._clear_ms = round(self.rules.clear_after_s * 1000)
        self._merge_ms = round(self.rules.merge_s * 1000)
        self._update_ms = round(self.rules.update_s * 1000)

    @property
    def open(self) -> Mapping[int, Incident]:
        """The open incidents by slot."""
        return self._book.open()

    def incident(self, slot: int) -> Incident | None:
        """Return a device's latest incident, open or cleared a short while ago."""
        return self._book.latest.get(slot)

    def stands(self, slot: int, ts_ms: int) -> IncidentEvent | None:
        """Return how a device's open incident stands, to decide on again when time has passed; nothing is told."""
        incident = self._book.latest.get(slot)
        if incident is None or not incident.is_open:
            return None
        words = self._words(slot, incident, EventKind.UPDATED)
        return incident.as_event(EventKind.UPDATED, ts_ms, words, self._fleet.records[slot])

    def observe(self, hot: Hot) -> list[IncidentEvent]:
        """Take one odd sample and return what it changes. Samples of a device come in event order."""
        score = min(round(hot.score, 4), HIGHEST_SCORE)
        record, incident = self._fleet.records[hot.slot], self._book.latest.get(hot.slot)
        # Written so that NaN is turned away as well: it fails every comparison.
        if not score >= self.rules.leave or not self.rules.concerns(record, hot.observed_w, hot.low_w, hot.high_w):
            return []
        events = []
        # What time has ended is cleared first, whether or not anybody let time pass before this sample.
        if incident is not None and incident.is_open and hot.ts_ms >= self._book.due_ms(hot.slot):
            events.append(self._clear(hot.slot, incident))
        if incident is not None and incident.is_open:
            return self._extend(hot, score, incident)
        return events + (self._begin(hot, score, incident) if score >= self.rules.enter else [])

    def advance(self, now_ms: NDArray[np.int64] | int) -> list[IncidentEvent]:
        """Clear what has been quiet for long enough, by now_ms: one time, or int64[slots].

        No sample of a device may follow that is older than its now_ms: hand in how far its samples are known,
        or site time less what readings may come late. A sample that breaks this re-opens the same incident.
        """
        events = []
        for slot in self._book.due(now_ms):
            incident = self._book.latest[slot]
            if incident.is_open:
                events.append(self._clear(slot, incident))
            else:
                self._book.forget(slot)
        return events

    def acknowledge(self, incident_id: str, ts_ms: int) -> list[IncidentEvent]:
        """Note that a person has seen an incident; nothing where it is not open."""
        slot = self._book.acknowledge(incident_id)
        return [] if slot is None else [self._tell(slot, self._book.latest[slot], EventKind.UPDATED, ts_ms)]

    def retire(self, slot: int, ts_ms: int) -> list[IncidentEvent]:
        """Forget a device that a person has deleted; return the end of its incident where that was open."""
        return self._book.retire(slot, ts_ms)

    def _begin(self, hot: Hot, score: float, before: Incident | None) -> list[IncidentEvent]:
        if before is None or hot.ts_ms >= before.last_ms + self._merge_ms:
            incident, kind = self._new(hot, before), EventKind.OPENED
        else:
            incident, kind = before, EventKind.UPDATED
            incident.reopen(hot.since_ms)
        self._take(incident, hot, score)
        self._touch(hot, incident)
        return [self._tell(hot.slot, incident, kind, hot.ts_ms)]

    def _new(self, hot: Hot, before: Incident | None) -> Incident:
        # A burst that claims to have begun within the incident before would take its id.
        first_ms = hot.since_ms if before is None or hot.since_ms > before.last_ms else hot.ts_ms
        record = self._fleet.records[hot.slot]
        return Incident.begun(record, hot.rule, first_ms, threshold=self.rules.enter, historical=hot.historical)

    def _extend(self, hot: Hot, score: float, incident: Incident) -> list[IncidentEvent]:
        # Before the threshold is asked: a score at the leave level keeps the incident open, and is no evidence.
        self._touch(hot, incident)
        if score < self.rules.enter:
            return []
        severity = incident.severity
        self._take(incident, hot, score)
        # Than the one that was told, not than the last: a phrase that has settled on other figures is still news.
        is_news = incident.phrase != incident.told_phrase and hot.ts_ms - incident.told_ms >= self._update_ms
        # What policy could not decide on one window it can on the next: it must not wait for other news.
        is_backed = incident.windows == MIN_WINDOWS and severity is Severity.CRITICAL
        if incident.severity is severity and not is_news and not is_backed:
            return []
        return [self._tell(hot.slot, incident, EventKind.UPDATED, hot.ts_ms)]

    def _take(self, incident: Incident, hot: Hot, score: float) -> None:
        incident.windows += 1
        incident.score = max(incident.score, score)
        incident.severity = self.rules.severity(incident.score)
        incident.peak = max(incident.peak, score, min(hot.peak, HIGHEST_SCORE))
        incident.leading_rule, incident.phrase, incident.model = hot.rule, hot.phrase, hot.model
        incident.observed_w, incident.low_w, incident.high_w = hot.observed_w, hot.low_w, hot.high_w
        incident.found_ms = hot.ts_ms
        incident.on_since_ms, incident.harmless = hot.on_since_ms, hot.harmless
        if hot.rule not in incident.rules:
            incident.rules.append(hot.rule)
        incident.least_w = min(incident.least_w, hot.observed_w)
        incident.most_w = max(incident.most_w, hot.observed_w)

    def _touch(self, hot: Hot, incident: Incident) -> None:
        incident.last_ms = max(incident.last_ms, hot.ts_ms)
        self._book.put(hot.slot, incident, incident.last_ms + self._clear_ms)

    def _clear(self, slot: int, incident: Incident) -> IncidentEvent:
        incident.cleared_ms = self._book.due_ms(slot)
        self._book.put(slot, incident, incident.last_ms + self._merge_ms + FORGET_MS)
        return self._tell(slot, incident, EventKind.CLEARED, incident.cleared_ms)

    def _tell(self, slot: int, incident: Incident, kind: EventKind, ts_ms: int) -> IncidentEvent:
        return incident.tell(kind, ts_ms, self._words(slot, incident, kind), self._fleet.records[slot])

    def _words(self, slot: int, incident: Incident, kind: EventKind) -> str:
        record = self._fleet.records[slot]
        if kind is EventKind.CLEARED:
            return explain.cleared(record.device, incident.phrase, incident.odd_ms, incident.bursts)
        # A snapshot of before `found_ms` was kept has none.
        found_ms = incident.last_ms if incident.found_ms is None else incident.found_ms
        since = explain.course(incident.first_ms, found_ms, record.time_zone, incident.bursts)
        return explain.sentence(
            record.device, incident.phrase, incident.observed_w, incident.low_w, incident.high_w, since
        )
