"""Means of whole wall-clock hours: the samples of slow detectors, which must outlast a gap of minutes.

An hour counts once half of it was measured. A gap costs the hours that it covers and no more: completed hours are
measurements, not running state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.segments import Segments
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples

_ENOUGH_MS = HOUR_MS // 2
MISSING = 65_535
"""The code of 10 MW stands for an hour without a mean."""


@dataclass(frozen=True, slots=True)
class HourPieces:
    """A batch's rows cut by device and hour. All arrays [p], one value a piece.

    hour: int64, hours since 1970 on the wall clock. last_hour: int64, the hour of the device before, -1 at first.
    moved: bool, the piece begins a new hour. closed: bool, it does and the last one was measured. last_w: float64,
    the mean of the last hour.
    """

    pieces: Segments
    hour: NDArray[np.int64]
    last_hour: NDArray[np.int64]
    moved: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    last_w: NDArray[np.float64]

    @property
    def slot(self) -> NDArray[np.int32]:
        """The device of each piece, int32[p]."""
        return self.pieces.slot

    def turns(self) -> Iterator[NDArray[np.intp]]:
        """Yield the pieces that begin a new hour, at most one of each device at a time, in order."""
        moved = np.flatnonzero(self.moved)
        rank = Segments.of_sorted(self.slot[moved]).offset
        order = np.argsort(rank, kind="stable")
        yield from np.split(moved[order], np.flatnonzero(np.diff(rank[order])) + 1)


class HourTotals(PerDevice):
    """Running sums of the hour under way, in whole deciwatts."""

    columns: ClassVar[Mapping[str, Column]] = {
        "hour": Column(np.int32, fill=-1),
        "hour_dw": Column(np.int64),
        "hour_samples": Column(np.uint16),
    }
    hour: NDArray[np.int32]
    hour_dw: NDArray[np.int64]
    hour_samples: NDArray[np.uint16]

    def advance(self, samples: Samples) -> HourPieces:
        """Return the batch cut by hours, with the mean of the hour before each piece, and move past it."""
        segments, hour = samples.segments, samples.local_ms // HOUR_MS
        # Hours of the wall clock: the one that it repeats in autumn is one long hour, as for learning.
        moved = hour != segments.shift(hour, self.hour[segments.slot])
        pieces = cut(segments, moved)
        at, slot = pieces.starts, pieces.slot
        hour, moved = hour[at], moved[at]
        # At most the first piece of a device goes on with an hour from before, so no slot comes twice in these sums.
        begun = np.flatnonzero(~moved)
        total, size = _sums(samples.deciwatts, pieces), pieces.lengths.copy()
        total[begun] += self.hour_dw[slot[begun]]
        size[begun] += self.hour_samples[slot[begun]]
        last_hour, last_dw, last_size = self._last(segments, pieces, hour, total, size)
        closed = moved & (last_size * samples.grid_ms[at] >= _ENOUGH_MS)
        return HourPieces(pieces, hour, last_hour, moved, closed, last_dw / (10.0 * np.maximum(last_size, 1)))

    def _last(
        self, segments: Segments, pieces: Segments, *values: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return hour, sum and samples of the piece before each, and keep those of each device's last piece."""
        states: tuple[NDArray[Any], ...] = (self.hour, self.hour_dw, self.hour_samples)
        before = [state[segments.slot].astype(np.int64) for state in states]
        # The live case: one piece a device, and the piece before it is what was kept.
        if len(pieces) == len(segments):
            last, kept = before, list(values)
        else:
            device = Segments.of_sorted(pieces.slot)
            last = [device.shift(value, state) for value, state in zip(values, before, strict=True)]
            kept = [value[device.ends] for value in values]
        for state, value in zip(states, kept, strict=True):
            state[segments.slot] = value
        return last[0], last[1], last[2]


def _sums(values: NDArray[np.int64], pieces: Segments) -> NDArray[np.int64]:
    return values.copy() if pieces.size == len(pieces) else np.add.reduceat(values, pieces.starts)


class HourRing(PerDevice):
    """The means of the last `length` hours: hour h lies at column h % length, MISSING where it has none."""

    hours: NDArray[np.uint16]

    def __init__(self, length: int) -> None:
        self.columns = {"hours": Column(np.uint16, length, fill=MISSING)}  # type: ignore[misc]
        super().__init__()
        self.length = length
        self.totals = HourTotals()
        self.parts = (self.totals,)

    def write(self, pieces: HourPieces, turn: NDArray[np.intp]) -> None:
        """Write the hours that ended before the pieces of a turn; hours in between that were missed are missing."""
        slot, last = pieces.slot[turn], pieces.last_hour[turn]
        code = np.where(pieces.closed[turn], encode_watts(pieces.last_w[turn]), MISSING)
        self.hours[slot, last % self.length] = code
        # At a device's first hour `last` is -1: more hours than the ring holds are skipped, and all of it is missing.
        skipped = pieces.hour[turn] - last - 1
        if not (skipped > 0).any():
            return
        rows = np.flatnonzero(skipped > 0)
        after = (np.arange(self.length) - last[rows, None] - 1) % self.length
        self.hours[slot[rows]] = np.where(after < skipped[rows, None], MISSING, self.hours[slot[rows]])

    def read(self, slot: NDArray[np.int32], hour: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the means in watts of the given hours, NaN where missing; slot and hour broadcast."""
        code = self.hours[slot, hour % self.length]
        return np.where(code == MISSING, np.nan, decode_watts(code))
