"""Small fleets and batches for the tests of core."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.segments import Segments

START_MS = 1_767_225_600_000
"""2026-01-01 00:00 UTC, a Thursday."""


def fleet_of(*records: dict[str, Any]) -> Fleet:
    """Devices d0, d1, ... of one home, every 30 s where a record says nothing of its pace."""
    return Fleet([_paced(DeviceRecord(site="home", device=f"d{i}", **record)) for i, record in enumerate(records)])


def _paced(record: DeviceRecord) -> DeviceRecord:
    return record if record.is_paced else msgspec.structs.replace(record, interval_s=30.0)


def batch_of(rows: list[tuple[int, int, float]]) -> ReadingBatch:
    slot, ts_ms, power_w = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return ReadingBatch(
        np.asarray(slot, dtype=np.int32), np.asarray(ts_ms, dtype=np.int64), np.asarray(power_w, dtype=np.float64)
    )


def sorted_by_device(batch: ReadingBatch) -> tuple[ReadingBatch, Segments]:
    order, segments = Segments.sort(batch.slot)
    return batch.take(order), segments
