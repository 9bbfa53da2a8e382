"""Readings to messages of `IoTDevices`: one by one, or a batch as columns of one site a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.core.events import MAX_BATCH_READINGS, WIRE_V, Reading, ReadingColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch

_encode = msgspec.json.Encoder().encode


def encode_reading(reading: Reading) -> bytes:
    """Return a reading as a message; its key is its site."""
    return _encode(reading)


def encode_batch(batch: ReadingBatch, fleet: Fleet, most: int = MAX_BATCH_READINGS) -> Iterator[tuple[str, bytes]]:
    """Yield (site, message) for the readings of each site in their order, at most `most` readings a message."""
    sites = np.array([fleet.records[slot].site for slot in np.unique(batch.slot).tolist()])
    names, number = np.unique(sites, return_inverse=True)
    site = number[np.searchsorted(np.unique(batch.slot), batch.slot)]
    for index, name in enumerate(names.tolist()):
        rows = np.flatnonzero(site == index)
        for start in range(0, len(rows), most):
            yield name, _encode(_columns(name, batch.take(rows[start : start + most]), fleet))


def _columns(site: str, batch: ReadingBatch, fleet: Fleet) -> ReadingColumns:
    return ReadingColumns(
        v=WIRE_V,
        site=site,
        device=[fleet.records[slot].device for slot in batch.slot.tolist()],
        ts_ms=batch.ts_ms.tolist(),
        received_ms=None if batch.received_ms is None else batch.received_ms.tolist(),
        power_w=batch.power_w.tolist(),
        voltage_v=_numbers(batch.voltage_v),
        current_a=_numbers(batch.current_a),
        energy_wh=_numbers(batch.energy_wh),
        on=None if batch.on is None else [None if on < 0 else bool(on) for on in batch.on.tolist()],
        seq=None if batch.seq is None else [None if seq < 0 else seq for seq in batch.seq.tolist()],
        backfill=None if batch.backfill is None else batch.backfill.tolist(),
    )


def _numbers(column: NDArray[Any] | None) -> list[float | None] | None:
    if column is None:
        return None
    # the shortest text that reads back as the same float32
    values = [float(str(value)) for value in column] if column.dtype == np.float32 else column.tolist()
    return [None if value != value else value for value in values]
