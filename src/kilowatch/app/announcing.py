"""Shows the edge's devices in Home Assistant: what was judged last, and which incidents are open."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import KilowatchError
from kilowatch.links.mqtt.announce import Announcer, DeviceState, OddNow, Places, retained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.config import Config
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.judged import Judged

_log = logging.getLogger("kilowatch.announce")
_FIELDS = 4
_SCORE, _POWER, _LOW, _HIGH = range(_FIELDS)


class Latest:
    """What was judged last of each device, by slot: score, power, expected band, float64[slots, 4], NaN unknown."""

    def __init__(self) -> None:
        self.values = np.full((64, _FIELDS), np.nan)

    def take(self, judged: Judged) -> None:
        """Move on to the last sample of each device."""
        segments = judged.samples.segments
        if not len(segments.slot):
            return
        size = int(segments.slot.max()) + 1
        if size > len(self.values):
            room = np.full((2 * size, _FIELDS), np.nan)
            room[: len(self.values)] = self.values
            # Put in place once it is filled: the announcer's thread reads it without a lock.
            self.values = room
        rows = segments.ends
        columns = (judged.confirmed, judged.samples.power_w, judged.low_w, judged.high_w)
        self.values[segments.slot] = np.column_stack([column[rows] for column in columns])

    def of(self, slot: int | None) -> list[float | None]:
        """Return the four values of a slot, rounded; None where unknown."""
        row = [np.nan] * _FIELDS if slot is None or slot >= len(self.values) else self.values[slot].tolist()
        digits = (2, 1, 1, 1)
        return [None if np.isnan(value) else round(value, n) for value, n in zip(row, digits, strict=True)]


class Announcing:
    """Keeps `kilowatch.app.edge.edge.Listener`. It begins once `watch` has given it the edge."""

    def __init__(self, announcer: Announcer, places: Places, every_s: float) -> None:
        self._announcer, self._places, self._every_s = announcer, places, every_s
        self._latest = Latest()
        self._built: BuiltEdge | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="announce", daemon=True)

    def watch(self, built: BuiltEdge) -> None:
        """Begin to show an edge."""
        self._built = built
        self._thread.start()

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Show incidents at once."""
        if events:
            self._wake.set()

    def stepped(self, result: StepResult) -> None:
        """Note what was judged."""
        for judged in result.judged:
            self._latest.take(judged)

    def close(self) -> None:
        """Show nothing more, and say that we are gone."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._announcer.close()

    def look(self, built: BuiltEdge) -> Mapping[str, bytes]:
        """Return what is to be shown now."""
        with built.parts.database.read() as transaction:
            odd = {known.event.device: _odd(known.event) for known in transaction.incidents.open()}
        records = [record for record in built.parts.registry.records() if record.site == self._places.site]
        fleet = built.parts.subject.pipeline.fleet
        states = [self._state(one, fleet.slot(one.site, one.device), odd.get(one.device)) for one in records]
        return retained(self._places, states)

    def _state(self, record: DeviceRecord, slot: int | None, incident: OddNow | None) -> DeviceState:
        values = self._latest.of(slot)
        return DeviceState(
            device=record.device,
            kind=record.kind.value,
            stage=record.stage,
            score=values[_SCORE],
            power_w=values[_POWER],
            expected_low_w=values[_LOW],
            expected_high_w=values[_HIGH],
            incident=incident,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the look: what happens while it goes on is shown right after it.
            self._wake.clear()
            if self._built is not None:
                try:
                    self._announcer.show(self.look(self._built))
                except KilowatchError as error:
                    _log.warning("Home Assistant is shown nothing new: %s", error)
            self._wake.wait(self._every_s)


def announcing_of(config: Config) -> Announcing | None:
    """Return who shows devices in Home Assistant, None where the settings name no broker for that."""
    wanted, site = config.announce, config.site.name
    if not wanted.broker:
        return None
    places = Places(site, wanted.base)
    announcer = Announcer(wanted.broker, config.sources.mqtt[wanted.broker], places)
    return Announcing(announcer, places, wanted.every_s)


def _odd(event: IncidentEvent) -> OddNow:
    return OddNow(
        id=event.id,
        device=event.device,
        severity=event.severity.value,
        sentence=event.sentence,
        since_ms=event.first_ms,
    )
