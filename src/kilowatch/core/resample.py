"""Time-weighted means of plugs that speak faster than their grid, or only when something changes.

Each reading holds until the next one: a stretch. Stretches are cut at the borders of the grid's cells, and the
pieces of a cell summed in whole deciwatt-milliseconds, so that a mean does not depend on how readings were batched.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch


@dataclass(frozen=True, slots=True)
class Cells:
    """Finished cells of the grid, sorted by device and time; mean_dw float64[m] in tenths of a watt.

    held: the value was carried on beyond the device's hold for most of the cell.
    """

    slot: NDArray[np.int32]
    end_ms: NDArray[np.int64]
    mean_dw: NDArray[np.float64]
    fresh_start: NDArray[np.bool_]
    held: NDArray[np.bool_]
    historical: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Stretches:
    """Rows sorted by device: `value_dw` holds over [front, until), counts as fresh until `fresh_until_ms`."""

    value_dw: NDArray[np.int64]
    front_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]
    fresh_until_ms: NDArray[np.int64]
    restart: NDArray[np.bool_]
    historical: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Parts of stretches within one cell; epoch counts the restarts of a device within the batch."""

    slot: NDArray[np.int32]
    cell: NDArray[np.int64]
    epoch: NDArray[np.int64]
    covered_ms: NDArray[np.int64]
    fresh_ms: NDArray[np.int64]
    sum_dwms: NDArray[np.int64]
    historical: NDArray[np.bool_]


class _OpenCells:
    """What is known of each device's unfinished cell, as arrays over places."""

    def __init__(self) -> None:
        self.value_dw = np.zeros(0, dtype=np.int64)
        self.value_ms = np.zeros(0, dtype=np.int64)
        self.front_ms = np.zeros(0, dtype=np.int64)
        self.cell = np.zeros(0, dtype=np.int64)
        self.sum_dwms = np.zeros(0, dtype=np.int64)
        self.covered_ms = np.zeros(0, dtype=np.int64)
        self.fresh_ms = np.zeros(0, dtype=np.int64)
        self.restarts = np.zeros(0, dtype=np.bool_)
        self.historical = np.zeros(0, dtype=np.bool_)
        self.cell_historical = np.zeros(0, dtype=np.bool_)

    def reserve(self, places: int) -> None:
        for name, array in vars(self).items():
            setattr(self, name, grown(array, places))

    def thawed(self) -> None:
        # A state of format 1 lacks `cell_historical`.
        self.reserve(len(self.cell))


class Resampler:
    """Cells in the making of the devices admitted."""

    frozen_also: ClassVar[tuple[str, ...]] = ("_size",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._place = np.full(0, -1, dtype=np.int32)
        self._size = 0
        self._open = _OpenCells()

    def admit(self, slot: int) -> None:
        """Give a device a place."""
        if slot >= len(self._place):
            self._place = grown(self._place, max(64, 2 * slot), fill=-1)
        if self._place[slot] < 0:
            self._place[slot] = self._size
            self._size += 1
            self._open.reserve(self._size if self._size <= len(self._open.cell) else max(64, 2 * self._size))

    def restart(self, slot: int) -> None:
        """Drop a device's unfinished cell, which lies on another grid; its value holds on."""
        if slot >= len(self._place) or self._place[slot] < 0:
            return
        state, place = self._open, self._place[slot]
        for column in (state.cell, state.sum_dwms, state.covered_ms, state.fresh_ms, state.cell_historical):
            column[place] = 0
        state.restarts[place] = True

    def push(self, readings: ReadingBatch, historical: NDArray[np.bool_], bridge_ms: NDArray[np.int64]) -> Cells:
        """Return the cells that readings, sorted by device, complete."""
        segments, state = Segments.of_sorted(readings.slot), self._open
        place, ts_ms, ends = self._place[segments.slot], readings.ts_ms, segments.ends
        value_dw = np.rint(readings.power_w * 10.0).astype(np.int64)
        since_ms = segments.shift(ts_ms, state.value_ms[place])
        carry_until_ms = since_ms + bridge_ms
        restart = (since_ms == 0) | (ts_ms > carry_until_ms) | (ts_ms < since_ms)
        # Site time may have come further than the last reading: what `advance` has summed is not summed again.
        front_ms = segments.shift(ts_ms, np.maximum(state.front_ms[place], state.value_ms[place]))
        front_ms = np.where(since_ms == 0, ts_ms, front_ms)
        stretches = _Stretches(
            value_dw=segments.shift(value_dw, state.value_dw[place]),
            front_ms=front_ms,
            until_ms=np.maximum(front_ms, np.minimum(ts_ms, np.where(since_ms == 0, ts_ms, carry_until_ms))),
            fresh_until_ms=since_ms + self._fleet.hold_ms[readings.slot],
            restart=restart,
            # History at either end: on a value that nobody saw live nothing may be switched.
            historical=segments.shift(historical, state.historical[place]) | historical,
        )
        cells = self._integrate(segments, stretches, np.maximum(ts_ms, front_ms)[ends])
        state.value_dw[place], state.value_ms[place] = value_dw[ends], ts_ms[ends]
        state.front_ms[place] = np.where(restart, ts_ms, np.maximum(ts_ms, front_ms))[ends]
        state.historical[place] = historical[ends]
        return cells

    def advance(self, slots: NDArray[np.int32], now_ms: NDArray[np.int64], bridge_ms: NDArray[np.int64]) -> Cells:
        """Return the cells that end by now_ms at devices, sorted, that have said nothing newer."""
        state = self._open
        place = self._place[slots]
        until_ms = np.minimum(now_ms, state.value_ms[place] + bridge_ms)
        alive = (state.value_ms[place] > 0) & (state.front_ms[place] < until_ms)
        slots, place, until_ms = slots[alive], place[alive], until_ms[alive]
        stretches = _Stretches(
            value_dw=state.value_dw[place],
            front_ms=state.front_ms[place],
            until_ms=until_ms,
            fresh_until_ms=state.value_ms[place] + self._fleet.hold_ms[slots],
            restart=np.zeros(len(slots), dtype=np.bool_),
            historical=state.historical[place],
        )
        cells = self._integrate(Segments.of_sorted(slots), stretches, until_ms)
        state.front_ms[place] = until_ms
        return cells

    def _integrate(self, segments: Segments, stretches: _Stretches, now_ms: NDArray[np.int64]) -> Cells:
        place = self._place[segments.slot]
        pieces = self._with_open(segments, place, self._cut(segments, stretches))
        totals = _add_up(pieces)
        owner = np.searchsorted(segments.slot, totals.slot)
        grid_ms = self._fleet.grid_ms[totals.slot]
        restarts = stretches.restart.astype(np.int64)
        final_epoch = np.add.reduceat(restarts, segments.starts) if len(segments) else now_ms
        # What lies before a restart gets no more pieces, so that it is over whatever the time.
        open_ = (totals.epoch == final_epoch[owner]) & ((totals.cell + 1) * grid_ms > now_ms[owner])
        # A cell known for less than half of its time is left out: its mean would speak for what nobody measured.
        done = ~open_ & (2 * totals.covered_ms >= grid_ms)
        cells = self._emit(segments, place, totals, done, final_epoch)
        self._keep(place, totals, open_, owner)
        return cells

    def _cut(self, segments: Segments, rows: _Stretches) -> _Pieces:
        slot = segments.slot[segments.of_row]
        grid_ms = self._fleet.grid_ms[slot]
        first = rows.front_ms // grid_ms
        parts = np.maximum(1, -(-rows.until_ms // grid_ms) - first)
        row = np.repeat(np.arange(segments.size), parts)
        cell = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
        low = np.maximum(rows.front_ms[row], cell * grid_ms[row])
        high = np.maximum(low, np.minimum(rows.until_ms[row], (cell + 1) * grid_ms[row]))
        restarts = rows.restart.astype(np.int64)
        # Less its own: the stretch up to a reading that restarts belongs to what was before.
        epoch = segments.running_sum(restarts, np.zeros(len(segments), dtype=np.int64)) - restarts
        fresh_ms = np.clip(rows.fresh_until_ms[row] - low, 0, high - low)
        return _Pieces(
            slot=slot[row],
            cell=cell,
            epoch=epoch[row],
            covered_ms=high - low,
            fresh_ms=fresh_ms,
            sum_dwms=(high - low) * rows.value_dw[row],
            historical=rows.historical[row] & (high > low),
        )

    def _with_open(self, segments: Segments, place: NDArray[np.int32], pieces: _Pieces) -> _Pieces:
        """Put each device's unfinished cell before its new pieces."""
        state = self._open
        before = _Pieces(
            slot=segments.slot,
            cell=state.cell[place],
            epoch=np.zeros(len(place), dtype=np.int64),
            covered_ms=state.covered_ms[place],
            fresh_ms=state.fresh_ms[place],
            sum_dwms=state.sum_dwms[place],
            historical=state.cell_historical[place],
        )
        # Stable, so that each open cell comes just before the pieces that may go on with it.
        order = np.argsort(np.concatenate([before.slot, pieces.slot]), kind="stable")
        joined = {
            f.name: np.concatenate([getattr(before, f.name), getattr(pieces, f.name)])[order] for f in fields(_Pieces)
        }
        return _Pieces(**joined)

    def _emit(
        self,
        segments: Segments,
        place: NDArray[np.int32],
        totals: _Pieces,
        done: NDArray[np.bool_],
        final_epoch: NDArray[np.int64],
    ) -> Cells:
        slot, epoch, covered = totals.slot[done], totals.epoch[done], totals.covered_ms[done]
        own = Segments.of_sorted(slot)
        mine = np.searchsorted(segments.slot, own.slot)
        # -1 is no epoch of this batch: a restart of an earlier one whose first cell is still to come.
        pending = np.where(self._open.restarts[place], -1, 0)
        fresh_start = epoch != own.shift(epoch, pending[mine])
        last_epoch = pending.copy()
        last_epoch[mine] = epoch[own.ends]
        self._open.restarts[place] = last_epoch != final_epoch
        return Cells(
            slot=slot,
            end_ms=(totals.cell[done] + 1) * self._fleet.grid_ms[slot],
            mean_dw=totals.sum_dwms[done] / covered,
            fresh_start=fresh_start,
            held=2 * totals.fresh_ms[done] < covered,
            historical=totals.historical[done],
        )

    def _keep(
        self, place: NDArray[np.int32], totals: _Pieces, open_: NDArray[np.bool_], owner: NDArray[np.intp]
    ) -> None:
        state = self._open
        for name in ("sum_dwms", "covered_ms", "fresh_ms"):
            column = getattr(state, name)
            column[place] = 0
            column[place[owner[open_]]] = getattr(totals, name)[open_]
        state.cell_historical[place] = False
        state.cell_historical[place[owner[open_]]] = totals.historical[open_]
        state.cell[place[owner[open_]]] = totals.cell[open_]


def _add_up(pieces: _Pieces) -> _Pieces:
    """Return the pieces of each cell as one."""
    size = len(pieces.slot)
    first = np.ones(size, dtype=np.bool_)
    # Within the loop `first` means its opposite: the piece goes on with the cell of the one before.
    for name in ("slot", "cell", "epoch"):
        column = getattr(pieces, name)
        same = column[1:] == column[:-1]
        first[1:] = same if name == "slot" else first[1:] & same
    first[1:] = ~first[1:]
    starts = np.flatnonzero(first)
    if size == 0:
        return pieces
    sums = {name: np.add.reduceat(getattr(pieces, name), starts) for name in ("covered_ms", "fresh_ms", "sum_dwms")}
    marks = np.logical_or.reduceat(pieces.historical, starts)
    return replace(
        pieces,
        slot=pieces.slot[starts],
        cell=pieces.cell[starts],
        epoch=pieces.epoch[starts],
        historical=marks,
        **sums,
    )
