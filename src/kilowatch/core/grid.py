"""Readings onto each device's grid: steady meters one to one, fast and on-change plugs as time-weighted means.

A value holds for the device's `hold_ms`. Beyond that, up to `bridge_ms`, it is carried on but marked held:
the window stays whole, nothing is learnt or judged from it. A longer silence restarts the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.localtime import LocalTimes
from kilowatch.core.quantise import encode_watts
from kilowatch.core.resample import Cells, Resampler
from kilowatch.core.samples import Samples
from kilowatch.core.segments import Segments
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch

_BRIDGE_STEPS = 10
"""A window survives so many missing grid steps: radio drop-outs of minutes must not cost an hour of watching."""
_DIRECT_SHARE = 0.75
"""A device that speaks at no less than this share of its grid is taken reading by reading: 30 s meters drift."""


@dataclass(frozen=True, slots=True)
class _Rows:
    slot: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    code: NDArray[np.uint16]
    fresh_start: NDArray[np.bool_]
    held: NDArray[np.bool_]
    historical: NDArray[np.bool_]


class Grid:
    """Turns clean readings into samples; keeps each device's last value and sample count."""

    frozen_also: ClassVar[tuple[str, ...]] = ("_known",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._times = LocalTimes()
        self._resampler = Resampler(fleet)
        self._known = 0
        self.direct = np.zeros(0, dtype=np.bool_)
        self.last_ms = np.zeros(0, dtype=np.int64)
        self.last_code = np.zeros(0, dtype=np.uint16)
        self.count = np.zeros(0, dtype=np.uint32)

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        for slot in range(self._known, len(self._fleet)):
            self.refresh(slot)
        self._known = len(self._fleet)

    def refresh(self, slot: int) -> None:
        """Take over a device's record again after it was changed."""
        if slot >= len(self.count):
            room = max(64, len(self._fleet), 2 * slot)
            for name in ("direct", "last_ms", "last_code", "count"):
                setattr(self, name, grown(getattr(self, name), room))
        self._times.assign(slot, self._fleet.records[slot].time_zone)
        steady = self._fleet.interval_ms[slot] >= _DIRECT_SHARE * self._fleet.grid_ms[slot]
        self.direct[slot] = steady and not self._fleet.on_change[slot]
        if not self.direct[slot]:
            self._resampler.admit(slot)

    def restart(self, slot: int) -> None:
        """Begin a device's window anew: what is in it lies on another grid."""
        # 0 lies further back than any silence that is bridged, so that the next reading begins a window.
        self.last_ms[slot] = 0
        self._resampler.restart(slot)

    def thawed(self) -> None:
        """Refuse a saved state that knows more devices than it has room for."""
        if not 0 <= self._known <= min(len(self._fleet), len(self.count)):
            raise StateError("The samples of a saved state do not fit its devices.", "Use an older state.")

    def state(self) -> dict[str, NDArray[Any]]:
        """Return every array over slots, by name; cells in the making of fast plugs are kept beside them."""
        return {name: getattr(self, name) for name in ("direct", "last_ms", "last_code", "count")}

    def bridge_ms(self, slot: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the longest silence that each device's window survives, int64[n]."""
        return np.maximum(self._fleet.hold_ms[slot], _BRIDGE_STEPS * self._fleet.grid_ms[slot])

    def push(self, readings: ReadingBatch, segments: Segments, historical: NDArray[np.bool_]) -> Samples:
        """Return the samples that clean readings, sorted by device, complete."""
        direct = self.direct[readings.slot]
        if direct.all():
            return self._finish(self._take_direct(readings, segments, historical))
        parts = [self._resample(readings.take(~direct), historical[~direct])]
        if direct.any():
            steady = readings.take(direct)
            parts.append(self._take_direct(steady, Segments.of_sorted(steady.slot), historical[direct]))
        return self._finish(_join(parts))

    def advance(self, slots: NDArray[np.int32], now_ms: NDArray[np.int64]) -> Samples:
        """Return the samples that the passing of site time completes: held values of plugs that say nothing new.

        slots int32[n], sorted; now_ms int64[n], the site time of each.
        """
        # Steady meters are left out: their next reading fills the gap, if the window survives it.
        late = ~self.direct[slots]
        slots, now_ms = slots[late], now_ms[late]
        return self._finish(_from_cells(self._resampler.advance(slots, now_ms, self.bridge_ms(slots))))

    def _take_direct(self, readings: ReadingBatch, segments: Segments, historical: NDArray[np.bool_]) -> _Rows:
        slot, code = readings.slot, encode_watts(readings.power_w)
        grid_ms = self._fleet.grid_ms[slot]
        before_ms = segments.shift(readings.ts_ms, self.last_ms[segments.slot])
        before = segments.shift(code, self.last_code[segments.slot])
        silence = readings.ts_ms - before_ms
        # A clock that went back begins anew too: in a window each sample is later than the one before.
        fresh = (silence > self.bridge_ms(slot)) | (silence < 0)
        # To the nearest whole step: a meter that is a second late has missed nothing.
        steps = np.where(fresh, 1, np.maximum(1, (2 * silence + grid_ms) // (2 * grid_ms)))
        self.last_ms[segments.slot] = readings.ts_ms[segments.ends]
        self.last_code[segments.slot] = code[segments.ends]
        if not (steps > 1).any():
            return _Rows(slot, readings.ts_ms, code, fresh, np.zeros(len(slot), dtype=np.bool_), historical)
        row = np.repeat(np.arange(len(slot)), steps)
        rank = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps) + 1
        held = rank < steps[row]
        ts_ms = np.where(held, before_ms[row] + rank * grid_ms[row], readings.ts_ms[row])
        return _Rows(slot[row], ts_ms, np.where(held, before[row], code[row]), fresh[row], held, historical[row])

    def _resample(self, readings: ReadingBatch, historical: NDArray[np.bool_]) -> _Rows:
        return _from_cells(self._resampler.push(readings, historical, self.bridge_ms(readings.slot)))

    def _finish(self, rows: _Rows) -> Samples:
        segments = Segments.of_sorted(rows.slot)
        before = self.count[segments.slot].astype(np.int64)
        number = segments.running_sum(np.ones(len(rows.slot), dtype=np.int64), before)
        if rows.fresh_start.any():
            start = segments.fill_forward(number - 1, rows.fresh_start, np.zeros(len(segments), dtype=np.int64))
            number = number - start
        self.count[segments.slot] = number[segments.ends]
        return Samples(
            segments=segments,
            slot=rows.slot,
            ts_ms=rows.ts_ms,
            local_ms=self._times.local_ms(rows.slot, rows.ts_ms),
            code=rows.code,
            count=number,
            phase=self._fleet.phase[rows.slot],
            grid_ms=self._fleet.grid_ms[rows.slot],
            held=rows.held,
            historical=rows.historical,
        )


def _from_cells(cells: Cells) -> _Rows:
    return _Rows(
        cells.slot,
        cells.end_ms,
        encode_watts(cells.mean_dw / 10.0),
        cells.fresh_start,
        cells.held,
        cells.historical,
    )


def _join(parts: list[_Rows]) -> _Rows:
    slot = np.concatenate([part.slot for part in parts])
    # A device stands in one of the parts alone, and in order there: a stable sort keeps its samples in order.
    order = np.argsort(slot, kind="stable")
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("ts_ms", "code", "fresh_start", "held", "historical")
    }
    return _Rows(slot=slot[order], **columns)
