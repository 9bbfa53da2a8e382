"""Where the database meets Kafka: offsets that move with what they brought, and messages that leave with a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, text

from kilowatch.core.records import Offset, OutboxMessage
from kilowatch.links.database.rows import insert_into
from kilowatch.links.database.tables import offsets, outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from kilowatch.links.database.database import Database

_OUTBOX_LOCK = 0x6B77_6F62
"""PostgreSQL hands out ids before it commits: without one writer at a time a later id could be seen first."""
RELAY_MESSAGES = 500


class Offsets:
    """How far each reader has come, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, reader: str) -> list[Offset]:
        """Return a reader's offsets by topic and partition."""
        wanted = select(offsets.c.topic, offsets.c.partition, offsets.c.next).where(offsets.c.reader == reader)
        rows = self._connection.execute(wanted.order_by(offsets.c.topic, offsets.c.partition))
        return [Offset(topic=row.topic, partition=row.partition, next=row.next) for row in rows]

    def save(self, reader: str, moved: Sequence[Offset]) -> None:
        """Set a reader's offsets."""
        if not moved:
            return
        insert = insert_into(self._connection, offsets)
        key = ["reader", "topic", "partition"]
        upsert = insert.on_conflict_do_update(index_elements=key, set_={"next": insert.excluded.next})
        rows = [{"reader": reader, "topic": o.topic, "partition": o.partition, "next": o.next} for o in moved]
        self._connection.execute(upsert, rows)


class OutboxTable:
    """Messages that leave once the transaction is committed, in the order of their ids."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, topic: str, site: str, key: str, value: bytes | None) -> None:
        """Let a message leave with this transaction; value None is a tombstone."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _OUTBOX_LOCK})
        self._connection.execute(outbox.insert().values(topic=topic, site=site, key=key, value=value))

    def first(self, limit: int = RELAY_MESSAGES) -> list[OutboxMessage]:
        """Return the oldest messages that have not left."""
        rows = self._connection.execute(select(outbox).order_by(outbox.c.id).limit(limit))
        return [OutboxMessage(id=r.id, topic=r.topic, site=r.site, key=r.key, value=r.value) for r in rows]

    def gone(self, messages: Sequence[OutboxMessage]) -> None:
        """Forget messages that left."""
        self._connection.execute(delete(outbox).where(outbox.c.id.in_([message.id for message in messages])))

    def waiting(self) -> int:
        """Return how many messages have not left."""
        return self._connection.execute(select(func.count()).select_from(outbox)).scalar_one()


def relay(database: Database, send: Callable[[Sequence[OutboxMessage]], None], limit: int = RELAY_MESSAGES) -> int:
    """Send the oldest messages in order, forget them once `send` returned; return how many.

    `send` returns when all are acknowledged, or raises, and then all are sent again: readers upsert by
    (id, version). One relay runs at a time.
    """
    with database.read() as transaction:
        messages = transaction.outbox.first(limit)
    # Sent between two transactions: a broker that is slow must not hold the one write lock of SQLite.
    if messages:
        send(messages)
        with database.begin() as transaction:
            transaction.outbox.gone(messages)
    return len(messages)
