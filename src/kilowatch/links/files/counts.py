"""Counts of values for each device, small however long the file is: what medians of a stream need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PENDING = 1 << 18
# Slot and value in one int64, so that one sort counts all devices: 19 bits are left for half a million slots.
_VALUE_BITS = 44
_OFFSET = 1 << (_VALUE_BITS - 1)
_KEPT_BITS = 16


def rounded(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return integers rounded to 16 significant bits: exact under 65,536, within 0.0008 % above."""
    _, exponent = np.frexp(values.astype(np.float64))
    unit = np.int64(1) << np.maximum(exponent - _KEPT_BITS, 0).astype(np.int64)
    return (values + unit // 2) // unit * unit


class ValueCounts:
    """How often each device showed each integer."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._pending = 0

    def add(self, slot: NDArray[np.int32], values: NDArray[np.int64]) -> None:
        """Count one value of a slot for each row."""
        # Within their bits: a larger value would be counted for another device.
        clipped = np.clip(rounded(values), 1 - _OFFSET, _OFFSET - 1)
        keys, counts = np.unique((slot.astype(np.int64) << _VALUE_BITS) + clipped + _OFFSET, return_counts=True)
        self._keys.append(keys)
        self._counts.append(counts.astype(np.int64))
        self._pending += len(keys)
        # Not with every batch: a merge sorts all that was ever counted.
        if self._pending > _PENDING:
            self._merge()
            self._pending = 0

    def _merge(self) -> None:
        if not self._keys:
            return
        keys, place = np.unique(np.concatenate(self._keys), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        np.add.at(counts, place, np.concatenate(self._counts))
        self._keys, self._counts = [keys], [counts]

    def of(self, slot: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return a slot's distinct values in ascending order and how often each came."""
        self._merge()
        if not self._keys:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        first, last = np.searchsorted(self._keys[0], [slot << _VALUE_BITS, (slot + 1) << _VALUE_BITS])
        own = self._keys[0][first:last] - (slot << _VALUE_BITS) - _OFFSET
        return own, self._counts[0][first:last]


def median(values: NDArray[np.int64], counts: NDArray[np.int64]) -> int | None:
    """Return the upper median of counted values, None where there are none."""
    if len(values) == 0:
        return None
    total = np.cumsum(counts)
    return int(values[np.searchsorted(total, total[-1] // 2, side="right")])
