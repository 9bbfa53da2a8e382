"""What a history is like, device by device, in one pass of bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.core.device import Fleet, Kind, Reporting, grown
from kilowatch.core.reading import EARLIEST_MS
from kilowatch.core.segments import Segments
from kilowatch.links.files.counts import ValueCounts, median
from kilowatch.links.files.source import BATCH_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files.source import FileSource

_LATEST_MS = 4_102_444_800_000
_GAP = 1.5
_ODD = 0.1
_REGISTER_NOISE = 1e-6
_COUNTED = ("rows", "missing", "negative", "misdated", "repeated", "backward", "resets", "steps")


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """One device's history.

    missing: readings without power. misdated: before 2000 or after 2100. repeated, backward: times equal to or
    before the reading before. resets: falls of the energy register. interval_s: median step. odd_steps: share of
    steps more than 10 % off it. gaps: steps over 1.5 intervals (1.5 heartbeats where it speaks on change).
    breaks: gaps longer than the device's hold, which end a window.
    """

    site: str
    device: str
    kind: Kind
    reporting: Reporting
    heartbeat_s: float | None
    rows: int
    missing: int
    negative: int
    misdated: int
    first_ms: int | None
    last_ms: int | None
    interval_s: float | None
    odd_steps: float | None
    gaps: int
    breaks: int
    longest_gap_s: float
    repeated: int
    backward: int
    resets: int
    power_min_w: float | None
    power_median_w: float | None
    power_max_w: float | None


def describe(source: FileSource, rows: int = BATCH_ROWS) -> list[Description]:
    """Return a description of every device in a source, in the order in which they were met."""
    fleet = Fleet(source.devices())
    census = Census(fleet)
    for batch in source.batches(fleet, rows):
        census.add(batch)
    return census.descriptions()


class Census:
    """The running counts of all devices, as arrays over slots; results do not depend on how batches are cut."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._counts = {name: np.zeros(0, dtype=np.int64) for name in _COUNTED}
        self._first_ms = self._last_ms = self._high_ms = self._longest_ms = np.zeros(0, dtype=np.int64)
        self._energy_wh = self._low_w = self._high_w = np.zeros(0)
        self._steps_ms, self._deciwatts = ValueCounts(), ValueCounts()

    def add(self, batch: ReadingBatch) -> None:
        """Count a batch."""
        self._reserve(len(self.fleet))
        order, segments = Segments.sort(batch.slot)
        readings = batch.take(order)
        self._add_power(readings)
        if readings.energy_wh is not None:
            self._add_energy(readings.energy_wh, segments)
        self._add_times(readings.ts_ms, segments)

    def _reserve(self, devices: int) -> None:
        for name in _COUNTED:
            self._counts[name] = grown(self._counts[name], devices)
        self._first_ms = grown(self._first_ms, devices, np.iinfo(np.int64).max)
        self._last_ms = grown(self._last_ms, devices)
        self._high_ms = grown(self._high_ms, devices, np.iinfo(np.int64).min)
        self._longest_ms = grown(self._longest_ms, devices)
        self._energy_wh = grown(self._energy_wh, devices, -np.inf)
        self._low_w = grown(self._low_w, devices, np.inf)
        self._high_w = grown(self._high_w, devices, -np.inf)

    def _tally(self, name: str, slot: NDArray[np.int32]) -> None:
        self._counts[name] += np.bincount(slot, minlength=len(self._counts[name]))

    def _add_power(self, readings: ReadingBatch) -> None:
        known = np.isfinite(readings.power_w)
        slot, power_w = readings.slot[known], readings.power_w[known]
        self._tally("missing", readings.slot[~known])
        self._tally("negative", slot[power_w < 0])
        np.minimum.at(self._low_w, slot, power_w)
        np.maximum.at(self._high_w, slot, power_w)
        # Clipped to what `ValueCounts` can hold; tenths of a watt, since it counts whole numbers.
        self._deciwatts.add(slot, np.rint(np.clip(power_w, -1e11, 1e11) * 10).astype(np.int64))

    def _add_energy(self, energy_wh: NDArray[np.float64], segments: Segments) -> None:
        known = np.isfinite(energy_wh)
        own, register = segments.keep(known), energy_wh[known]
        before = own.shift(register, self._energy_wh[own.slot])
        fallen = register < before - np.maximum(1.0, np.abs(before) * _REGISTER_NOISE)
        self._tally("resets", own.slot[own.of_row[fallen]])
        self._energy_wh[own.slot] = register[own.ends]

    def _add_times(self, ts_ms: NDArray[np.int64], segments: Segments) -> None:
        slot = segments.slot[segments.of_row]
        step = ts_ms - segments.shift(ts_ms, self._last_ms[segments.slot])
        begun = np.ones(len(step), dtype=np.bool_)
        # Asked before these rows are counted: the very first reading of a device has none before it.
        begun[segments.starts] = self._counts["rows"][segments.slot] > 0
        self._tally("rows", slot)
        self._tally("misdated", slot[(ts_ms < EARLIEST_MS) | (ts_ms >= _LATEST_MS)])
        self._tally("steps", slot[begun])
        self._tally("repeated", slot[begun & (step == 0)])
        self._tally("backward", slot[begun & (step < 0)])
        forward = begun & (step > 0)
        self._steps_ms.add(slot[forward], step[forward])
        np.maximum.at(self._longest_ms, slot[forward], step[forward])
        np.minimum.at(self._first_ms, slot, ts_ms)
        np.maximum.at(self._high_ms, slot, ts_ms)
        self._last_ms[segments.slot] = ts_ms[segments.ends]

    def descriptions(self) -> list[Description]:
        """Return what was counted of every device."""
        self._reserve(len(self.fleet))
        return [self._description(slot, record) for slot, record in enumerate(self.fleet.records)]

    def _description(self, slot: int, record: DeviceRecord) -> Description:
        count = {name: int(self._counts[name][slot]) for name in _COUNTED}
        steps, times = self._steps_ms.of(slot)
        interval_ms = median(steps, times)
        middle = median(*self._deciwatts.of(slot))
        seen, powered = count["rows"] > 0, middle is not None
        rhythm = _rhythm(record, steps, times, interval_ms, count.pop("steps"))
        return Description(
            site=record.site,
            device=record.device,
            kind=record.kind,
            reporting=record.reporting,
            heartbeat_s=record.heartbeat_s,
            first_ms=int(self._first_ms[slot]) if seen else None,
            last_ms=int(self._high_ms[slot]) if seen else None,
            interval_s=None if interval_ms is None else interval_ms / 1000,
            odd_steps=rhythm.odd_steps,
            gaps=rhythm.gaps,
            breaks=rhythm.breaks,
            longest_gap_s=int(self._longest_ms[slot]) / 1000 if rhythm.gaps else 0.0,
            power_min_w=float(self._low_w[slot]) if powered else None,
            power_median_w=None if middle is None else middle / 10,
            power_max_w=float(self._high_w[slot]) if powered else None,
            **count,
        )


class _Rhythm(msgspec.Struct, frozen=True):
    odd_steps: float | None = None
    gaps: int = 0
    breaks: int = 0


def _rhythm(
    record: DeviceRecord, steps: NDArray[np.int64], times: NDArray[np.int64], interval_ms: int | None, every: int
) -> _Rhythm:
    if interval_ms is None:
        return _Rhythm()
    beat_ms = record.hold_s * 1000 if record.reporting is Reporting.ON_CHANGE else interval_ms
    gap = steps > _GAP * beat_ms
    near = int(times[np.abs(steps - interval_ms) <= _ODD * interval_ms].sum())
    return _Rhythm(
        odd_steps=1.0 - near / every,
        gaps=int(times[gap].sum()),
        breaks=int(times[steps > max(record.hold_s * 1000, _GAP * interval_ms)].sum()),
    )
