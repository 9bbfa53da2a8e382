"""From readings to samples by the product's own cleaning and grid, for one device at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.core.clean import Cleaner
from kilowatch.core.device import Fleet
from kilowatch.core.grid import Grid
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.samples import Samples, Series
from kilowatch.core.segments import Segments
from kilowatch.lab.datasets import source_of
from kilowatch.lab.inject import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.core.device import DeviceRecord
    from kilowatch.lab.datasets import MeterFile

_COLUMNS = ("ts_ms", "local_ms", "code", "count", "phase", "grid_ms", "held", "historical")


@dataclass(frozen=True, slots=True)
class Course:
    """A device's samples in time order, and who it is on that grid."""

    record: DeviceRecord
    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def series(self) -> Series:
        """The samples to learn from; held ones are not usable."""
        own = self.samples
        return Series(self.record, own.ts_ms, own.local_ms, own.code, own.count, ~own.held)

    def between(self, from_ms: int, to_ms: int) -> Course:
        """Return the samples with from_ms <= ts < to_ms."""
        ts_ms = self.samples.ts_ms
        return Course(self.record, self.samples.keep((ts_ms >= from_ms) & (ts_ms < to_ms)))

    @property
    def trace(self) -> Trace:
        """What was measured, as a trace to inject into; held samples are left out."""
        real = self.samples.keep(~self.samples.held)
        return Trace(real.ts_ms, real.power_w.astype(np.float64), self.record.grid_s)


def read_course(meter: MeterFile) -> Course:
    """Return the samples of a file's device."""
    fleet = Fleet([meter.record])
    batches = (batch.take(batch.slot == 0) for batch in source_of(meter).batches(fleet))
    return _course(meter.record, batches)


def course_of(record: DeviceRecord, trace: Trace) -> Course:
    """Return the samples of a trace: it goes through cleaning and grid as live readings do. NaN is left out."""
    known = np.isfinite(trace.power_w)
    ts_ms, power_w = trace.ts_ms[known], trace.power_w[known]
    return _course(record, [ReadingBatch(np.zeros(len(ts_ms), dtype=np.int32), ts_ms, power_w)])


def on_grid(record: DeviceRecord) -> DeviceRecord:
    """Return the record of the same device as if it spoke once in each step of its grid."""
    return msgspec.structs.replace(record, interval_s=record.grid_s)


def _course(record: DeviceRecord, batches: Iterable[ReadingBatch]) -> Course:
    fleet = Fleet([record])
    cleaner, grid = Cleaner(fleet), Grid(fleet)
    grid.reserve()
    parts = []
    for batch in batches:
        clean = cleaner.clean(batch)
        parts.append(grid.push(clean.readings, clean.segments, clean.historical))
    # Its trace may come through here again with injections in it: as a device that speaks at the grid's own pace it is
    # taken reading by reading.
    return Course(on_grid(record), _joined(parts))


def _joined(parts: list[Samples]) -> Samples:
    """Return samples of slot 0 one after another."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    slot = np.zeros(len(columns["ts_ms"]), dtype=np.int32)
    return Samples(segments=Segments.of_sorted(slot), slot=slot, **columns)
