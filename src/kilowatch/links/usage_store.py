"""Finished days of devices, and the metric processor's state beside its offsets, in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kilowatch.core.usage import Quantity, StoredDay
from kilowatch.errors import StateError
from kilowatch.links.database.rows import add_once, insert_into
from kilowatch.links.database.tables import device_days, usage_states
from kilowatch.links.history.postgres import add_buckets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from kilowatch.core.history import NamedBuckets
    from kilowatch.links.database.database import Database

_QUANTITIES = tuple(quantity.name.lower() for quantity in Quantity)


class UsageStore:
    """States with their offsets, and days, each call one transaction.

    The tables are made by the registry, or by the edge; `ComponentError` where they are not there yet.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.check()

    def load(self, topic: str, partition: int) -> tuple[int, bytes] | None:
        """Return the next offset that a partition's state wants, and the state."""
        wanted = select(usage_states.c.next, usage_states.c.state)
        mine = (usage_states.c.topic == topic) & (usage_states.c.partition == partition)
        with self._database.read() as transaction:
            row = transaction.connection.execute(wanted.where(mine)).one_or_none()
        return None if row is None else (row.next, row.state)

    def save(
        self,
        states: Sequence[tuple[str, int, int, int, bytes]],
        days: Sequence[StoredDay],
        past: Sequence[NamedBuckets] = (),
    ) -> None:
        """Keep states (topic, partition, since, next, state) and add days and past, in one transaction.

        `StateError`, and nothing kept, where a partition's state is no longer the one of offset `since`.
        """
        with self._database.begin() as transaction:
            for topic, partition, since, following, state in states:
                _move(transaction.connection, (topic, partition), (since, following), state)
            for part in _without_repeats(days):
                _add(transaction.connection, part)
            for buckets in past:
                add_buckets(transaction, buckets)

    def days(self, site: str, device: str, from_day: int, to_day: int) -> list[StoredDay]:
        """Return a device's days with from_day <= day < to_day, days since 1970 local."""
        columns = device_days.c
        mine = (columns.site == site) & (columns.device == device) & columns.day.between(from_day, to_day - 1)
        with self._database.read() as transaction:
            rows = transaction.connection.execute(select(device_days).where(mine).order_by(columns.day)).all()
        return [StoredDay(site=row[0], device=row[1], day=row[2], values=tuple(row[3:])) for row in rows]


def _move(connection: Connection, place: tuple[str, int], offsets: tuple[int, int], state: bytes) -> None:
    since, following = offsets
    row = {"topic": place[0], "partition": place[1], "next": following, "state": state}
    # The offset that a state was read at is its lock: who finds another there has lost the partition meanwhile,
    # and the days of this transaction, which the other adds too, are undone with it.
    if since < 0:
        moved = add_once(connection, usage_states, row)
    else:
        mine = (usage_states.c.topic == place[0]) & (usage_states.c.partition == place[1])
        change = usage_states.update().where(mine & (usage_states.c.next == since)).values(row)
        moved = connection.execute(change).rowcount == 1
    if not moved:
        raise StateError(
            f"Another process has saved partition {place[1]} of {place[0]} meanwhile.",
            "Nothing is lost: that process goes on. Stop this one.",
        )


def _without_repeats(days: Sequence[StoredDay]) -> list[list[StoredDay]]:
    """Return the days in parts that hold each day once: one statement may not change a row twice."""
    parts: list[dict[tuple[str, str, int], StoredDay]] = []
    for day in days:
        key = (day.site, day.device, day.day)
        part = next((part for part in parts if key not in part), None)
        if part is None:
            parts.append(part := {})
        part[key] = day
    return [list(part.values()) for part in parts]


def _add(connection: Connection, days: list[StoredDay]) -> None:
    insert = insert_into(connection, device_days)
    merged = {name: _merge(connection, place, insert.excluded[name]) for place, name in enumerate(_QUANTITIES)}
    upsert = insert.on_conflict_do_update(index_elements=["site", "device", "day"], set_=merged)
    rows = [
        {"site": day.site, "device": day.device, "day": day.day} | dict(zip(_QUANTITIES, day.values, strict=True))
        for day in days
    ]
    connection.execute(upsert, rows)


def _merge(connection: Connection, place: int, new: ColumnElement[int]) -> ColumnElement[int]:
    old = device_days.c[_QUANTITIES[place]]
    # The order of `Quantity` says what is done: sums first, then two of which the highest counts, the lowest last.
    if place < Quantity.PEAK_MW:
        return old + new
    # SQLite's min and max of two values are PostgreSQL's least and greatest, whose min and max are aggregates.
    lowest, highest = ("least", "greatest") if connection.dialect.name == "postgresql" else ("min", "max")
    return getattr(func, lowest if place == Quantity.FLOOR_MW else highest)(old, new)
