"""What SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart, and the way from rows to structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table

_T = TypeVar("_T", bound=msgspec.Struct)


def insert_into(connection: Connection, table: Table) -> sqlite.Insert:
    """Return an insert that knows `on_conflict_do_update` and `on_conflict_do_nothing` of the connection's kind."""
    if connection.dialect.name == "postgresql":
        return cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)


def add_once(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one of its key is there; return whether it was inserted."""
    key = table.primary_key.columns[0]
    added = insert_into(connection, table).values(row).on_conflict_do_nothing().returning(key)
    # By what comes back: what rowcount says of an insert is up to the driver.
    return connection.execute(added).first() is not None


def struct_of(row: Row[tuple[Any, ...]], kind: type[_T]) -> _T:
    """Return a row as the struct whose fields are named as its columns."""
    return msgspec.convert({str(name): value for name, value in row._mapping.items()}, kind)  # noqa: SLF001 - its public name
