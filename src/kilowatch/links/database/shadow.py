"""The tables of models in shadow: counts that add up, and the spans in which somebody called a device odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, select

from kilowatch.core.shadow import ShadowCount, ShadowOutput, ShadowSpan, Verdicts, weigh
from kilowatch.links.database.rows import insert_into
from kilowatch.links.database.tables import shadow_counts, shadow_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from kilowatch.core.device import Kind
    from kilowatch.links.database import Transaction

_LATEST_MS = 2**62
_MOST_INCIDENTS = 10_000
_ADDED = ("samples", *Verdicts.__struct_fields__)


class ShadowBook:
    """Verdicts of candidates within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, counts: Sequence[ShadowCount], spans: Sequence[ShadowSpan]) -> None:
        """Add counts to those that are there, and write spans; one that begins at the same time is replaced."""
        for count in counts:
            self._count(count)
        for span in spans:
            row = _flat(span)
            key = [column.name for column in shadow_spans.primary_key.columns]
            insert = insert_into(self._connection, shadow_spans).values(row)
            self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=row))

    def counts(self, model: str) -> list[ShadowCount]:
        """Return the counts of a candidate, by device."""
        wanted = select(shadow_counts).where(shadow_counts.c.model == model)
        rows = self._connection.execute(wanted.order_by(shadow_counts.c.site, shadow_counts.c.device)).mappings()
        return [msgspec.convert(_deep({str(key): value for key, value in row.items()}), ShadowCount) for row in rows]

    def spans(self, model: str, limit: int = 10_000) -> list[ShadowSpan]:
        """Return the spans of a candidate, newest first."""
        wanted = select(shadow_spans).where(shadow_spans.c.model == model)
        rows = self._connection.execute(wanted.order_by(shadow_spans.c.from_ms.desc()).limit(limit)).mappings()
        return [msgspec.convert(_deep({str(key): value for key, value in row.items()}), ShadowSpan) for row in rows]

    def models(self) -> dict[str, int]:
        """Return every candidate that has judged anything, and how many samples."""
        wanted = select(shadow_counts.c.model, func.sum(shadow_counts.c.samples)).group_by(shadow_counts.c.model)
        return {model: int(samples) for model, samples in self._connection.execute(wanted)}

    def forget(self, model: str) -> None:
        """Drop what a candidate made of things."""
        self._connection.execute(delete(shadow_counts).where(shadow_counts.c.model == model))
        self._connection.execute(delete(shadow_spans).where(shadow_spans.c.model == model))

    def _count(self, count: ShadowCount) -> None:
        key = [column.name for column in shadow_counts.primary_key.columns]
        insert = insert_into(self._connection, shadow_counts).values(_flat(count))
        # Added up by the database: as a partition changes hands two processes may count for one device.
        added = {name: shadow_counts.c[name] + insert.excluded[name] for name in _ADDED}
        change = {**added, "last_ms": insert.excluded.last_ms}
        self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=change))


def compared(books: Transaction, kind: Kind) -> ShadowOutput | None:
    """Return where the candidate of a kind and its live model disagree; None where nothing scores in shadow."""
    choice = next((one for one in books.models.all() if one.kind is kind), None)
    if choice is None or choice.shadow is None:
        return None
    book = ShadowBook(books.connection)
    counts = [count for count in book.counts(choice.shadow) if count.kind == kind.value]
    # Spans tell no kind: one model may stand in the shadow of several, and their devices tell them apart.
    ours = {(count.site, count.device) for count in counts}
    spans = [span for span in book.spans(choice.shadow) if (span.site, span.device) in ours]
    since_ms = min((count.first_ms for count in counts), default=_LATEST_MS)
    incidents = books.incidents.between(since_ms, _LATEST_MS, limit=_MOST_INCIDENTS)
    return ShadowOutput(
        kind=kind.value,
        live=choice.live,
        model=choice.shadow,
        evidence=weigh(counts, spans, incidents),
        devices=counts,
        disagreements=[span for span in spans if span.is_disagreement],
    )


def _flat(struct: ShadowCount | ShadowSpan) -> dict[str, object]:
    row = msgspec.structs.asdict(struct)
    verdicts = row.pop("verdicts")
    return row | msgspec.structs.asdict(verdicts)


def _deep(row: dict[str, object]) -> dict[str, object]:
    verdicts = {name: row.pop(name) for name in Verdicts.__struct_fields__}
    return row | {"verdicts": verdicts}
