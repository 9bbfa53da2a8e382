"""Policy at work on a stream: asks it at every odd sample, and tells only what is new."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from kilowatch.core.device import ActsBy, Stage
from kilowatch.core.events import Intent, Severity, Want
from kilowatch.core.policy import Case, Interlock, PolicyHistory, PolicyRules, decide

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.incident_book import Incident
    from kilowatch.core.policy import Moment

_REMEMBERED = 64
"""More switch-offs of one device or site than any rate limit looks back on."""
_FORGET_MS = 7 * 86_400_000
"""A cleared incident that comes back does so sooner than this."""
_SETTLED_WINDOWS = 2
"""From its second odd window on, only its severity changes what is wanted of an incident."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What policy wants about an incident, and the event time at which it came to want it."""

    intent: Intent
    at_ms: int


class Advisor:
    """Policy with its memory of what it wanted before.

    as_if_armed: ask what would happen were every device armed and its switch ours; what is protected stays so.
    """

    frozen_types: ClassVar[tuple[type, ...]] = (Want, Interlock)

    def __init__(self, rules: PolicyRules, *, as_if_armed: bool = False) -> None:
        self._rules = rules
        self._as_if_armed = as_if_armed
        self._told: dict[str, tuple[Want, tuple[str, ...]]] = {}
        self._acted: set[str] = set()
        self._cleared_ms: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self._of_device: defaultdict[tuple[str, str], deque[int]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._of_site: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def cares(self, incident: Incident) -> bool:
        """Return whether asking again could bring anything new."""
        if not incident.is_open or incident.id in self._acted:
            return False
        return (
            incident.severity is Severity.CRITICAL
            or incident.windows <= _SETTLED_WINDOWS
            or incident.id not in self._told
        )

    def advise(self, event: IncidentEvent, record: DeviceRecord, at: Moment) -> Advice | None:
        """Return what is wanted now and what forbids more, None where both are as before."""
        intent = decide(Case(event, self._seen_as(record), at, self._history(event), self._rules))
        if self._told.get(event.id) == (intent.want, intent.blocked):
            return None
        self._told[event.id] = intent.want, intent.blocked
        # It may have come back: from when it can be forgotten is told by its next end.
        self._cleared_ms[event.site, event.device].pop(event.id, None)
        if intent.want is Want.SWITCH_OFF:
            self._acted.add(event.id)
            self._of_device[record.site, record.device].append(at.site_ms)
            self._of_site[record.site].append(at.site_ms)
        return Advice(intent, at.site_ms)

    def settle(self, cleared: IncidentEvent) -> None:
        """Note that an incident has been cleared, and forget those of its device that were long before it."""
        of_device = self._cleared_ms[cleared.site, cleared.device]
        of_device[cleared.id] = cleared.ts_ms
        for incident, cleared_ms in list(of_device.items()):
            if cleared.ts_ms - cleared_ms > _FORGET_MS:
                del of_device[incident]
                self._told.pop(incident, None)
                self._acted.discard(incident)

    def _seen_as(self, record: DeviceRecord) -> DeviceRecord:
        if not self._as_if_armed:
            return record
        return msgspec.structs.replace(record, stage=Stage.ARMED, acts_by=self._rules.side)

    def _history(self, event: IncidentEvent) -> PolicyHistory:
        return PolicyHistory(
            acted_on=frozenset(self._acted & {event.id}),
            device_actions_ms=tuple(self._of_device[event.site, event.device]),
            site_actions_ms=tuple(self._of_site[event.site]),
        )


def would_be_armed() -> Advisor:
    """Return the advisor of a replay: what would have been done, were every device armed."""
    return Advisor(PolicyRules(side=ActsBy.EDGE, dry_run=False), as_if_armed=True)
