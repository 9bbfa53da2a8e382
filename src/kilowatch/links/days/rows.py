"""Rows of devices in columns, and the few bytes that they are in a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """A column beside device and time: its name and NumPy type."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class DayRows:
    """n rows in the order of their arrival. device int32[n] numbers `names`; values: an array[n] for each column."""

    names: tuple[tuple[str, str], ...]
    device: NDArray[np.int32]
    ts_ms: NDArray[np.int64]
    values: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        return len(self.ts_ms)

    def take(self, rows: NDArray[Any]) -> DayRows:
        """Return the rows at `rows`, a mask or indices."""
        return DayRows(self.names, self.device[rows], self.ts_ms[rows], tuple(column[rows] for column in self.values))

    def of(self, site: str, device: str) -> NDArray[np.bool_]:
        """Return where the rows are a device's, bool[n]."""
        if (site, device) not in self.names:
            return np.zeros(len(self), dtype=np.bool_)
        return self.device == self.names.index((site, device))

    def without(self, site: str, device: str) -> DayRows:
        """Return the rows of all other devices, with no trace of this one's name."""
        if (site, device) not in self.names:
            return self
        gone = self.names.index((site, device))
        left = self.take(self.device != gone)
        number = (left.device - (left.device > gone)).astype(np.int32)
        names = tuple(name for name in self.names if name != (site, device))
        return DayRows(names, number, left.ts_ms, left.values)

    @classmethod
    def none(cls, columns: Sequence[Column]) -> DayRows:
        """Return no rows."""
        values = tuple(np.zeros(0, dtype=column.dtype) for column in columns)
        return cls((), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64), values)

    @classmethod
    def join(cls, parts: Sequence[DayRows]) -> DayRows:
        """Return the rows one after another under one numbering of devices; at least one part."""
        numbers: dict[tuple[str, str], int] = {}
        device = []
        for part in parts:
            own = [numbers.setdefault(name, len(numbers)) for name in part.names]
            device.append(np.array(own, dtype=np.int32)[part.device] if own else part.device)
        values = tuple(np.concatenate(columns) for columns in zip(*(part.values for part in parts), strict=True))
        return cls(tuple(numbers), np.concatenate(device), np.concatenate([part.ts_ms for part in parts]), values)

    def packed(self) -> bytes:
        """Return the rows as bytes, little-endian."""
        arrays: list[NDArray[Any]] = [self.device, self.ts_ms, *self.values]
        columns = [array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays]
        return msgspec.msgpack.encode((self.names, columns))

    @classmethod
    def unpacked(cls, payload: bytes, columns: Sequence[Column]) -> DayRows:
        """Return rows from their bytes."""
        names, raw = msgspec.msgpack.decode(payload, type=tuple[tuple[tuple[str, str], ...], list[bytes]])
        dtypes = ("int32", "int64", *(column.dtype for column in columns))
        device, ts_ms, *values = (
            # astype copies: arrays over bytes are read-only.
            np.frombuffer(bytes_, dtype=np.dtype(dtype).newbyteorder("<")).astype(dtype)
            for bytes_, dtype in zip(raw, dtypes, strict=True)
        )
        return cls(names, device, ts_ms, tuple(values))
