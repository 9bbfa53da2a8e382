"""Sample history in memory: for replay, the demo and tests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.samples import Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.samples import Samples

_MOST_CHUNKS = 256


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Columns as in `Samples`, of one device."""

    ts_ms: NDArray[np.int64]
    local_ms: NDArray[np.int64]
    code: NDArray[np.uint16]
    count: NDArray[np.int64]
    held: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: Samples, rows: slice) -> _Chunk:
        return cls(**{field.name: getattr(samples, field.name)[rows] for field in fields(cls)})

    @classmethod
    def join(cls, chunks: list[_Chunk]) -> _Chunk:
        return cls(**{f.name: np.concatenate([getattr(chunk, f.name) for chunk in chunks]) for f in fields(cls)})

    def take(self, rows: NDArray[np.bool_]) -> _Chunk:
        return _Chunk(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class MemoryHistory:
    """Chunks of samples per device; about 27 bytes a sample.

    keep_ms: what is older than that before a device's newest sample is dropped in time; None keeps all.
    """

    frozen_not: ClassVar[tuple[str, ...]] = ("_settled",)
    frozen_types: ClassVar[tuple[type, ...]] = (_Chunk,)

    def __init__(self, keep_ms: int | None = None) -> None:
        self._keep_ms = keep_ms
        self._chunks: defaultdict[int, list[_Chunk]] = defaultdict(list)
        self._settled: set[int] = set()

    def append(self, samples: Samples) -> None:
        """Keep samples; within a device they come in event order."""
        segments = samples.segments
        for slot, start, length in zip(segments.slot.tolist(), segments.starts, segments.lengths, strict=True):
            chunks = self._chunks[slot]
            chunks.append(_Chunk.of(samples, slice(start, start + length)))
            self._settled.discard(slot)
            # Now and then: at each append all the past would be copied, and left alone a sample is five arrays.
            if len(chunks) > _MOST_CHUNKS:
                self._settle(slot)

    def series(self, slot: int, record: DeviceRecord, from_ms: int, to_ms: int) -> Series:
        """Return a device's samples with from_ms <= ts_ms < to_ms; held ones are not usable.

        Where a device's clock went back, what it had told of the time after is forgotten.
        """
        past = self._settle(slot)
        rows = slice(int(np.searchsorted(past.ts_ms, from_ms)), int(np.searchsorted(past.ts_ms, to_ms)))
        return Series(
            record, past.ts_ms[rows], past.local_ms[rows], past.code[rows], past.count[rows], ~past.held[rows]
        )

    def forget(self, slot: int) -> None:
        """Drop all of a device's past."""
        self._chunks.pop(slot, None)
        self._settled.discard(slot)

    def freezing(self) -> None:
        """Make one chunk of every device's past, so that a saved state holds few large arrays."""
        for slot in list(self._chunks):
            self._settle(slot)

    def _settle(self, slot: int) -> _Chunk:
        """Make one chunk of a device's past, in order and no longer than wanted."""
        chunks = self._chunks.get(slot)
        if not chunks:
            return _NONE
        if slot in self._settled:
            return chunks[0]
        past = _Chunk.join(chunks)
        # The earliest time that came from a row on: a sample stands where all that came later is later in time.
        following_ms = np.minimum.accumulate(past.ts_ms[::-1])[::-1]
        kept = np.append(past.ts_ms[:-1] < following_ms[1:], True)
        # The last row is the newest in time too, as what was not before it has just gone.
        if self._keep_ms is not None:
            kept &= past.ts_ms >= past.ts_ms[-1] - self._keep_ms
        chunks[:] = [past if kept.all() else past.take(kept)]
        self._settled.add(slot)
        return chunks[0]


_NONE = _Chunk(
    ts_ms=np.zeros(0, dtype=np.int64),
    local_ms=np.zeros(0, dtype=np.int64),
    code=np.zeros(0, dtype=np.uint16),
    count=np.zeros(0, dtype=np.int64),
    held=np.zeros(0, dtype=np.bool_),
)
