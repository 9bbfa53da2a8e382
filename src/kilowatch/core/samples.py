"""Samples: clean readings on the device's grid, the shape that windows, detectors and learning share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.quantise import decode_watts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.segments import Segments

HOUR_MS = 3_600_000
WEEK_HOURS = 168
_THURSDAY = 72
"""1970-01-01 was a Thursday: hour 72 of a week that begins on Monday."""


def hour_of_week(local_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0..167, Monday 00:00 first, of local times in ms (UTC ms plus the zone's offset)."""
    return (local_ms // HOUR_MS + _THURSDAY) % WEEK_HOURS


@dataclass(frozen=True, slots=True)
class Samples:
    """n grid values sorted by device, in event order within each.

    slot int32[n] · ts_ms int64[n], UTC, the end of the interval a value stands for · local_ms int64[n], the same
    on the device's wall clock · code uint16[n], quantised watts · count int64[n], samples since the device's
    window began, from 1 · phase uint32[n], the device's own number · grid_ms int64[n], the device's grid ·
    held bool[n], carried over from an earlier reading · historical bool[n], backfill.
    """

    segments: Segments
    slot: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    local_ms: NDArray[np.int64]
    code: NDArray[np.uint16]
    count: NDArray[np.int64]
    phase: NDArray[np.uint32]
    grid_ms: NDArray[np.int64]
    held: NDArray[np.bool_]
    historical: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.slot)

    @property
    def power_w(self) -> NDArray[np.float32]:
        """Watts, after quantising."""
        return decode_watts(self.code)

    @property
    def deciwatts(self) -> NDArray[np.int64]:
        """Whole tenths of a watt: sums of them are exact, so batches may be cut anywhere."""
        return np.rint(self.power_w * np.float64(10)).astype(np.int64)

    def keep(self, mask: NDArray[np.bool_]) -> Samples:
        """Return the samples where mask is True."""
        rest = {f.name: getattr(self, f.name)[mask] for f in fields(self) if f.name != "segments"}
        return Samples(segments=self.segments.keep(mask), **rest)


@dataclass(frozen=True, slots=True)
class Series:
    """One device's past samples, to learn from: columns as in `Samples`.

    usable bool[n] is False where learning must look away: incidents, held values, labels.
    """

    record: DeviceRecord
    ts_ms: NDArray[np.int64]
    local_ms: NDArray[np.int64]
    code: NDArray[np.uint16]
    count: NDArray[np.int64]
    usable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ts_ms)

    @property
    def grid_ms(self) -> int:
        """The device's grid in ms."""
        return round(self.record.grid_s * 1000)

    @property
    def power_w(self) -> NDArray[np.float32]:
        """Watts, after quantising."""
        return decode_watts(self.code)

    def part(self, rows: slice | NDArray[np.bool_]) -> Series:
        """Return the samples at rows."""
        return Series(
            self.record,
            self.ts_ms[rows],
            self.local_ms[rows],
            self.code[rows],
            self.count[rows],
            self.usable[rows],
        )
