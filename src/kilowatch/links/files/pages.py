"""Pages: some rows of a file as Arrow columns with the number of each row, from text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import csv

from kilowatch.links.files.chunks import Chunk, read_chunks
from kilowatch.links.files.source import Problems, RowProblem
from kilowatch.links.files.text import PLACES, place_texts, read_head, read_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.links.files.text import TextShape

_ROW_BYTES = 32
_SMALLEST_CHUNK, _LARGEST_CHUNK = 1 << 16, 1 << 22


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one file: an Arrow table of the columns asked for, and int64[n] line or row numbers from 1."""

    path: Path
    table: Any
    row: NDArray[np.int64]

    def column(self, name: str) -> Any:
        """Return one column as an Arrow array."""
        return self.table.column(name).combine_chunks()

    def keep(self, mask: NDArray[np.bool_]) -> Page:
        """Return the rows where mask is True."""
        return Page(self.path, self.table.filter(pa.array(mask)), self.row[mask])

    def raw(self, mask: NDArray[np.bool_]) -> Iterator[str]:
        """Yield the text of the rows where mask is True, as long as someone asks."""
        for row in np.flatnonzero(mask).tolist():
            yield ", ".join(str(column[row].as_py()) for column in self.table.columns)


class Pages(Protocol):
    """Everything a file or a chain of files holds, page by page."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""

    def sample(self) -> list[Page]:
        """Return rows from places spread over the file, in order; line numbers hold on the first page only."""

    def estimated_rows(self) -> int:
        """Return about how many rows there are; `sample` comes first."""

    def read(self, columns: Sequence[str], rows: int, problems: Problems) -> Iterator[Page]:
        """Yield all rows in order, about `rows` to a page; rows that do not parse go to `problems`."""


class TextPages:
    """Text tables of one shape, one after another."""

    def __init__(self, files: Sequence[Path], shape: TextShape) -> None:
        self.files = tuple(files)
        self.shape = shape
        self._row_bytes = float(_ROW_BYTES)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.shape.names

    def sample(self) -> list[Page]:
        """Return rows from places spread over the file, or from the starts of files spread over the chain."""
        spread = np.unique(np.linspace(0, len(self.files) - 1, PLACES).astype(int)).tolist()
        out, read_bytes = [], 0
        for file in (self.files[index] for index in spread):
            pieces = read_places(file) if len(self.files) == 1 else read_head(file)
            read_bytes += sum(map(len, pieces))
            for place, text in enumerate(place_texts(pieces, self.shape.encoding)):
                chunk = Chunk(text.encode(), 1)
                out.append(self.page(file, chunk, self.names, Problems(), self.shape.skip if place == 0 else 0))
        self._row_bytes = read_bytes / max(sum(len(page.row) for page in out), 1)
        return [page for page in out if len(page.row)]

    def estimated_rows(self) -> int:
        """Return about how many rows there are, by the bytes of a sampled row."""
        return round(sum(file.stat().st_size for file in self.files) / self._row_bytes)

    def read(self, columns: Sequence[str], rows: int, problems: Problems) -> Iterator[Page]:
        """Yield all rows in order; rows that do not parse go to `problems`."""
        size = min(max(rows * _ROW_BYTES, _SMALLEST_CHUNK), _LARGEST_CHUNK)
        for file in self.files:
            for chunk in read_chunks(file, self.shape.encoding, size):
                skip = self.shape.skip if chunk.line == 1 else 0
                yield self.page(file, chunk, columns, problems, skip)

    def page(self, path: Path, chunk: Chunk, columns: Sequence[str], problems: Problems, skip: int) -> Page:
        """Return the rows of a chunk but for its first `skip` lines; rows that do not parse go to `problems`."""
        tables, numbers = [], []
        for table, row in self._tables(path, _without_head(chunk, skip), columns, problems):
            tables.append(table)
            numbers.append(row)
        if not tables:
            return Page(path, _empty(columns), np.empty(0, dtype=np.int64))
        return Page(path, pa.concat_tables(tables).combine_chunks(), np.concatenate(numbers))

    def _tables(
        self, path: Path, chunk: Chunk, columns: Sequence[str], problems: Problems
    ) -> Iterator[tuple[Any, NDArray[np.int64]]]:
        """Parse a chunk; where an open quote swallows lines or the parser gives up, parse its halves."""
        if not chunk.data:
            return
        torn: list[RowProblem] = []
        lines = chunk.data.count(b"\n") + (not chunk.data.endswith(b"\n"))
        try:
            table = self._parse(path, chunk, columns, torn)
        except pa.ArrowInvalid:
            table = None
        # Every line is a row or torn: where they are fewer, an open quote has made one row of several lines.
        if table is not None and table.num_rows + len(torn) == lines:
            for problem in torn:
                problems.add(problem)
            yield table, _row_numbers(chunk.line, lines, torn)
        elif lines == 1:
            text = chunk.data[:200].decode(errors="replace")
            problems.add(RowProblem(path, chunk.line, "The line is no row of a table (an open quote?).", text))
        else:
            for half in _halves(chunk, lines):
                yield from self._tables(path, half, columns, problems)

    def _parse(self, path: Path, chunk: Chunk, columns: Sequence[str], torn: list[RowProblem]) -> Any:
        def note(row: Any) -> str:
            reason = f"The line has {row.actual_columns} columns instead of {row.expected_columns}."
            torn.append(RowProblem(path, chunk.line + row.number - 1, reason, row.text[:200]))
            return "skip"

        return csv.read_csv(
            pa.BufferReader(chunk.data),
            # No threads: only then does the parser tell the number of a torn row.
            read_options=csv.ReadOptions(
                use_threads=False, block_size=len(chunk.data) + 1, column_names=list(self.names)
            ),
            parse_options=csv.ParseOptions(
                delimiter=self.shape.delimiter,
                quote_char='"' if self.shape.quoted else False,
                # So that rows can be counted against lines.
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=csv.ConvertOptions(
                # All as text: types that are guessed would differ from chunk to chunk.
                column_types=dict.fromkeys(self.names, pa.string()),
                include_columns=list(dict.fromkeys(columns)),
                strings_can_be_null=False,
            ),
        )


def _without_head(chunk: Chunk, lines: int) -> Chunk:
    start = 0
    for _ in range(lines):
        start = chunk.data.find(b"\n", start) + 1
        if start == 0:
            return Chunk(b"", chunk.line + lines)
    return Chunk(chunk.data[start:], chunk.line + lines)


def _halves(chunk: Chunk, lines: int) -> tuple[Chunk, Chunk]:
    ends = np.flatnonzero(np.frombuffer(chunk.data, dtype=np.uint8) == ord("\n"))
    middle = max(lines // 2, 1)
    cut = int(ends[middle - 1]) + 1
    return Chunk(chunk.data[:cut], chunk.line), Chunk(chunk.data[cut:], chunk.line + middle)


def _row_numbers(first: int, lines: int, torn: list[RowProblem]) -> NDArray[np.int64]:
    rows = np.arange(first, first + lines, dtype=np.int64)
    return rows if not torn else np.delete(rows, [problem.row - first for problem in torn])


def _empty(columns: Sequence[str]) -> Any:
    return pa.table({name: pa.array([], pa.string()) for name in columns})
