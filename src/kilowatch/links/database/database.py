"""The one layer through which everything asks and changes the database."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kilowatch.links.database import schema
from kilowatch.links.database.actions import Actions, Audit
from kilowatch.links.database.devices import Devices
from kilowatch.links.database.engine import READ_ONLY, DatabaseSettings, open_engine
from kilowatch.links.database.faults import told_plainly
from kilowatch.links.database.incidents import Incidents, Labels
from kilowatch.links.database.models import Jobs, Models, lock_of
from kilowatch.links.database.streams import Offsets, OutboxTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class Transaction:
    """All tables within one transaction."""

    connection: Connection
    devices: Devices
    incidents: Incidents
    labels: Labels
    models: Models
    jobs: Jobs
    actions: Actions
    audit: Audit
    offsets: Offsets
    outbox: OutboxTable

    @classmethod
    def on(cls, connection: Connection) -> Transaction:
        """Return the tables as a connection's transaction sees them."""
        return cls(
            connection,
            Devices(connection),
            Incidents(connection),
            Labels(connection),
            Models(connection),
            Jobs(connection),
            Actions(connection),
            Audit(connection),
            Offsets(connection),
            OutboxTable(connection),
        )


class Database:
    """A database and its connections; safe to share between threads."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._engine = open_engine(settings)
        self._reader = self._engine.execution_options(**{READ_ONLY: True})
        # Who waits for SQLite's one write lock sleeps for up to 0.1 s at a time; threads of ours wake each other.
        self._writing = threading.Lock() if self._engine.dialect.name == "sqlite" else None
        self._patience_s = settings.busy_timeout_s

    def upgrade(self) -> None:
        """Bring the schema up to date: the owner's part, on start. `StateError` where it is newer, and untouched."""
        with self._connected(self._reader) as connection:
            schema.refuse_newer(schema.current(connection))
        with self._connected(self._engine) as connection:
            schema.upgrade(connection)

    def check(self) -> None:
        """Hold that the schema is the one we know: the part of everyone but the owner."""
        with self._connected(self._reader) as connection:
            schema.check(connection)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open a transaction that is committed at the end, and undone where an error leaves it."""
        with self._one_writer(), self._connected(self._engine) as connection:
            yield Transaction.on(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only reads; on SQLite it waits for no writer."""
        with self._connected(self._reader) as connection:
            yield Transaction.on(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Open a transaction that only reads, and sees one moment of all tables however long it takes."""
        engine = self._reader
        if engine.dialect.name == "postgresql":
            # By default each of its statements sees a moment of its own; a transaction of SQLite sees one anyway.
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with self._connected(engine) as connection:
            yield Transaction.on(connection)

    @contextmanager
    def holding(self, job: int) -> Iterator[None]:
        """Hold a job while it is carried out, so that other processes see that its runner lives."""
        if self._engine.dialect.name != "postgresql":
            yield
            return
        # On a connection of its own, which ends with the process however that ends, and so lets go of the job.
        with self._connected(self._engine) as connection:
            connection.execute(select(func.pg_advisory_xact_lock(lock_of(job))))
            yield

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Wait for our own threads that write; where that takes too long the database itself says what is wrong."""
        is_ours = self._writing is not None and self._writing.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if is_ours and self._writing is not None:
                self._writing.release()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        with told_plainly(engine.url), engine.begin() as connection:
            yield connection
