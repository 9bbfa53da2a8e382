"""The devices table: who is there, what a source says of them, and what a person decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, select

from kilowatch.core.device import DeviceRecord, Stage
from kilowatch.core.records import DeviceEdit, KnownDevice, discovered
from kilowatch.errors import ConfigError
from kilowatch.links.database.rows import add_once
from kilowatch.links.database.tables import devices

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row


class Devices:
    """Device records within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, site: str, device: str) -> KnownDevice | None:
        """Return a device, None where it is not known."""
        row = self._connection.execute(select(devices).where(_is(site, device))).one_or_none()
        return None if row is None else _known(row)

    def all(self, site: str | None = None) -> list[KnownDevice]:
        """Return all devices, or those of one site, by name."""
        wanted = select(devices).order_by(devices.c.site, devices.c.device)
        if site is not None:
            wanted = wanted.where(devices.c.site == site)
        return [_known(row) for row in self._connection.execute(wanted)]

    def meet(self, record: DeviceRecord, ts_ms: int) -> bool:
        """Take a device in where it is not known yet; return whether it was new."""
        row = {
            "site": record.site,
            "device": record.device,
            "version": record.version,
            "edited": "[]",
            "first_ms": ts_ms,
            "body": _body(record),
        }
        return add_once(self._connection, devices, row)

    def discover(self, found: DeviceRecord, ts_ms: int) -> DeviceRecord | None:
        """Take in what a source says of a device; return the record where that was news, else None."""
        if self.meet(found, ts_ms):
            return found
        known = self._held(found.site, found.device)
        record = discovered(known.record, found, known.edited)
        return None if record is known.record else self._write(record, known.edited)

    def edit(self, site: str, device: str, wish: DeviceEdit, at_version: int | None = None) -> DeviceRecord | None:
        """Take in what a person says, for good; return the record where it changed, else None.

        `ConfigError` where the device is not known, or is no longer `at_version`, which the person had looked at.
        """
        known = self._held(site, device)
        if at_version not in (None, known.record.version):
            raise ConfigError(
                f"Device {device} of site {site} has changed meanwhile: version {known.record.version}.",
                "Look at it again, then decide.",
            )
        record = wish.apply(known.record, known.edited)
        edited = known.edited | wish.said
        # To say what already is makes no new version, but from now on no source may change it: that is written down.
        if record is known.record and edited == known.edited:
            return None
        self._write(record, edited)
        return None if record is known.record else record

    def learnt(self, site: str, device: str) -> DeviceRecord | None:
        """Note that a device's learning is over; return the record where that is news, else None."""
        known = self._held(site, device)
        if known.record.stage is not Stage.LEARNING:
            return None
        record = msgspec.structs.replace(known.record, stage=Stage.WATCHING, version=known.record.version + 1)
        return self._write(record, known.edited)

    def delete(self, site: str, device: str) -> None:
        """Forget a device's record; `ConfigError` where it is not known."""
        if self._connection.execute(delete(devices).where(_is(site, device))).rowcount == 0:
            raise _unknown(site, device)

    def _held(self, site: str, device: str) -> KnownDevice:
        """Return a device, its row locked until the transaction ends."""
        # SQLite knows no locks on rows and drops this: there a transaction that writes has the one lock.
        row = self._connection.execute(select(devices).where(_is(site, device)).with_for_update()).one_or_none()
        if row is None:
            raise _unknown(site, device)
        return _known(row)

    def _write(self, record: DeviceRecord, edited: frozenset[str]) -> DeviceRecord:
        changed = devices.update().where(_is(record.site, record.device))
        self._connection.execute(
            changed.values(
                version=record.version, edited=msgspec.json.encode(sorted(edited)).decode(), body=_body(record)
            )
        )
        return record


def _is(site: str, device: str) -> ColumnElement[bool]:
    return (devices.c.site == site) & (devices.c.device == device)


def _body(record: DeviceRecord) -> str:
    return msgspec.json.encode(record).decode()


def _known(row: Row[tuple[object, ...]]) -> KnownDevice:
    return KnownDevice(
        record=msgspec.json.decode(row.body, type=DeviceRecord),
        edited=msgspec.json.decode(row.edited, type=frozenset[str]),
        first_ms=row.first_ms,
    )


def _unknown(site: str, device: str) -> ConfigError:
    return ConfigError(f"Device {device} of site {site} is not known.", "List them with: kilowatch device list.")
