"""Readings as columns: the only shape in which they travel between decode and verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.errors import ReadingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EARLIEST_MS = 946_684_800_000
"""2000-01-01: no plug or smart meter of interest is older; a clock that says 1970 has not been set."""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """n readings of any mix of devices and times, in the order in which they arrived.

    slot: int32[n], the device's row in its `Fleet`. ts_ms: int64[n], event time, UTC.
    power_w: float64[n], watts. The rest is None where no device of the batch reports it:
    received_ms int64[n] · energy_wh float64[n], NaN where missing, a register that only counts up ·
    voltage_v, current_a float32[n], NaN where missing · on int8[n], -1 unknown · seq int64[n], -1 none ·
    backfill bool[n], the sender says that the reading is history.
    """

    slot: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float64]
    received_ms: NDArray[np.int64] | None = None
    energy_wh: NDArray[np.float64] | None = None
    voltage_v: NDArray[np.float32] | None = None
    current_a: NDArray[np.float32] | None = None
    on: NDArray[np.int8] | None = None
    seq: NDArray[np.int64] | None = None
    backfill: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        size = len(self.slot)
        for field in fields(self):
            column = getattr(self, field.name)
            if column is not None and len(column) != size:
                raise ReadingError(
                    f"Column {field.name} has {len(column)} rows, slot has {size}.", "Give columns of equal length."
                )

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> ReadingBatch:
        """Return the readings at `rows` (indices, a mask or a slice), in that order."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: column[rows] for name, column in columns.items() if column is not None})

    @classmethod
    def join(cls, batches: Sequence[ReadingBatch]) -> ReadingBatch:
        """Return the batches one after another; where only some report a column, the others are filled as missing."""
        columns: dict[str, Any] = {}
        for field in fields(cls):
            present = any(getattr(batch, field.name) is not None for batch in batches)
            parts = [batch.filled(field.name) for batch in batches] if present else []
            columns[field.name] = np.concatenate(parts) if present else None
        return cls(**columns)

    def filled(self, name: str) -> NDArray[Any]:
        """Return a column, with what stands for missing where the batch does not have it."""
        column = getattr(self, name)
        if column is not None:
            return column
        # Without a time of arrival a reading counts as come at once, so that it is never history by its age.
        if name == "received_ms":
            return self.ts_ms
        return np.full(len(self), _MISSING[name][0], dtype=_MISSING[name][1])


_MISSING: dict[str, tuple[Any, Any]] = {
    "energy_wh": (np.nan, np.float64),
    "voltage_v": (np.nan, np.float32),
    "current_a": (np.nan, np.float32),
    "on": (-1, np.int8),
    "seq": (-1, np.int64),
    "backfill": (False, np.bool_),
}
