"""When incidents of one device begin, open and close: the product's tracker, read by the clock alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.app.ledger import IncidentLedger
from kilowatch.core.device import Fleet
from kilowatch.core.incident import IncidentTracker
from kilowatch.lab.measure import IncidentTimes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.incident import Hot
    from kilowatch.core.incident_rules import IncidentRules


def incident_times(hots: Iterable[Hot], record: DeviceRecord, rules: IncidentRules, end_ms: int) -> IncidentTimes:
    """Return the incidents that one device's odd samples make, by the end of its series."""
    tracker, ledger = IncidentTracker(Fleet([record]), rules), IncidentLedger()
    for hot in hots:
        ledger.add(tracker.observe(hot))
    ledger.add(tracker.advance(end_ms))
    entries = ledger.entries()
    return IncidentTimes.of(
        [entry.told.first_ms for entry in entries],
        [entry.opened_ms for entry in entries],
        [end_ms if entry.cleared_ms is None else entry.cleared_ms for entry in entries],
    )
