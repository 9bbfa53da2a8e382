"""A device's course for pictures and tables: power, expected band and score, bounded in memory.

A trace keeps every sample until it grows past its limit, then halves itself by joining neighbours into one row
that keeps the extremes: a spike stays in sight however long the history. Where all traces together grow past
theirs, the longest is halved.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.judged import Judged
    from kilowatch.core.reading import ReadingBatch

ROW_LIMIT = 400_000
TOTAL_LIMIT = 16_000_000
"""28 bytes a row."""
_MOST_PARTS = 256


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows in time order: ts_ms int64[n], the rest float32[n]; NaN where unknown."""

    ts_ms: NDArray[np.int64]
    low_power_w: NDArray[np.float32]
    high_power_w: NDArray[np.float32]
    band_low_w: NDArray[np.float32]
    band_high_w: NDArray[np.float32]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ts_ms)

    @classmethod
    def join(cls, parts: list[Trace]) -> Trace:
        """Return traces one after another."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def rows(self, which: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Trace:
        """Return some rows."""
        return Trace(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def thinned(self, rows: int) -> Trace:
        """Return about `rows` rows, each keeping the extremes of those it stands for."""
        if len(self) <= rows:
            return self
        starts = np.unique(np.linspace(0, len(self), rows, endpoint=False).astype(np.intp))
        return Trace(
            ts_ms=self.ts_ms[starts],
            low_power_w=np.minimum.reduceat(self.low_power_w, starts),
            high_power_w=np.maximum.reduceat(self.high_power_w, starts),
            # These leave NaN out: a row in which nothing was expected or scored must not hide those beside it.
            band_low_w=np.fmin.reduceat(self.band_low_w, starts),
            band_high_w=np.fmax.reduceat(self.band_high_w, starts),
            score=np.fmax.reduceat(self.score, starts),
        )


class TraceRecorder:
    """Traces of all devices as they are judged."""

    def __init__(self, row_limit: int = ROW_LIMIT, total_limit: int = TOTAL_LIMIT) -> None:
        self._limit = row_limit
        self._total_limit = max(total_limit, row_limit)
        self._parts: dict[int, list[Trace]] = {}
        self._sizes: dict[int, int] = {}

    def take(self, batch: ReadingBatch, result: StepResult) -> None:  # noqa: ARG002 - what `replay` calls
        """Take in what came of a batch."""
        for judged in result.judged:
            self.add(judged)

    def add(self, judged: Judged) -> None:
        """Take in judged samples."""
        segments = judged.samples.segments
        power_w = judged.samples.power_w
        whole = Trace(judged.samples.ts_ms, power_w, power_w, judged.low_w, judged.high_w, judged.score)
        for slot, start, length in zip(segments.slot.tolist(), segments.starts, segments.lengths, strict=True):
            self._put(slot, whole.rows(slice(start, start + length)))
        if len(self) > self._total_limit:
            self._halve(max(self._sizes, key=self._sizes.__getitem__))

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def trace(self, slot: int) -> Trace:
        """Return a device's trace so far; empty where nothing was judged."""
        parts = self._parts.get(slot)
        if not parts:
            none = np.zeros(0, dtype=np.float32)
            return Trace(np.zeros(0, dtype=np.int64), none, none, none, none, none)
        if len(parts) > 1:
            parts[:] = [Trace.join(parts)]
        return parts[0]

    def _put(self, slot: int, part: Trace) -> None:
        parts = self._parts.setdefault(slot, [])
        parts.append(part)
        self._sizes[slot] = self._sizes.get(slot, 0) + len(part)
        if self._sizes[slot] > self._limit:
            self._halve(slot)
        elif len(parts) > _MOST_PARTS:
            # Joined now and then: judged sample by sample a device would hold six arrays for each row.
            parts[:] = [Trace.join(parts)]

    def _halve(self, slot: int) -> None:
        thin = self.trace(slot).thinned(min(self._sizes[slot] // 2, self._limit))
        self._parts[slot], self._sizes[slot] = [thin], len(thin)
