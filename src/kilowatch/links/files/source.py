"""What every reader of files keeps: sources of readings, what was guessed, and what could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord, Fleet, Kind
    from kilowatch.core.reading import ReadingBatch

BATCH_ROWS = 65_536
_KEPT = 50
_TEXT = 200


class Format(StrEnum):
    """How a file is laid out."""

    COMBED = "combed"
    TRACEBASE = "tracebase"
    UCI = "uci"
    CSV = "csv"
    PARQUET = "parquet"


class PowerUnit(StrEnum):
    """The unit of a power column."""

    W = "W"
    KW = "kW"

    @property
    def watts(self) -> float:
        """Watts in one of the unit."""
        return 1000.0 if self is PowerUnit.KW else 1.0


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Columns that a person names: by header, or by number from 1 where a file has no header."""

    time: str | None = None
    power: str | None = None
    energy: str | None = None
    voltage: str | None = None
    current: str | None = None
    on: str | None = None
    device: str | None = None
    site: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person says about the files; everything else is guessed and shown.

    `time_zone` is the zone of times that carry none. `day_first` settles 03/04/2024.
    """

    format: Format | None = None
    time_zone: str | None = None
    columns: ColumnNames = ColumnNames()
    unit: PowerUnit | None = None
    interval_s: float | None = None
    site: str | None = None
    device: str | None = None
    kind: Kind | None = None
    day_first: bool | None = None


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Rows that could not be read: `row` is a line number in text files and a row number in Parquet, from 1.

    `text` is the start of the raw row. `rows`: how many rows from there on are lost, 0 where only a cell is.
    """

    path: Path
    row: int
    reason: str
    text: str = ""
    rows: int = 1


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file or folder from which nothing could be read."""

    path: Path
    row: int | None
    message: str
    hint: str


class Unreadable(Exception):  # noqa: N818 - a signal between the readers, never seen outside
    """A file cannot be read at all; becomes a `FileFailure`."""

    def __init__(self, message: str, hint: str, row: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.row = row


class Problems:
    """Unreadable rows: all counted, the first of each reason kept."""

    def __init__(self) -> None:
        self.kept: list[RowProblem] = []
        self.rows = 0
        self._of_reason: Counter[tuple[Path, str]] = Counter()

    def add(self, problem: RowProblem) -> None:
        """Count a problem, and keep it while its reason is not common yet."""
        self.rows += problem.rows
        if self._room(problem.path, problem.reason):
            self.kept.append(problem)

    def add_rows(
        self, path: Path, reason: str, rows: NDArray[np.int64], texts: Iterator[str], lost: bool = True
    ) -> None:
        """Count rows that share a reason; `lost` is False where only a cell of theirs is."""
        self.rows += len(rows)
        for row in rows.tolist():
            if not self._room(path, reason):
                return
            self.kept.append(RowProblem(path, row, reason, next(texts)[:_TEXT], rows=int(lost)))

    def _room(self, path: Path, reason: str) -> bool:
        key = (path, reason)
        self._of_reason[key] += 1
        # All are counted, few are kept: a broken file of gigabytes must not fill the memory.
        return self._of_reason[key] <= _KEPT and len(self.kept) < 20 * _KEPT


class FileSource(Protocol):
    """The readings of one file, or of one load's folder."""

    @property
    def path(self) -> Path:
        """The file, or the folder of the load."""

    @property
    def format(self) -> Format:
        """How it is laid out."""

    @property
    def reading_kind(self) -> str:
        """What was guessed, in words for the user."""

    def devices(self) -> list[DeviceRecord]:
        """Return who is inside, inferred from a bounded sample of rows."""

    def estimated_rows(self) -> int:
        """Return about how many rows there are, to show progress."""

    def batches(self, fleet: Fleet, rows: int = BATCH_ROWS) -> Iterator[ReadingBatch]:
        """Yield readings in file order, at most `rows` in a batch.

        Devices that the sample missed are added to the fleet. A missing power is NaN; `backfill` is None.
        """

    def problems(self) -> list[RowProblem]:
        """Return the unreadable rows of the last `batches`, the first of each reason."""

    @property
    def problem_rows(self) -> int:
        """How many rows of the last `batches` had a problem, those not listed included."""

    def notes(self) -> list[str]:
        """Return what else the user should know; complete once `batches` has ended."""


@dataclass(frozen=True, slots=True)
class OpenResult:
    """What opened, and what did not and why."""

    sources: list[FileSource] = field(default_factory=list)
    failures: list[FileFailure] = field(default_factory=list)
