"""From reports, which are often partial, to readings: what a device said before still holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import WIRE_V, Reading, ReadingColumns
from kilowatch.links.decode.report import VALUES, Report, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DEVICES = 100_000
_LONGEST_NAME = 128
_OPTIONAL = ("received_ms", "voltage_v", "current_a", "energy_wh", "on", "source")


class Overlay:
    """The last known state of each device of a site. source: written into the readings."""

    def __init__(self, site: str, source: str) -> None:
        self._site = site
        self._source = source
        self._known: dict[str, Report] = {}

    def reading(self, report: Report, received_ms: int, *, is_retained: bool = False) -> Reading | None:
        """Lay a report over what is known; return the reading that follows, None where it only completes the next.

        A retained message is old by nobody knows how much: without a time of its own it is no reading. A switch that
        has changed waits for the power that follows, lest the old power be told for the new state.
        """
        if not 0 < len(report.device) <= _LONGEST_NAME:
            raise UndecodableError("the device's name has not 1 to 128 letters")
        before = self._known.get(report.device)
        known = _laid_over(before, report)
        # Also of what makes no reading: the next message may be partial and lean on it. Bounded, as names are data.
        if before is not None or len(self._known) < MOST_DEVICES:
            self._known[report.device] = known
        if not _speaks(report, before) or (is_retained and report.ts_ms is None) or known.power_w is None:
            return None
        return Reading(
            v=WIRE_V,
            site=self._site,
            device=report.device,
            ts_ms=received_ms if report.ts_ms is None else report.ts_ms,
            received_ms=received_ms,
            power_w=known.power_w,
            voltage_v=known.voltage_v,
            current_a=known.current_a,
            energy_wh=known.energy_wh,
            on=known.on,
            source=self._source,
        )


def _laid_over(before: Report | None, report: Report) -> Report:
    if before is None:
        return report
    said = {name: value for name in VALUES if (value := getattr(report, name)) is not None}
    return replace(before, **said)


def _speaks(report: Report, before: Report | None) -> bool:
    if not report.is_reading:
        return False
    if report.power_w is not None:
        return True
    # Without power of its own it is a reading where the switch stands as before: what was known still holds.
    return report.on is None or (before is not None and report.on == before.on)


def encoded(readings: Sequence[Reading]) -> bytes:
    """Return readings of one site as JSON: one alone as `Reading`, more as `ReadingColumns`."""
    if len(readings) == 1:
        return msgspec.json.encode(readings[0])
    columns = {name: [getattr(reading, name) for reading in readings] for name in _OPTIONAL}
    told = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return msgspec.json.encode(
        ReadingColumns(
            v=WIRE_V,
            site=readings[0].site,
            device=[reading.device for reading in readings],
            ts_ms=[reading.ts_ms for reading in readings],
            power_w=[reading.power_w for reading in readings],
            **told,
        )
    )
