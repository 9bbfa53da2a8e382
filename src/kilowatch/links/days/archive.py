"""Closed days of one level: a Parquet file a day, sorted by device, replaced whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kilowatch.errors import StateError
from kilowatch.links.days.rows import DayRows
from kilowatch.links.journal import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from kilowatch.links.days.rows import Column

_GROUP_ROWS = 8192
_GENERATION = b"kw.generation"


class Archive:
    """One level of a `DayStore`. fold: what a day's file becomes of its rows so far and those of a closed journal."""

    def __init__(self, folder: Path, columns: Sequence[Column], fold: Callable[[DayRows, DayRows], DayRows]) -> None:
        self._folder = folder
        self.columns = columns
        self._fold = fold
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.new"):
            path.unlink()

    def generation(self, day: str) -> int:
        """Return how many journals of a day are in its file; 0 where there is no file."""
        path = self._path(day)
        if not path.exists():
            return 0
        return int((_metadata(path).metadata or {}).get(_GENERATION, b"0"))

    def take_in(self, day: str, generation: int, rows: DayRows) -> None:
        """Fold a closed journal into its day's file; once, however often it is tried."""
        if self.generation(day) < generation:
            self._replace(day, generation, self._fold(self.whole(day), rows))

    def read(self, site: str, device: str, from_day: str, to_day: str) -> DayRows:
        """Return a device's rows of the days from_day to to_day, both included."""
        days = [path for path in self._paths() if from_day <= path.stem <= to_day]
        return DayRows.join([DayRows.none(self.columns), *(self._rows_of(path, site, device) for path in days)])

    def whole(self, day: str) -> DayRows:
        """Return all rows of a day."""
        path = self._path(day)
        return self._rows(path) if path.exists() else DayRows.none(self.columns)

    def erase(self, site: str, device: str) -> None:
        """Take a device out of every file."""
        for path in self._paths():
            rows = self._rows(path)
            if (site, device) in rows.names:
                self._replace(path.stem, self.generation(path.stem), rows.without(site, device))

    def expire(self, before_day: str) -> None:
        """Delete the days before a day."""
        for path in self._paths():
            if path.stem < before_day:
                path.unlink()

    def largest(self, name: str) -> int:
        """Return the largest value of a whole-number column, -1 where there is none."""
        found = [-1]
        for path in self._paths():
            metadata = _metadata(path)
            place = metadata.schema.to_arrow_schema().names.index(name)
            groups = (metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups))
            found += [statistics.max for statistics in groups if statistics is not None and statistics.has_min_max]
        return max(found)

    def _paths(self) -> Iterator[Path]:
        return iter(sorted(self._folder.glob("*.parquet")))

    def _path(self, day: str) -> Path:
        return self._folder / f"{day}.parquet"

    def _rows_of(self, path: Path, site: str, device: str) -> DayRows:
        wanted = [("site", "=", site), ("device", "=", device)]
        table = _table(path, ["ts_ms", *(column.name for column in self.columns)], wanted)
        number = np.zeros(table.num_rows, dtype=np.int32)
        return DayRows(((site, device),), number, *self._columns_of(table))

    def _rows(self, path: Path) -> DayRows:
        table = _table(path)
        names = list(zip(table.column("site").to_pylist(), table.column("device").to_pylist(), strict=True))
        numbers: dict[tuple[str, str], int] = {}
        device = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
        return DayRows(tuple(numbers), device, *self._columns_of(table))

    def _columns_of(self, table: pa.Table) -> tuple[NDArray[np.int64], tuple[NDArray[Any], ...]]:
        values = tuple(table.column(column.name).to_numpy().astype(column.dtype) for column in self.columns)
        return table.column("ts_ms").to_numpy().astype(np.int64), values

    def _replace(self, day: str, generation: int, rows: DayRows) -> None:
        order = np.argsort(rows.device, kind="stable")
        rows = rows.take(order)
        device = pa.array(rows.device)
        columns = {
            "site": pa.DictionaryArray.from_arrays(device, pa.array([name[0] for name in rows.names], pa.string())),
            "device": pa.DictionaryArray.from_arrays(device, pa.array([name[1] for name in rows.names], pa.string())),
            "ts_ms": pa.array(rows.ts_ms),
        }
        columns |= {c.name: pa.array(values) for c, values in zip(self.columns, rows.values, strict=True)}
        table = pa.table(columns).replace_schema_metadata({_GENERATION: str(generation).encode()})
        counted = ["ts_ms", *(column.name for column in self.columns if column.dtype == "int64")]
        with replacing(self._path(day)) as fresh:
            pq.write_table(
                table,
                fresh,
                compression="zstd",
                row_group_size=_GROUP_ROWS,
                use_dictionary=[name for name in table.column_names if name not in counted],
                column_encoding=dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
            )


def _table(path: Path, columns: list[str] | None = None, wanted: list[tuple[str, str, str]] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, filters=wanted, partitioning=None, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> StateError:
    return StateError(f"{path} cannot be read: {error}.", "Move it away, or restore a backup.")
