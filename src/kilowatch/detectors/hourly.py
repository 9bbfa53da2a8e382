"""Whole hours of a device as samples of their own: the slow channel for what takes days to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import HOUR_MS, Samples
from kilowatch.core.segments import Segments
from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ENOUGH = 0.5
"""An hour counts once half of it was measured."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that a batch completed. samples: one row an hour, `count` of hours in a row without a missing one.

    latest: intp[n], for each sample of the batch the row of the last hour completed before it, -1 where that hour
    was completed before the batch.
    """

    samples: Samples
    latest: NDArray[np.intp]

    def spread(self, of_hours: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        """Return a value of the last completed hour for each sample; `before`[sample] where there is none here."""
        if not len(of_hours):
            return before.copy()
        return np.where(self.latest >= 0, of_hours[np.maximum(self.latest, 0)], before)


class Hourly(PerDevice):
    """The hour in the making of each device: 22 bytes."""

    columns: ClassVar[Mapping[str, Column]] = {
        "hour": Column(np.int32, fill=-1),
        "hour_dw": Column(np.int64),
        "hour_samples": Column(np.uint16),
        "hours": Column(np.uint32),
        "last_hour": Column(np.int32, fill=-1),
    }
    hour: NDArray[np.int32]
    hour_dw: NDArray[np.int64]
    hour_samples: NDArray[np.uint16]
    hours: NDArray[np.uint32]
    last_hour: NDArray[np.int32]

    def advance(self, samples: Samples) -> Hours:
        """Add samples to their hours on the wall clock, and return the hours that others have followed."""
        segments, local_hour = samples.segments, samples.local_ms // HOUR_MS
        if not len(samples):
            return Hours(samples, np.zeros(0, dtype=np.intp))
        starts = np.ones(len(samples), dtype=np.bool_)
        starts[1:] = local_hour[1:] != local_hour[:-1]
        starts[segments.starts] = True
        first = np.flatnonzero(starts)
        groups = Segments.of_sorted(samples.slot[first])
        parts = _Parts(
            slot=samples.slot[first],
            hour=local_hour[first],
            total_dw=np.add.reduceat(samples.deciwatts, first),
            size=np.diff(first, append=len(samples)),
        )
        done, by_row = self._close(groups, parts, first)
        enough = done.size * samples.grid_ms[by_row] >= _ENOUGH * HOUR_MS
        made = self._made(done.keep(enough))
        return Hours(made, _latest(samples, made, by_row[enough]))

    def _close(self, groups: Segments, parts: _Parts, first: NDArray[np.intp]) -> tuple[_Parts, NDArray[np.intp]]:
        """Return the hours that are over, with the row that ended each; the last of each device stays open."""
        owner, opening, ends = groups.slot, groups.starts, groups.ends
        goes_on = self.hour[owner] == parts.hour[opening]
        parts.total_dw[opening] += np.where(goes_on, self.hour_dw[owner], 0)
        parts.size[opening] += np.where(goes_on, self.hour_samples[owner], 0)
        stale = np.flatnonzero(~goes_on & (self.hour[owner] >= 0))
        held = owner[stale]
        waiting = _Parts(held, self.hour[held], self.hour_dw[held], self.hour_samples[held])
        is_over = np.ones(len(parts.hour), dtype=np.bool_)
        is_over[ends] = False
        over = np.flatnonzero(is_over)
        self.hour[owner], self.hour_dw[owner] = parts.hour[ends], parts.total_dw[ends]
        self.hour_samples[owner] = np.minimum(parts.size[ends], 65_535)
        joined = waiting.then(parts.keep(is_over))
        order = np.argsort(joined.slot, kind="stable")
        return joined.keep(order), np.concatenate([first[opening[stale]], first[over + 1]])[order]

    def _made(self, parts: _Parts) -> Samples:
        segments = Segments.of_sorted(parts.slot)
        none = np.zeros(len(parts.slot), dtype=np.bool_)
        end_ms = (parts.hour.astype(np.int64) + 1) * HOUR_MS
        return Samples(
            segments=segments,
            slot=parts.slot,
            ts_ms=end_ms,
            local_ms=end_ms,
            code=encode_watts(parts.total_dw / np.maximum(parts.size, 1) / 10.0),
            count=self._numbered(segments, parts.hour.astype(np.int64)),
            grid_ms=np.full(len(parts.slot), HOUR_MS, dtype=np.int64),
            held=none,
            historical=none,
        )

    def _numbered(self, segments: Segments, hour: NDArray[np.int64]) -> NDArray[np.int64]:
        before_hour = segments.shift(hour, self.last_hour[segments.slot].astype(np.int64))
        ones = np.ones(len(hour), dtype=np.int64)
        total = segments.running_sum(ones, self.hours[segments.slot].astype(np.int64))
        fresh = hour != before_hour + 1
        number = total - segments.fill_forward(total - 1, fresh, np.zeros(len(segments), dtype=np.int64))
        self.hours[segments.slot] = number[segments.ends]
        self.last_hour[segments.slot] = hour[segments.ends]
        return number


@dataclass(frozen=True, slots=True)
class _Parts:
    """Hours as far as they were measured: sums in deciwatts, and how many samples they are of."""

    slot: NDArray[np.int32]
    hour: NDArray[Any]
    total_dw: NDArray[np.int64]
    size: NDArray[Any]

    def keep(self, rows: NDArray[Any]) -> _Parts:
        return _Parts(self.slot[rows], self.hour[rows], self.total_dw[rows], self.size[rows])

    def then(self, other: _Parts) -> _Parts:
        return _Parts(
            np.concatenate([self.slot, other.slot]),
            np.concatenate([self.hour, other.hour]),
            np.concatenate([self.total_dw, other.total_dw]),
            np.concatenate([self.size, other.size]),
        )


def _latest(samples: Samples, made: Samples, by_row: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each sample the last hour of its device that it or a sample before it ended; -1 for none."""
    marks = np.full(len(samples), -1, dtype=np.intp)
    marks[by_row] = np.arange(len(made))
    latest = np.maximum.accumulate(marks)
    if not len(made):
        return latest
    mine = made.slot[np.maximum(latest, 0)] == samples.slot
    return np.where((latest >= 0) & mine, latest, -1)
