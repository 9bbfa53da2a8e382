"""Verdicts and incidents as Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

    from kilowatch.core.device import Fleet
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.judged import Judged

_VERDICTS = pa.schema(
    [
        ("site", pa.dictionary(pa.int32(), pa.string())),
        ("device", pa.dictionary(pa.int32(), pa.string())),
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


class VerdictWriter:
    """Writes `verdicts.parquet` as a replay goes on, and `incidents.parquet` at its end."""

    def __init__(self, folder: Path, fleet: Fleet) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fleet = fleet
        self._writer = pq.ParquetWriter(folder / "verdicts.parquet", _VERDICTS, compression="zstd")

    def add(self, judged: Judged) -> None:
        """Write judged samples."""
        samples = judged.samples
        if len(samples) == 0:
            return
        columns = [
            self._names(samples.slot, [record.site for record in self._fleet.records]),
            self._names(samples.slot, [record.device for record in self._fleet.records]),
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
            column if isinstance(column, pa.Array) else pa.array(column, type=field.type, from_pandas=True)
            for column, field in zip(columns, _VERDICTS, strict=True)
        ]
        self._writer.write_table(pa.table(arrays, schema=_VERDICTS))

    def close(self, incidents: Iterable[IncidentEvent]) -> None:
        """Finish the verdicts and write one row for each incident, as it stood when it was oddest."""
        self._writer.close()
        rows = [msgspec.to_builtins(event) for event in incidents]
        pq.write_table(pa.Table.from_pylist(rows), self._folder / "incidents.parquet", compression="zstd")

    @staticmethod
    def _names(slot: np.ndarray[tuple[int], np.dtype[np.int32]], names: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(slot), pa.array(names))
