"""What leaves the outbox: batches that stay the same however often they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.core.events import WIRE_V, ReadingColumns

if TYPE_CHECKING:
    import pyarrow as pa

    from kilowatch.core.events import IncidentEvent


@dataclass(frozen=True, slots=True)
class WaitingReadings:
    """Readings number `first` to `first + count - 1` of an outbox, as one message a site.

    (outbox, first) is the batch's id: sent again after a crash, the same readings stand under the same numbers, so
    that a receiver who keeps the highest number of each outbox takes none twice.
    """

    outbox: str
    first: int
    count: int
    messages: tuple[ReadingColumns, ...]


@dataclass(frozen=True, slots=True)
class WaitingIncidents:
    """Incident events number `first` to `first + count - 1` of an outbox."""

    outbox: str
    first: int
    count: int
    events: tuple[IncidentEvent, ...]


_OPTIONAL = ("received_ms", "voltage_v", "current_a", "energy_wh", "on", "seq", "source")


def messages_of(table: pa.Table, late_before_ms: int) -> tuple[ReadingColumns, ...]:
    """Return a message for each site in the order of its first reading; those seen before a time are backfill."""
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    seen = zip(columns["received_ms"], columns["ts_ms"], columns["backfill"], strict=True)
    columns["backfill"] = [
        marked or (ts_ms if received_ms is None else received_ms) < late_before_ms
        for received_ms, ts_ms, marked in seen
    ]
    rows_of: dict[str, list[int]] = {}
    for row, site in enumerate(columns.pop("site")):
        rows_of.setdefault(site, []).append(row)
    return tuple(_message(site, columns, rows) for site, rows in rows_of.items())


def _message(site: str, columns: dict[str, list[object]], rows: list[int]) -> ReadingColumns:
    taken = {name: [column[row] for row in rows] for name, column in columns.items()}
    # The contract knows a time of arrival for all rows or for none.
    if None in taken["received_ms"]:
        del taken["received_ms"]
    told = {name: values for name, values in taken.items() if name not in _OPTIONAL or set(values) != {None}}
    if not any(told["backfill"]):
        del told["backfill"]
    return ReadingColumns(v=WIRE_V, site=site, **told)  # type: ignore[arg-type] # columns are as the schema types them
