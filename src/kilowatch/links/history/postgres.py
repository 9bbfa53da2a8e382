"""History in the database, for services: buckets of five minutes, added to in the transaction that moves the offsets.

Single samples are kept by an edge alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, func, select

from kilowatch.core.history import (
    DAY_MS,
    FIVE_MINUTES_MS,
    Buckets,
    HistorySeries,
    NamedBuckets,
    Retention,
    coarse_step_for,
)
from kilowatch.links.database.rows import insert_into
from kilowatch.links.database.tables import device_days, history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row, Select, Table

    from kilowatch.links.database import Database, Transaction


class DatabaseHistory:
    """Keeps `kilowatch.core.ports.History` in PostgreSQL, or in any database that `Database` opens."""

    def __init__(self, database: Database, retention: Retention | None = None) -> None:
        self._database = database
        self._retention = retention or Retention()

    def query(self, site: str, device: str, from_ms: int, to_ms: int, points: int) -> HistorySeries:
        """Return a device's past between two times in at most `points` buckets of five minutes or more."""
        step_ms = coarse_step_for(from_ms, to_ms, points)
        with self._database.read() as transaction:
            buckets = _buckets(transaction.connection, site, device, from_ms, to_ms)
        return HistorySeries(step_ms, buckets.grouped(step_ms))

    def expire(self, now_ms: int) -> None:
        """Forget the buckets that are older than they are kept."""
        before_ms = now_ms - self._retention.five_minute_days * DAY_MS
        with self._database.begin() as transaction:
            transaction.connection.execute(delete(history).where(history.c.start_ms < before_ms))

    def erase(self, site: str, device: str) -> None:
        """Forget a device."""
        with self._database.begin() as transaction:
            erase_history(transaction, site, device)


def add_buckets(transaction: Transaction, past: NamedBuckets) -> None:
    """Add five-minute buckets to those that are there, in a transaction."""
    if len(past.buckets) == 0:
        return
    connection = transaction.connection
    insert = insert_into(connection, history)
    new, old = insert.excluded, history.c
    least, most = (func.least, func.greatest) if connection.dialect.name == "postgresql" else (func.min, func.max)
    change = {
        "samples": old.samples + new.samples,
        "total_dw": old.total_dw + new.total_dw,
        "min_w": least(old.min_w, new.min_w),
        "max_w": most(old.max_w, new.max_w),
        # SQLite's max of a value and NULL is NULL, PostgreSQL's greatest the value: filled from each other, both agree.
        "score": most(func.coalesce(old.score, new.score), func.coalesce(new.score, old.score)),
        "low_w": least(func.coalesce(old.low_w, new.low_w), func.coalesce(new.low_w, old.low_w)),
        "high_w": most(func.coalesce(old.high_w, new.high_w), func.coalesce(new.high_w, old.high_w)),
    }
    upsert = insert.on_conflict_do_update(index_elements=["site", "device", "start_ms"], set_=change)
    connection.execute(upsert, _bucket_rows(past.buckets, past.names))


def erase_history(transaction: Transaction, site: str, device: str) -> None:
    """Forget a device in a transaction."""
    for table in (history, device_days):
        transaction.connection.execute(delete(table).where(table.c.site == site, table.c.device == device))


def _bucket_rows(buckets: Buckets, names: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    fields = ("start_ms", "samples", "total_dw", "min_w", "max_w", "score", "low_w", "high_w")
    columns = [_plain(getattr(buckets, name)) for name in fields]
    return _named(buckets.device, names, dict(zip(fields, columns, strict=True)))


def _named(
    device: NDArray[np.int32], names: Sequence[tuple[str, str]], columns: dict[str, list[Any]]
) -> list[dict[str, Any]]:
    columns |= {"site": [names[number][0] for number in device], "device": [names[number][1] for number in device]}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(values: NDArray[Any]) -> list[Any]:
    """Return an array's values as Python's own, None for NaN."""
    return [None if value != value else value for value in values.tolist()]


def _buckets(connection: Connection, site: str, device: str, from_ms: int, to_ms: int) -> Buckets:
    c = history.c
    fields = ("start_ms", "samples", "total_dw", "min_w", "max_w", "score", "low_w", "high_w")
    # A bucket that began before the span may reach into it.
    span = (c.start_ms > from_ms - FIVE_MINUTES_MS, c.start_ms < to_ms)
    rows = connection.execute(_of(history, select(*(c[name] for name in fields)).where(*span), site, device)).all()
    columns = [_array(rows, place) for place in range(len(fields))]
    start_ms, samples, total_dw = (column.astype(np.int64) for column in columns[:3])
    return Buckets(np.zeros(len(rows), dtype=np.int32), start_ms, samples, total_dw, *columns[3:])


def _of(table: Table, wanted: Select[Any], site: str, device: str) -> Select[Any]:
    return wanted.where(table.c.site == site, table.c.device == device)


def _array(rows: Sequence[Row[Any]], place: int) -> NDArray[np.float64]:
    # Exact for whole numbers as well: times in ms and sums of deciwatts stay under 2^53.
    return np.array([np.nan if row[place] is None else row[place] for row in rows], dtype=np.float64)
