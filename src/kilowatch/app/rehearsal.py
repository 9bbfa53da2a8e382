"""Other sensitivities beside the live one: the incidents that they would have opened, from the same scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kilowatch.core.events import EventKind
from kilowatch.core.incident import IncidentTracker
from kilowatch.core.judge import Judge, Scored, Scorer
from kilowatch.core.outputs import RehearseOutput, Sensitivity
from kilowatch.detectors.cold_start import ColdStart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.device import Fleet
    from kilowatch.core.incident import IncidentRules

RATES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
"""Alarms a device-week: from once in ten weeks, for a fleet, to most weekdays."""


class Rehearsal:
    """Thresholds and incidents at one rate of alarms; nothing of it reaches anybody."""

    frozen_also: ClassVar[tuple[str, ...]] = ("opened",)

    def __init__(self, scorer: Scorer, fleet: Fleet, rules: IncidentRules, alarms_per_week: float) -> None:
        self.alarms_per_week = alarms_per_week
        self.judge = Judge(scorer, alarms_per_week)
        self.opened = 0
        self._leave = rules.leave
        self._incidents = IncidentTracker(fleet, rules)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.judge.reserve(devices)

    def take(self, scored: Scored) -> None:
        """Judge scored samples and count the incidents that open on watched devices: what a rate counts."""
        _, hots = self.judge.judge(scored, self._leave)
        for hot in hots:
            events = self._incidents.observe(hot)
            self.opened += sum(e.kind is EventKind.OPENED and e.rule != ColdStart.name for e in events)


def rehearsed(rehearsals: Sequence[Rehearsal], devices: int, device_weeks: float) -> RehearseOutput:
    """Return what each sensitivity would have brought, of so many devices in so many device-weeks watched."""
    rows = [
        Sensitivity(
            requested_per_device_week=rehearsal.alarms_per_week,
            incidents=rehearsal.opened,
            alarms_per_device_week=round(rehearsal.opened / device_weeks, 4) if device_weeks else None,
        )
        for rehearsal in rehearsals
    ]
    return RehearseOutput(devices=devices, watched_device_weeks=round(device_weeks, 4), sensitivities=rows)
