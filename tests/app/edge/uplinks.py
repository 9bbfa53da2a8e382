"""An upstream in memory that is away, stuck or refuses when the test says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import IncidentEvent, ReadingColumns
from kilowatch.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.errors import KilowatchError


@dataclass
class MemoryUpstream:
    """What reached upstream, in order. is_away: nothing is told. refuses: everything is refused."""

    is_away: bool = False
    refuses: bool = False
    readings: list[ReadingColumns] = field(default_factory=list)
    incidents: list[IncidentEvent] = field(default_factory=list)
    connections: int = 0

    def connect(self) -> MemoryUplink:
        self.connections += 1
        return MemoryUplink(self)

    def rows(self) -> list[tuple[str, int]]:
        """Device and time of every reading that came, in order."""
        return [row for one in self.readings for row in zip(one.device, one.ts_ms, strict=True)]


@dataclass
class MemoryUplink:
    upstream: MemoryUpstream
    waiting: list[tuple[Callable[[], None], Callable[[KilowatchError | None], None]]] = field(default_factory=list)

    def send_readings(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        columns = msgspec.json.decode(message, type=ReadingColumns)
        assert columns.site == site
        self.waiting.append((lambda: self.upstream.readings.append(columns), delivered))

    def send_incident(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        event = msgspec.json.decode(message, type=IncidentEvent)
        assert event.site == site
        self.waiting.append((lambda: self.upstream.incidents.append(event), delivered))

    def poll(self, timeout_s: float) -> None:
        del timeout_s
        if self.upstream.is_away:
            return
        waiting, self.waiting = self.waiting, []
        for take, delivered in waiting:
            if self.upstream.refuses:
                delivered(ComponentError("no such topic", "make it"))
            else:
                take()
                delivered(None)

    def close(self) -> None:
        self.waiting.clear()
