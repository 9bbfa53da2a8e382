"""Readings on their way from structs to a batch: lists while messages are read, arrays in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.reading import ReadingBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.app.ingest.slots import SlotMap
    from kilowatch.core.events import Reading, ReadingColumns


class _Optional:
    """A column that need not be reported: its parts, and nothing for those that have none of it."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Sequence[Any] | None]] = []
        self.is_there = False

    def add(self, values: Sequence[Any] | None, rows: int, nothing: Any = None) -> None:
        """Add the values of so many rows; those of which each is nothing take no room."""
        if values is not None and values.count(nothing) == rows:
            values = None
        self._parts.append((rows, values))
        self.is_there |= values is not None

    def whole(self, nothing: Any = None) -> list[Any] | None:
        """Return all values, None where nobody reported any."""
        if not self.is_there:
            return None
        whole: list[Any] = []
        for rows, values in self._parts:
            whole.extend([nothing] * rows if values is None else values)
        return whole


class Columns:
    """Readings of many messages in their order."""

    def __init__(self) -> None:
        self._site: list[str] = []
        self._device: list[str] = []
        self._ts_ms: list[int] = []
        self._power_w: list[float] = []
        self._received_ms, self._energy_wh, self._voltage_v = _Optional(), _Optional(), _Optional()
        self._current_a, self._on, self._seq = _Optional(), _Optional(), _Optional()
        self._backfill, self._source = _Optional(), _Optional()

    def __len__(self) -> int:
        return len(self._ts_ms)

    def add_rows(self, rows: list[Reading]) -> None:
        """Add single readings."""
        size = len(rows)
        if not size:
            return
        self._site += [row.site for row in rows]
        self._device += [row.device for row in rows]
        self._ts_ms += [row.ts_ms for row in rows]
        self._power_w += [row.power_w for row in rows]
        self._received_ms.add([row.received_ms for row in rows], size)
        self._energy_wh.add([row.energy_wh for row in rows], size)
        self._voltage_v.add([row.voltage_v for row in rows], size)
        self._current_a.add([row.current_a for row in rows], size)
        self._on.add([row.on for row in rows], size)
        self._seq.add([row.seq for row in rows], size)
        self._backfill.add([row.backfill for row in rows], size, nothing=False)
        self._source.add([row.source for row in rows], size)

    def add_columns(self, batch: ReadingColumns) -> None:
        """Add the readings of one site."""
        size = len(batch.ts_ms)
        self._site += [batch.site] * size
        self._device += batch.device
        self._ts_ms += batch.ts_ms
        self._power_w += batch.power_w
        self._received_ms.add(batch.received_ms, size)
        self._energy_wh.add(batch.energy_wh, size)
        self._voltage_v.add(batch.voltage_v, size)
        self._current_a.add(batch.current_a, size)
        self._on.add(batch.on, size)
        self._seq.add(batch.seq, size)
        self._backfill.add(batch.backfill, size, nothing=False)
        self._source.add(batch.source, size)

    def batch(self, slots: SlotMap) -> ReadingBatch:
        """Return the readings as a batch; devices that nobody knows join the fleet."""
        ts_ms = np.array(self._ts_ms, dtype=np.int64)
        return ReadingBatch(
            slot=slots.slots(self._site, self._device, self._source.whole()),
            ts_ms=ts_ms,
            power_w=np.array(self._power_w, dtype=np.float64),
            received_ms=_received(self._received_ms.whole(), ts_ms),
            energy_wh=_numbers(self._energy_wh, np.float64),
            voltage_v=_numbers(self._voltage_v, np.float32),
            current_a=_numbers(self._current_a, np.float32),
            on=_whole_numbers(self._on, np.int8),
            seq=_whole_numbers(self._seq, np.int64),
            backfill=_flags(self._backfill),
        )


def _received(values: list[int | None] | None, ts_ms: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return times of arrival, that of the reading itself where nobody stamped one."""
    if values is None:
        return None
    if None not in values:
        return np.array(values, dtype=np.int64)
    # Come at once, so that it is never history by its age: nobody knows how long it was on its way.
    return np.array([own if got is None else got for got, own in zip(values, ts_ms.tolist(), strict=True)], np.int64)


def _numbers(column: _Optional, dtype: type[Any]) -> NDArray[Any] | None:
    values = column.whole()
    return None if values is None else np.array(values, dtype=dtype)


def _whole_numbers(column: _Optional, dtype: type[Any]) -> NDArray[Any] | None:
    values = column.whole()
    return None if values is None else np.array([-1 if value is None else value for value in values], dtype=dtype)


def _flags(column: _Optional) -> NDArray[np.bool_] | None:
    values = column.whole(nothing=False)
    return None if values is None else np.array(values, dtype=np.bool_)
