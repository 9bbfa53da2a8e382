"""One closed day as a Parquet file: the rows of all devices, sorted by device, and how many journals are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kilowatch.errors import StateError
from kilowatch.links.days.rows import DayRows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from kilowatch.links.days.rows import Column

# Small groups of rows in order of devices: their statistics let a question about one device skip nearly all.
_GROUP_ROWS = 8192
_GENERATION = b"kw.generation"


def generation_of(path: Path) -> int:
    """Return how many journals are in a file."""
    return int((_metadata(path).metadata or {}).get(_GENERATION, b"0"))


def read_device(path: Path, columns: Sequence[Column], site: str, device: str) -> DayRows:
    """Return the rows of one device."""
    wanted = [("site", "=", site), ("device", "=", device)]
    table = _table(path, ["ts_ms", *(column.name for column in columns)], wanted)
    number = np.zeros(table.num_rows, dtype=np.int32)
    return DayRows(((site, device),), number, *_arrays_of(table, columns))


def read(path: Path, columns: Sequence[Column]) -> DayRows:
    """Return all rows."""
    table = _table(path)
    names = list(zip(table.column("site").to_pylist(), table.column("device").to_pylist(), strict=True))
    numbers: dict[tuple[str, str], int] = {}
    device = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
    return DayRows(tuple(numbers), device, *_arrays_of(table, columns))


def write(path: Path, generation: int, rows: DayRows, columns: Sequence[Column]) -> None:
    """Write rows in the order of their devices."""
    rows = rows.take(np.argsort(rows.device, kind="stable"))
    device = pa.array(rows.device)
    arrays = {
        "site": pa.DictionaryArray.from_arrays(device, pa.array([name[0] for name in rows.names], pa.string())),
        "device": pa.DictionaryArray.from_arrays(device, pa.array([name[1] for name in rows.names], pa.string())),
        "ts_ms": pa.array(rows.ts_ms),
    }
    arrays |= {c.name: pa.array(values) for c, values in zip(columns, rows.values, strict=True)}
    table = pa.table(arrays).replace_schema_metadata({_GENERATION: str(generation).encode()})
    # Arrow takes an encoding of ours only for columns without a dictionary.
    counted = ["ts_ms", *(column.name for column in columns if column.dtype == "int64")]
    pq.write_table(
        table,
        path,
        compression="zstd",
        row_group_size=_GROUP_ROWS,
        use_dictionary=[name for name in table.column_names if name not in counted],
        column_encoding=dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
    )


def _arrays_of(table: pa.Table, columns: Sequence[Column]) -> tuple[NDArray[np.int64], tuple[NDArray[Any], ...]]:
    values = tuple(table.column(column.name).to_numpy().astype(column.dtype) for column in columns)
    return table.column("ts_ms").to_numpy().astype(np.int64), values


def _table(path: Path, columns: list[str] | None = None, wanted: list[tuple[str, str, str]] | None = None) -> pa.Table:
    try:
        # partitioning: else Arrow makes a column of each folder above that is named like a=b.
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
