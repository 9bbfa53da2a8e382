"""Readings on disk in the order in which they came: a journal for the newest, Parquet for the rest.

Every reading has a number, counted up from 0 for the life of the outbox; a file is named by the first it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kilowatch.core.events import Reading
from kilowatch.links.journal import Journal, read_blocks, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SCHEMA = pa.schema(
    [
        ("site", pa.string()),
        ("device", pa.string()),
        ("ts_ms", pa.int64()),
        ("received_ms", pa.int64()),
        ("power_w", pa.float64()),
        ("voltage_v", pa.float64()),
        ("current_a", pa.float64()),
        ("energy_wh", pa.float64()),
        ("on", pa.bool_()),
        ("seq", pa.int64()),
        ("source", pa.string()),
        ("backfill", pa.bool_()),
    ]
)
# Times and counts grow by nearly equal steps: their differences take few bits, a dictionary of them saves nothing.
_COUNTED = {"ts_ms": "DELTA_BINARY_PACKED", "received_ms": "DELTA_BINARY_PACKED", "seq": "DELTA_BINARY_PACKED"}
_REPEATED = [name for name in _SCHEMA.names if name not in _COUNTED and name not in ("on", "backfill")]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Reading])


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that is finished: readings number `first` to `end - 1`."""

    path: Path
    first: int
    end: int
    size: int


class ReadingLog:
    """The files of an outbox's readings; `start` is the number of the first that has not left."""

    def __init__(self, folder: Path, start: int, *, sync: bool) -> None:
        self._folder = folder
        self._sync = sync
        folder.mkdir(parents=True, exist_ok=True)
        self.sealed: list[Sealed] = []
        self.damaged = 0
        self._loaded: tuple[int, pa.Table] | None = None
        self._open(start)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._journal.size + sum(part.size for part in self.sealed)

    @property
    def journal_size(self) -> int:
        """Bytes of the newest file, which still grows."""
        return self._journal.size

    def append(self, readings: Sequence[Reading]) -> None:
        """Write readings; after an `OSError` none of them is kept."""
        self._journal.append(_encoder.encode(readings))
        self.end += len(readings)

    def seal(self) -> None:
        """Turn the newest file into columns and begin another; after an `OSError` it goes on growing."""
        if self.end == self._first:
            return
        path = self._path(self._first, "parquet")
        with replacing(path) as fresh:
            _write(self._rows_of_journal(), fresh)
        self.sealed.append(Sealed(path, self._first, self.end, path.stat().st_size))
        self._restart(self.end)

    def read(self, start: int, limit: int) -> pa.Table:
        """Return at most `limit` readings from number `start` on, of one file; empty where there are none."""
        part = next((part for part in self.sealed if part.first <= start < part.end), None)
        if part is None:
            return self._rows_of_journal().slice(start - self._first, limit)
        if self._loaded is None or self._loaded[0] != part.first:
            # Kept: a file leaves in many batches, and each would read and unpack all of it again.
            self._loaded = part.first, pq.read_table(part.path, schema=_SCHEMA)
        return self._loaded[1].slice(start - part.first, limit)

    def remove(self, part: Sealed) -> None:
        """Delete a finished file."""
        self.sealed.remove(part)
        part.path.unlink(missing_ok=True)

    def drop_oldest(self) -> bool:
        """Delete the oldest file, or what the newest one holds; return whether there was anything."""
        if self.sealed:
            self.remove(self.sealed[0])
            return True
        held = self.end > self._first
        self._restart(self.end)
        return held

    def next_from(self, number: int) -> int:
        """Return the first number from `number` on that is there, or that the next reading gets."""
        starts = [max(number, part.first) for part in self.sealed if part.end > number]
        return min([*starts, max(number, self._first)])

    def close(self) -> None:
        """Let go of the newest file."""
        self._journal.close()

    def _open(self, start: int) -> None:
        # What a crash left half written; its journal is still there and whole.
        for path in self._folder.glob("*.new"):
            path.unlink()
        for path in sorted(self._folder.glob("*.parquet")):
            self._take(path)
        ends = [part.end for part in self.sealed]
        journals = sorted(int(path.stem) for path in self._folder.glob("*.journal"))
        # A journal is finished once its columns are; one that a power cut left behind the drained start has no future.
        for first in [first for first in journals if any(part.first == first for part in self.sealed)]:
            self._path(first, "journal").unlink()
            journals.remove(first)
        self._begin(max([start, *ends]) if not journals else journals[-1])
        if self.end < start:
            self._restart(start)

    def _take(self, path: Path) -> None:
        try:
            rows = pq.read_metadata(path).num_rows
        except (pa.ArrowException, OSError):
            # It can never be read, and must not stop the rest: to `next_from` its readings are a gap.
            path.unlink()
            self.damaged += 1
            return
        self.sealed.append(Sealed(path, int(path.stem), int(path.stem) + rows, path.stat().st_size))

    def _begin(self, first: int) -> None:
        self._first = first
        self._journal = Journal(self._path(first, "journal"), sync=self._sync)
        self.end = first + sum(len(_decoder.decode(block)) for block in self._journal.blocks())

    def _restart(self, first: int) -> None:
        if first != self._first:
            self._journal.restart(self._path(first, "journal"))
            self._first = self.end = first

    def _rows_of_journal(self) -> pa.Table:
        readings = [reading for block in read_blocks(self._journal.path) for reading in _decoder.decode(block)]
        columns = [pa.array([getattr(r, field.name) for r in readings], type=field.type) for field in _SCHEMA]
        return pa.table(columns, schema=_SCHEMA)

    def _path(self, first: int, suffix: str) -> Path:
        return self._folder / f"{first:015d}.{suffix}"


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", use_dictionary=_REPEATED, column_encoding=_COUNTED)
