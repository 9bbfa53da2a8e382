"""Verdicts and incidents as Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.judged import Judged

_GROUP_ROWS = 131_072
_NAME = pa.dictionary(pa.int32(), pa.string())

_VERDICTS = pa.schema(
    [
        ("site", _NAME),
        ("device", _NAME),
        ("timestamp", pa.timestamp("ms", tz="UTC")),
        ("power_w", pa.float32()),
        ("score", pa.float32()),
        ("confirmed", pa.float32()),
        ("expected_low_w", pa.float32()),
        ("expected_high_w", pa.float32()),
        ("watching", pa.bool_()),
        ("held", pa.bool_()),
    ]
)

_EVIDENCE = pa.struct(
    [
        ("phrase", pa.string()),
        ("rule", pa.string()),
        ("peak", pa.float64()),
        ("windows", pa.int64()),
        ("bursts", pa.int64()),
        ("muted", pa.bool_()),
        ("acknowledged", pa.bool_()),
        ("on_since_ms", pa.int64()),
    ]
)
_INCIDENTS = pa.schema(
    [
        ("v", pa.int64()),
        ("id", pa.string()),
        ("version", pa.int64()),
        ("site", pa.string()),
        ("device", pa.string()),
        ("rule", pa.string()),
        ("kind", pa.string()),
        ("ts_ms", pa.int64()),
        ("first_ms", pa.int64()),
        ("last_ms", pa.int64()),
        ("severity", pa.string()),
        ("score", pa.float64()),
        ("threshold", pa.float64()),
        ("expected_low_w", pa.float64()),
        ("expected_high_w", pa.float64()),
        ("observed_w", pa.float64()),
        ("sentence", pa.string()),
        ("evidence", _EVIDENCE),
        ("historical", pa.bool_()),
        ("model", pa.string()),
    ]
)
"""The fields of `IncidentEvent`, so that a run without incidents has the same columns."""


class VerdictWriter:
    """Writes `verdicts.parquet` as a replay goes on, and `incidents.parquet` at its end.

    `ConfigError` where the folder cannot be written to.
    """

    def __init__(self, folder: Path, fleet: Fleet) -> None:
        self._folder = folder
        self._fleet = fleet
        self._waiting: list[pa.Table] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(folder / "verdicts.parquet", _VERDICTS, compression="zstd")
        except OSError as error:
            raise ConfigError(
                f"Nothing can be written to {folder}: {error.strerror}.", "Choose another folder with --out."
            ) from error

    def add(self, judged: Judged) -> None:
        """Write judged samples."""
        samples, records = judged.samples, self._fleet.records
        if len(samples) == 0:
            return
        columns = [
            _named(samples.slot, [record.site for record in records]),
            _named(samples.slot, [record.device for record in records]),
            samples.ts_ms.astype("datetime64[ms]"),
            samples.power_w,
            judged.score,
            judged.confirmed,
            judged.low_w,
            judged.high_w,
            judged.watching,
            samples.held,
        ]
        arrays = [
            # from_pandas: NaN is what arrays say for "unknown", null is what readers of Parquet expect.
            column if isinstance(column, pa.Array) else pa.array(column, type=field.type, from_pandas=True)
            for column, field in zip(columns, _VERDICTS, strict=True)
        ]
        self._waiting.append(pa.table(arrays, schema=_VERDICTS))
        # A write makes a row group, and a group for each small batch would be mostly headers.
        if sum(table.num_rows for table in self._waiting) >= _GROUP_ROWS:
            self._write()

    def close(self, incidents: Iterable[IncidentEvent]) -> None:
        """Finish the verdicts and write one row for each incident, as it stood when it was oddest."""
        self._write()
        self._writer.close()
        rows = [msgspec.to_builtins(event) for event in incidents]
        table = pa.Table.from_pylist(rows, schema=_INCIDENTS)
        pq.write_table(table, self._folder / "incidents.parquet", compression="zstd")

    def _write(self) -> None:
        if self._waiting:
            # Each batch numbers names for itself, and a fleet grows: a row group wants one numbering.
            self._writer.write_table(pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks())
        self._waiting = []


def _named(slot: NDArray[np.int32], names: list[str]) -> pa.Array:
    kinds, numbers = np.unique(names, return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(numbers[slot].astype(np.int32)), pa.array(kinds.tolist()))
