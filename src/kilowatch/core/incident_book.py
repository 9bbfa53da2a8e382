"""Incidents: one thing that is wrong with one device over time, and the latest one of every device."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np

from kilowatch.core import explain
from kilowatch.core.device import grown
from kilowatch.core.events import WIRE_V, EventKind, Evidence, IncidentEvent, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord, Fleet

MIN_WINDOWS = 2
"""Nothing is switched off on one window alone."""

_NEVER = np.iinfo(np.int64).max
FORGET_MS = 86_400_000
"""How long a cleared incident is kept past its merge time, for readings that come late."""


def incident_id(site: str, device: str, rule: str, first_ms: int) -> str:
    """Return 16 hex digits of SHA-256 over the four as a JSON array, so that no two fields can run together."""
    # 64 bits: that two of a million incidents agree is one chance in 37 million.
    return hashlib.sha256(msgspec.json.encode((site, device, rule, first_ms))).hexdigest()[:16]


class Incident(msgspec.Struct, kw_only=True):
    """An incident as the tracker holds it, and as it lies in a snapshot. Times are event times in ms UTC.

    since_ms: first odd reading of the present burst. cleared_ms: None while open. score, severity, peak: the
    highest so far. phrase, observed_w and the band are those of the last sample at or over the threshold, at
    found_ms, watts NaN where unknown.
    """

    id: str
    site: str
    device: str
    rule: str
    first_ms: int
    since_ms: int
    last_ms: int
    threshold: float
    historical: bool
    severity: Severity = Severity.INFO
    score: float = 0.0
    peak: float = 0.0
    observed_w: float = math.nan
    low_w: float = math.nan
    high_w: float = math.nan
    leading_rule: str = ""
    phrase: str = ""
    model: str = ""
    version: int = 0
    told_ms: int = 0
    told_phrase: str = ""
    found_ms: int | None = None
    windows: int = 0
    on_since_ms: int | None = None
    least_w: float = math.inf
    most_w: float = -math.inf
    harmless: bool = False
    # msgspec gives every incident an empty list of its own.
    rules: list[str] = []
    bursts: int = 1
    acknowledged: bool = False
    cleared_ms: int | None = None

    @classmethod
    def begun(cls, record: DeviceRecord, rule: str, first_ms: int, *, threshold: float, historical: bool) -> Incident:
        """Return a new incident of a device, with nothing said of it yet."""
        return cls(
            id=incident_id(record.site, record.device, rule, first_ms),
            site=record.site,
            device=record.device,
            rule=rule,
            first_ms=first_ms,
            since_ms=first_ms,
            last_ms=first_ms,
            threshold=threshold,
            historical=historical,
        )

    @property
    def is_open(self) -> bool:
        """Whether it has not been cleared, or has come back since."""
        return self.cleared_ms is None

    @property
    def odd_ms(self) -> int:
        """How long it was odd, ms; of a single odd reading, how long until it was cleared."""
        until_ms = self.last_ms if self.last_ms > self.first_ms or self.cleared_ms is None else self.cleared_ms
        return until_ms - self.first_ms

    def reopen(self, since_ms: int) -> None:
        """Begin another burst of the same incident."""
        self.cleared_ms, self.since_ms = None, since_ms
        self.bursts += 1

    def tell(self, kind: EventKind, ts_ms: int, sentence: str, record: DeviceRecord) -> IncidentEvent:
        """Return the incident's next event."""
        self.version += 1
        self.told_ms, self.told_phrase = ts_ms, self.phrase
        return self.as_event(kind, ts_ms, sentence, record)

    def as_event(self, kind: EventKind, ts_ms: int, sentence: str, record: DeviceRecord) -> IncidentEvent:
        """Return how the incident stands, under the version of its last event."""
        return IncidentEvent(
            v=WIRE_V,
            id=self.id,
            version=self.version,
            site=self.site,
            device=self.device,
            rule=self.rule,
            kind=kind,
            ts_ms=ts_ms,
            first_ms=self.first_ms,
            last_ms=self.last_ms,
            severity=self.severity,
            score=self.score,
            threshold=self.threshold,
            expected_low_w=_finite(self.low_w),
            expected_high_w=_finite(self.high_w),
            observed_w=_finite(self.observed_w),
            sentence=sentence,
            evidence=self._evidence(ts_ms, record),
            historical=self.historical,
            model=self.model,
        )

    def _evidence(self, ts_ms: int, record: DeviceRecord) -> Evidence:
        return Evidence(
            phrase=self.phrase,
            rule=self.leading_rule,
            peak=round(self.peak, 4),
            windows=self.windows,
            bursts=self.bursts,
            muted=self.harmless or is_muted(record, ts_ms),
            acknowledged=self.acknowledged,
            on_since_ms=self.on_since_ms,
        )


def is_muted(record: DeviceRecord, ts_ms: int) -> bool:
    """Return whether a person wants no notifications of a device at that time."""
    return record.muted_until is not None and ts_ms < record.muted_until


def _finite(value: float) -> float | None:
    """Return a number as messages carry it: hundredths are enough, and JSON knows no NaN."""
    return round(value, 2) if math.isfinite(value) else None


class IncidentBook:
    """The latest incident of each device, open or cleared, and when each falls due: int64[slots]."""

    frozen_types: ClassVar[tuple[type, ...]] = (Incident,)

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.latest: dict[int, Incident] = {}
        # An array beside the incidents: who is due among a million devices is one comparison.
        self._due_ms = np.empty(0, dtype=np.int64)

    def open(self) -> dict[int, Incident]:
        """Return the open incidents by slot."""
        return {slot: incident for slot, incident in self.latest.items() if incident.is_open}

    def put(self, slot: int, incident: Incident, due_ms: int) -> None:
        """Keep a device's latest incident, to be looked at again at due_ms."""
        self._reserve()
        self._due_ms[slot] = due_ms
        self.latest[slot] = incident

    def due_ms(self, slot: int) -> int:
        """Return when the device's latest incident falls due."""
        return int(self._due_ms[slot])

    def due(self, now_ms: NDArray[np.int64] | int) -> list[int]:
        """Return the slots whose incident is due by now_ms (one time, or int64[slots]), earliest first."""
        if not self.latest:
            return []
        self._reserve()
        slots = np.flatnonzero(self._due_ms[: len(self.fleet)] <= now_ms)
        return slots[np.argsort(self._due_ms[slots], kind="stable")].tolist()

    def forget(self, slot: int) -> None:
        """Drop a device's incident."""
        del self.latest[slot]
        self._due_ms[slot] = _NEVER

    def retire(self, slot: int, ts_ms: int) -> list[IncidentEvent]:
        """Drop the incident of a device that a person has deleted; return its end where it was open."""
        incident = self.latest.get(slot)
        if incident is None:
            return []
        self.forget(slot)
        if not incident.is_open:
            return []
        incident.cleared_ms, record = max(ts_ms, incident.last_ms), self.fleet.records[slot]
        words = f"{explain.label(record.device)} was deleted by a person and is watched no more."
        return [incident.tell(EventKind.CLEARED, incident.cleared_ms, words, record)]

    def acknowledge(self, incident_id: str) -> int | None:
        """Note that a person has seen an open incident and return its slot, None where there is nothing to note."""
        # No index by id: people acknowledge seldom, and few devices have an incident.
        for slot, incident in self.latest.items():
            if incident.id == incident_id and incident.is_open and not incident.acknowledged:
                incident.acknowledged = True
                return slot
        return None

    def _reserve(self) -> None:
        if len(self.fleet) > len(self._due_ms):
            self._due_ms = grown(self._due_ms, len(self.fleet) + len(self.fleet) // 4 + 8, _NEVER)
