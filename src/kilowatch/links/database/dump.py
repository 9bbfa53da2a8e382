"""Every table as lines of JSON, the same from SQLite and PostgreSQL, and back into either."""

from __future__ import annotations

import base64
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import LargeBinary, MetaData, Table, func, select, text

from kilowatch.errors import StateError
from kilowatch.links.database import schema
from kilowatch.links.database.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

TABLES = tuple(table.name for table in metadata.sorted_tables)
_ROWS = 1000
_NOT_KEPT = ("offsets", "usage_states")
"""Offsets belong to the topics of one Kafka and are not asked for when telling whether a database is in use."""


_SERIAL = tuple(table.name for table in metadata.sorted_tables if table.autoincrement_column is not None)


def rows_of(connection: Connection, name: str) -> Iterator[bytes]:
    """Yield a table's rows as JSON, each on a line of its own, in the order of its key."""
    table = metadata.tables[name]
    # Some rows at a time: a history may be larger than memory.
    wanted = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS)
    for row in connection.execute(wanted):
        yield msgspec.json.encode({str(column): value for column, value in row._mapping.items()}) + b"\n"  # noqa: SLF001 - its public name


def is_in_use(connection: Connection) -> bool:
    """Return whether a database holds anything that a restore would replace."""
    if schema.current(connection) is None:
        return False
    return any(
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name not in _NOT_KEPT
    )


def make_empty(connection: Connection, version: str) -> None:
    """Drop what there is and make the tables of a version; `StateError` where this kilowatch does not know it."""
    schema.refuse_newer(version)
    there = MetaData()
    there.reflect(connection)
    there.drop_all(connection)
    # Its triggers go with the table, the function behind them does not, and the first step would find it there.
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION IF EXISTS audit_append_only() CASCADE"))
    schema.upgrade(connection, version)


def fill(connection: Connection, name: str, lines: Iterable[bytes]) -> int:
    """Write lines of JSON into a table, and return how many."""
    # As the backup's own version made it, which may be older than `metadata`.
    table = Table(name, MetaData(), autoload_with=connection)
    binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
    count = 0
    for some in _batches(lines):
        rows = [_row(line, binary) for line in some]
        connection.execute(table.insert(), rows)
        count += len(rows)
    if connection.dialect.name == "postgresql" and "id" in table.columns and name in _SERIAL:
        _go_on(connection, name)
    return count


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(lines)
    while some := list(islice(rest, _ROWS)):
        yield some


def _row(line: bytes, binary: list[str]) -> dict[str, Any]:
    try:
        row: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise StateError(f"A row of the backup cannot be read: {error}.", "Use another backup.") from error
    # JSON has no bytes: they were written as base64.
    return row | {name: base64.b64decode(row[name]) for name in binary if row.get(name) is not None}


def _go_on(connection: Connection, name: str) -> None:
    """Let new rows get ids after the restored ones."""
    connection.execute(
        text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING max(id) > 0")  # nosec B608 # noqa: S608 - a table of ours
    )
