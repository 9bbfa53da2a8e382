"""Small files of meter history, and how they read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from kilowatch.core.device import Fleet
from kilowatch.core.reading import ReadingBatch
from kilowatch.links.files import FileSource, ReadOptions, open_sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

DATA = Path(os.environ.get("KILOWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
START_MS = 1_717_200_000_000
"""2024-06-01 00:00 UTC, a Saturday."""


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is missing: set KILOWATCH_DATA to the real power data")
    return path


def write(path: Path, text: str | Iterable[str], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = text if isinstance(text, str) else "\n".join(text) + "\n"
    path.write_bytes(whole.encode(encoding))
    return path


def csv_lines(rows: int, header: str = "timestamp,power_w", start_ms: int = START_MS, step_s: int = 30) -> list[str]:
    """Return a header and rows of epoch seconds and tenths of watts."""
    body = [f"{start_ms // 1000 + step_s * row},{row % 97}.{row % 10}" for row in range(rows)]
    return [header, *body] if header else body


def write_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, **options)
    return path


def stamps(rows: int, zone: str | None = "UTC", step_ms: int = 30_000) -> pa.Array:
    return pa.array(START_MS + step_ms * np.arange(rows), pa.timestamp("ms", tz=zone))


def open_one(path: Path, **options: Any) -> FileSource:
    result = open_sources([path], ReadOptions(**options))
    assert result.failures == []
    (source,) = result.sources
    return source


def read(source: FileSource, rows: int = 65_536, fleet: Fleet | None = None) -> ReadingBatch:
    return ReadingBatch.join(list(source.batches(Fleet() if fleet is None else fleet, rows)))


def read_file(path: Path, **options: Any) -> ReadingBatch:
    return read(open_one(path, **options))


def failure(path: Path, **options: Any) -> tuple[str, str]:
    """Return the message and hint of the one file that does not open beside a good one."""
    good = write(path.parent / "good_neighbour.csv", csv_lines(20))
    result = open_sources([path, good], ReadOptions(**options))
    (failed,) = result.failures
    assert failed.path == path
    return failed.message, failed.hint


def seconds(batch: ReadingBatch) -> list[float]:
    """Return the times of a batch in seconds since `START_MS`."""
    since: NDArray[np.float64] = (batch.ts_ms - START_MS) / 1000
    return since.tolist()
