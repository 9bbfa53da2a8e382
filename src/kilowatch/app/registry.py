"""The registry: who the devices are, what people said, and the page's copy of incidents; it owns the database.

Whatever others must learn of stands in the `outbox` table in the transaction that decided it, and leaves from there
in order. What came from Kafka moves its offsets in the transaction that keeps it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.core.events import (
    WIRE_V,
    Acknowledge,
    Label,
    LabelWord,
    Mute,
    PersonalWord,
    Rearm,
    RecordChanged,
    Undo,
)
from kilowatch.core.records import AuditEntry, DeviceEdit
from kilowatch.errors import ConfigError
from kilowatch.links.history.postgres import erase_history
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kilowatch.core.device import DeviceRecord, Kind
    from kilowatch.core.events import IncidentEvent, Learnt
    from kilowatch.core.records import KnownIncident, LabelEntry, ModelChoice, Offset
    from kilowatch.links.database import Database, Transaction

READER = "registry"
"""Whose offsets these are."""


class Registry:
    """Decisions about devices, incidents and models, each one transaction. ts_ms: when, ms UTC. who: a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self) -> list[DeviceRecord]:
        """Return every device's record."""
        with self._database.read() as transaction:
            return [known.record for known in transaction.devices.all()]

    def meet(
        self,
        records: Iterable[DeviceRecord],
        ts_ms: int,
        offsets: Sequence[Offset] = (),
        learnt: Iterable[Learnt] = (),
    ) -> None:
        """Take in devices that readings came from, and who has been learnt; those known already stay as they are."""
        with self._database.begin() as transaction:
            for record in records:
                if transaction.devices.meet(record, ts_ms):
                    _publish(transaction, record, "kilowatch", ts_ms)
            for word in learnt:
                _graduate(transaction, word.site, word.device, ts_ms)
            transaction.offsets.save(READER, offsets)

    def discover(self, records: Iterable[DeviceRecord], ts_ms: int) -> None:
        """Take in what a source says of its devices; what a person decided stands."""
        with self._database.begin() as transaction:
            for found in records:
                record = transaction.devices.discover(found, ts_ms)
                if record is not None:
                    _publish(transaction, record, found.source, ts_ms)

    def learnt(self, site: str, device: str, ts_ms: int) -> None:
        """Note that a device has been learnt and is watched from now on; nothing where it is past that already."""
        with self._database.begin() as transaction:
            _graduate(transaction, site, device, ts_ms)

    def edit(
        self, site: str, device: str, wish: DeviceEdit, who: str, ts_ms: int, at_version: int | None = None
    ) -> DeviceRecord:
        """Change what a person wants changed, and return the record; `ConfigError` where the device is not known."""
        with self._database.begin() as transaction:
            # None where nothing changes or nobody is known: `_record` tells the two apart.
            record = transaction.devices.edit(site, device, wish, at_version)
            if record is None:
                return _record(transaction, site, device)
            _publish(transaction, record, who, ts_ms)
            why = f"Set {', '.join(sorted(wish.said))}."
            transaction.audit.add(_line("edit", record, who, ts_ms, why))
            return record

    def delete(self, site: str, device: str, who: str, ts_ms: int) -> None:
        """Forget a device: record, incidents, labels, and its history where that is in the database.

        The audit stays, as it must. Judges are told to forget it too; if it still speaks it is met as a new one.
        """
        with self._database.begin() as transaction:
            record = _record(transaction, site, device)
            transaction.devices.delete(site, device)
            transaction.incidents.erase(site, device)
            transaction.labels.erase(site, device)
            erase_history(transaction, site, device)
            transaction.audit.add(_line("delete", record, who, ts_ms, "A person deleted the device and its history."))
            transaction.outbox.put(Topic.REGISTRY, site, _key(record), None)
            # One version on: who keeps the old record must read `IoTRegistry` again, and finds that it is gone.
            _tell(transaction, RecordChanged(**_words(record, record.version + 1, who, ts_ms), gone=True))

    def label(self, incident: str, word: LabelWord, who: str, ts_ms: int) -> LabelEntry:
        """Keep a person's word on an incident, and return it; `ConfigError` where the incident is not known."""
        with self._database.begin() as transaction:
            event = _incident(transaction, incident).event
            entry = transaction.labels.say(event, word, who, ts_ms)
            _tell(transaction, Label(**_words(event, entry.version, who, ts_ms), incident=incident, label=word))
            transaction.audit.add(_evidence("label", event, who, ts_ms, f"A person called it {word.value}."))
            return entry

    def take_back(self, incident: str, who: str, ts_ms: int) -> LabelEntry:
        """Undo a person's word on an incident; `ConfigError` where there is none."""
        with self._database.begin() as transaction:
            event = _incident(transaction, incident).event
            entry = transaction.labels.say(event, None, who, ts_ms)
            _tell(transaction, Undo(**_words(event, entry.version, who, ts_ms), incident=incident))
            transaction.audit.add(_evidence("undo", event, who, ts_ms, "A person took their word back."))
            return entry

    def acknowledge(self, incident: str, who: str, ts_ms: int) -> None:
        """Note that a person has seen an incident."""
        with self._database.begin() as transaction:
            event = _incident(transaction, incident).event
            _tell(transaction, Acknowledge(**_words(event, event.version, who, ts_ms), incident=incident))
            transaction.audit.add(_evidence("ack", event, who, ts_ms, "A person has seen it."))

    def mute(self, site: str, device: str, until_ms: int, who: str, ts_ms: int) -> DeviceRecord:
        """Be silent about a device until a time, ms UTC; 0 ends it."""
        with self._database.begin() as transaction:
            record = transaction.devices.edit(site, device, DeviceEdit(muted_until=until_ms or None))
            if record is None:
                return _record(transaction, site, device)
            _publish(transaction, record, who, ts_ms)
            _tell(transaction, Mute(**_words(record, record.version, who, ts_ms), until_ms=until_ms))
            transaction.audit.add(_line("mute", record, who, ts_ms, f"No notifications until {until_ms}."))
            return record

    def rearm(self, site: str, device: str, who: str, ts_ms: int) -> None:
        """Allow switching again after a person had switched the device on themselves."""
        with self._database.begin() as transaction:
            record = _record(transaction, site, device)
            _tell(transaction, Rearm(**_words(record, record.version, who, ts_ms)))
            transaction.audit.add(_line("rearm", record, who, ts_ms, "A person allows switching again."))

    def choose_model(self, kind: Kind, live: str | None, shadow: str | None = None) -> ModelChoice:
        """Set which artifacts, by SHA-256, judge a kind."""
        with self._database.begin() as transaction:
            choice = transaction.models.choose(kind, live, shadow)
            transaction.outbox.put(Topic.MODELS, kind.value, kind.value, msgspec.json.encode(choice))
            return choice

    def project(self, events: Sequence[IncidentEvent], offsets: Sequence[Offset] = ()) -> None:
        """Keep incident events for pages and questions, and with them how far we have read."""
        with self._database.begin() as transaction:
            transaction.incidents.project(events)
            transaction.offsets.save(READER, offsets)

    def offsets(self) -> list[Offset]:
        """Return where reading goes on."""
        with self._database.read() as transaction:
            return transaction.offsets.load(READER)


def _graduate(transaction: Transaction, site: str, device: str, ts_ms: int) -> None:
    # A person may have deleted the device since the judge said so.
    is_known = transaction.devices.get(site, device) is not None
    record = transaction.devices.learnt(site, device) if is_known else None
    if record is not None:
        _publish(transaction, record, "kilowatch", ts_ms)


def _record(transaction: Transaction, site: str, device: str) -> DeviceRecord:
    known = transaction.devices.get(site, device)
    if known is None:
        raise ConfigError(f"Device {device} of site {site} is not known.", "List them with: kilowatch device list.")
    return known.record


def _incident(transaction: Transaction, incident: str) -> KnownIncident:
    known = transaction.incidents.get(incident)
    if known is None:
        raise ConfigError(f"Incident {incident} is not known.", "Incidents have ids of 16 letters and digits.")
    return known


def _key(record: DeviceRecord) -> str:
    return f"{record.site}/{record.device}"


def _publish(transaction: Transaction, record: DeviceRecord, who: str, ts_ms: int) -> None:
    """Let a record leave for `IoTRegistry`, and after it the word to detectors that it is there."""
    transaction.outbox.put(Topic.REGISTRY, record.site, _key(record), msgspec.json.encode(record))
    _tell(transaction, RecordChanged(**_words(record, record.version, who, ts_ms)))


def _tell(transaction: Transaction, word: PersonalWord) -> None:
    transaction.outbox.put(Topic.DEVICES, word.site, word.site, msgspec.json.encode(word))


def _words(subject: DeviceRecord | IncidentEvent, version: int, who: str, ts_ms: int) -> dict[str, Any]:
    return {
        "v": WIRE_V,
        "id": uuid.uuid4().hex,
        "version": version,
        "site": subject.site,
        "device": subject.device,
        "ts_ms": ts_ms,
        "who": who or None,
    }


def _line(what: str, record: DeviceRecord, who: str, ts_ms: int, why: str) -> AuditEntry:
    return AuditEntry(ts_ms=ts_ms, what=what, who=who, why=why, site=record.site, device=record.device)


def _evidence(what: str, event: IncidentEvent, who: str, ts_ms: int, why: str) -> AuditEntry:
    return AuditEntry(
        ts_ms=ts_ms,
        what=what,
        who=who,
        why=why,
        site=event.site,
        device=event.device,
        incident=event.id,
        score=event.score,
        threshold=event.threshold,
        model=event.model,
        window_from_ms=event.first_ms,
        window_to_ms=event.last_ms,
    )
