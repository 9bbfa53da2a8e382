"""A person's words on incidents, at work: what each was about, what becomes of its like, what is learnt from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.events import Label, LabelWord
from kilowatch.core.excuses import HOUR_MS, Excuses, Happening, Oddity, Ruling, Verdict
from kilowatch.core.localtime import offset_ms

if TYPE_CHECKING:
    from kilowatch.core.device import Fleet
    from kilowatch.core.events import Undo
    from kilowatch.core.incident import Hot
    from kilowatch.core.incident_book import Incident

_REMEMBERED = 64
"""Incidents of a device that a label may still come for."""
_DAY_MS = 24 * HOUR_MS


class Labelling:
    """Labels of every device of a fleet, and the incidents that they may be about."""

    frozen_types: ClassVar[tuple[type, ...]] = (Happening, Ruling, LabelWord)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.excuses = Excuses()
        self._known: dict[int, dict[str, Happening]] = {}

    def saw(self, slot: int, incident: Incident) -> None:
        """Remember what an incident is about, as far as it has come."""
        known = self._known.setdefault(slot, {})
        known[incident.id] = Happening(
            incident=incident.id,
            rules=tuple(incident.rules),
            first_ms=incident.first_ms,
            last_ms=incident.last_ms,
            local_ms=self._local_ms(slot, incident.first_ms),
            low_w=incident.least_w,
            high_w=incident.most_w,
        )
        if len(known) > _REMEMBERED:
            # A dict keeps the order of arrival: its first is the incident met longest ago.
            del known[next(iter(known))]

    def take(self, word: Label | Undo) -> int | None:
        """Take a person's word, or back; return the slot that has to learn anew, None where nothing follows."""
        slot = self._fleet.slot(word.site, word.device)
        about = None if slot is None else self._known.get(slot, {}).get(word.incident)
        if slot is None or about is None:
            return None
        if isinstance(word, Label):
            is_news = self.excuses.rule(slot, about, word.label, word.version)
        else:
            is_news = self.excuses.undo(slot, word.incident, word.version) is not None
        return slot if is_news else None

    def judge(self, hot: Hot) -> Verdict:
        """Return what becomes of an odd sample."""
        if not self.excuses.has_any(hot.slot):
            return Verdict.TELL
        odd = Oddity(
            rule=hot.rule,
            observed_w=hot.observed_w,
            lasted_ms=hot.ts_ms - hot.since_ms,
            local_ms=self._local_ms(hot.slot, hot.ts_ms),
        )
        return self.excuses.judge(hot.slot, odd)

    def spans(self, slot: int, told: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the times, ms, that a device must not learn from, none longer than a day."""
        out = self.excuses.spans(slot, told)
        # Day by day: of one span a lesson leaves out its first day alone, and of what is real all of it must go.
        for first_ms, last_ms in self.excuses.real_spans(slot):
            out += [(begin_ms, min(last_ms, begin_ms + _DAY_MS)) for begin_ms in range(first_ms, last_ms + 1, _DAY_MS)]
        return out

    def real_spans(self, slot: int) -> list[tuple[int, int]]:
        """Return the times, ms, of what a person called real."""
        return self.excuses.real_spans(slot)

    def _local_ms(self, slot: int, ts_ms: int) -> int:
        times = np.array([ts_ms], dtype=np.int64)
        return ts_ms + int(offset_ms(self._fleet.records[slot].time_zone, times)[0])
