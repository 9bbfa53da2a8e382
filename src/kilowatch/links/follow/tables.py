"""Rows of CSV and Parquet files to readings, by the columns that the reader of histories finds in them."""

from __future__ import annotations

import logging
import math
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from kilowatch.core.events import WIRE_V, Reading
from kilowatch.errors import ReadingError
from kilowatch.links.files.chunks import Chunk
from kilowatch.links.files.decode import Decoder
from kilowatch.links.files.kinds import device_of
from kilowatch.links.files.pages import TextPages
from kilowatch.links.files.parquet import ParquetPages
from kilowatch.links.files.source import Format, Problems, Unreadable
from kilowatch.links.files.table import TableSource
from kilowatch.links.files.text import guess_text, read_head, read_places, unify_lines
from kilowatch.links.follow.pieces import Piece, Row, lines_of, next_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files.layout import Layout
    from kilowatch.links.files.pages import Page
    from kilowatch.links.files.source import ReadOptions, RowProblem
    from kilowatch.links.follow.candidates import Candidate
    from kilowatch.links.follow.places import Place

log = logging.getLogger("kilowatch.files")
_ENOUGH_LINES = 20
_PIECE_ROWS = 8192
_NO_POWER = "The row has no power."
_encode = msgspec.json.Encoder().encode


class Refusals(Problems):
    """Every row that is no reading: its number, the reason, and what stands there where that is known."""

    def __init__(self) -> None:
        super().__init__()
        self.every: list[tuple[int, str, str]] = []

    def add(self, problem: RowProblem) -> None:
        """Keep a row, or rows that are lost together."""
        if problem.rows:
            self.every.append((problem.row, problem.reason, problem.text))

    def add_rows(
        self, path: Path, reason: str, rows: NDArray[np.int64], texts: Iterator[str], lost: bool = True
    ) -> None:
        """Keep rows that share a reason; where only a cell is lost, the reading goes on without it."""
        del path
        if lost:
            self.every += [(row, reason, text) for row, text in zip(rows.tolist(), texts, strict=True)]


class TextTable:
    """One text table that grows.

    fleet: of all files of the source; it gains who is met. name: the path that devices are called by.
    """

    def __init__(self, source: str, fleet: Fleet, options: ReadOptions, name: Path) -> None:
        self._source, self._fleet, self._options, self._name = source, fleet, options, name
        self._pages: TextPages | None = None
        self._decoder: Decoder | None = None

    def pieces(self, file: Candidate, place: Place | None, *, is_over: bool) -> Iterator[Piece]:
        """Yield readings; a table of which too little stands there to tell its columns waits until there is more."""
        if self._decoder is None:
            with _told():
                if not self._open(file.path, is_over=is_over):
                    return
        at, line = (0, 0) if place is None else (place.at, place.line)
        while data := next_lines(file.path, at, is_over=is_over):
            rows, lines = self._rows(file.path, data, line)
            at, line = at + len(data), line + lines
            yield Piece(rows, at, line)

    def _open(self, path: Path, *, is_over: bool) -> bool:
        head = read_head(path)[0]
        lines = head.count(b"\n")
        # A header alone tells nothing yet, and half a line would be taken for a row of another shape.
        if not (lines >= _ENOUGH_LINES or (lines > 1 and head.endswith(b"\n")) or (is_over and head.strip())):
            return False
        shape = guess_text(path, read_places(path))
        if shape.encoding.startswith("utf-16"):
            raise Unreadable("A file in UTF-16 cannot be followed.", "Let it be written in UTF-8.")
        self._pages = TextPages([path], shape)
        table = TableSource(path, Format.CSV, self._pages, self._options, about=str(shape))
        self._decoder = Decoder(_named(table.layout, self._name, self._options), self._fleet, Refusals())
        log.info("%s is read as %s", path, table.reading_kind)
        return True

    def _rows(self, path: Path, data: bytes, before: int) -> tuple[list[Row], int]:
        """Return the rows of whole lines, and how many lines those are. before: lines of the file before them."""
        if self._pages is None or self._decoder is None:
            return [], 0
        shape = self._pages.shape
        text, lines = unify_lines(data.decode(shape.encoding, errors="replace")), lines_of(data)
        refused = self._decoder.problems = Refusals()
        skip = shape.skip if before == 0 else 0
        columns = self._decoder.layout.columns
        page = self._pages.page(path, Chunk(text.encode(), before + 1), columns, refused, skip)
        rows = readings(self._decoder.batch(page), self._fleet, self._source, path.name)
        # As it stands in the file: what was taken apart is not what came.
        rows += [
            Row(lines[number - before - 1], f"{path.name}, line {number}: {reason}")
            for number, reason, _ in refused.every
        ]
        return rows, len(lines)


class ParquetTable:
    """One Parquet file, read once it is whole. fleet, name: as of `TextTable`."""

    def __init__(self, source: str, fleet: Fleet, options: ReadOptions, name: Path) -> None:
        self._source, self._fleet, self._options, self._name = source, fleet, options, name

    def pieces(self, file: Candidate, place: Place | None, *, is_over: bool) -> Iterator[Piece]:
        """Yield readings, from the row on at which reading has ended before."""
        del is_over
        before = 0 if place is None else place.at
        with _told():
            pages = ParquetPages(file.path)
            if before >= pages.estimated_rows():
                return
            table = TableSource(file.path, Format.PARQUET, pages, self._options)
        log.info("%s is read as %s", file.path, table.reading_kind)
        refused = Refusals()
        decoder = Decoder(_named(table.layout, self._name, self._options), self._fleet, refused)
        for page in pages.read(table.layout.columns, _PIECE_ROWS, refused):
            fresh = page.keep(page.row > before)
            if len(fresh.row):
                before = int(fresh.row[-1])
                yield self._piece(decoder, fresh, refused, before)
        # What was lost behind the last row that could be decoded, and the end as the place.
        yield self._piece(decoder, None, refused, pages.estimated_rows())

    def _piece(self, decoder: Decoder, page: Page | None, refused: Refusals, at: int) -> Piece:
        name = self._name.name
        rows = [] if page is None else readings(decoder.batch(page), self._fleet, self._source, name)
        rows += [Row(text.encode(), f"{name}, row {number}: {reason}") for number, reason, text in refused.every]
        refused.every.clear()
        return Piece(rows, at, at)


def _named(layout: Layout, name: Path, options: ReadOptions) -> Layout:
    """Return a layout whose device is called by a file's first name, and not by the one it was put aside under."""
    return layout if options.device else replace(layout, device=device_of(name))


@contextmanager
def _told() -> Iterator[None]:
    """Tell what cannot be understood as an error of ours, with a hint that speaks of settings."""
    try:
        yield
    except Unreadable as error:
        raise ReadingError(str(error), re.sub(r"--(\w+)-column", r"columns.\1", error.hint)) from error
    except pa.ArrowException as error:
        raise ReadingError(f"It is no table that is understood ({error}).", "Let it be written as CSV.") from error


def readings(batch: ReadingBatch, fleet: Fleet, source: str, file: str) -> list[Row]:
    """Return a message for each reading; one without power has its reason beside it."""
    on: list[Any] = [-1] * len(batch) if batch.on is None else batch.on.tolist()
    columns = zip(
        batch.slot.tolist(),
        batch.ts_ms.tolist(),
        batch.power_w.tolist(),
        *(_column(column, len(batch)) for column in (batch.energy_wh, batch.voltage_v, batch.current_a)),
        on,
        strict=True,
    )
    rows = []
    for slot, ts_ms, power_w, energy_wh, voltage_v, current_a, is_on in columns:
        reading = Reading(
            v=WIRE_V,
            site=fleet.records.sites[slot],
            device=fleet.records.devices[slot],
            ts_ms=ts_ms,
            power_w=power_w,
            energy_wh=energy_wh,
            voltage_v=voltage_v,
            current_a=current_a,
            on=None if is_on < 0 else is_on > 0,
            source=source,
        )
        rows.append(Row(_encode(reading), None if math.isfinite(power_w) else f"{file}: {_NO_POWER}"))
    return rows


def _column(column: NDArray[Any] | None, size: int) -> list[float | None]:
    """Return numbers, None where one is missing; of float32 the shortest text that reads back as the same."""
    if column is None:
        return [None] * size
    values = column.tolist() if column.dtype.itemsize > 4 else [float(str(value)) for value in column]
    return [None if value != value else value for value in values]
