"""Sample history in memory: for replay, the demo and tests."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.samples import Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.samples import Samples

_COLUMNS = ("ts_ms", "local_ms", "code", "count", "held")


class MemoryHistory:
    """Chunks of samples per device; about 27 bytes a sample."""

    def __init__(self) -> None:
        self._chunks: defaultdict[int, list[tuple[NDArray[np.generic], ...]]] = defaultdict(list)

    def append(self, samples: Samples) -> None:
        """Keep samples; within a device they come in event order."""
        segments = samples.segments
        for slot, start, length in zip(segments.slot.tolist(), segments.starts, segments.lengths, strict=True):
            rows = slice(start, start + length)
            self._chunks[slot].append(tuple(getattr(samples, name)[rows] for name in _COLUMNS))

    def series(self, slot: int, record: DeviceRecord, from_ms: int, to_ms: int) -> Series:
        """Return a device's samples with from_ms <= ts_ms < to_ms; held ones are not usable."""
        chunks = self._joined(slot)
        ts_ms, local_ms, code, count, held = chunks
        rows = slice(int(np.searchsorted(ts_ms, from_ms)), int(np.searchsorted(ts_ms, to_ms)))
        return Series(record, ts_ms[rows], local_ms[rows], code[rows], count[rows], ~held[rows])

    def _joined(self, slot: int) -> tuple[NDArray[np.int64], ...]:
        chunks = self._chunks[slot]
        if len(chunks) > 1:
            chunks[:] = [tuple(np.concatenate(column) for column in zip(*chunks, strict=True))]
        if not chunks:
            empty = np.zeros(0, dtype=np.int64)
            return (empty, empty, empty.astype(np.uint16), empty, empty.astype(np.bool_))  # type: ignore[return-value]
        return chunks[0]  # type: ignore[return-value]
