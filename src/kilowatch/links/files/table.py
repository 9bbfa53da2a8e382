"""Generic tables, CSV and Parquet: a layout guessed from names and a sample, and one pass to read the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from kilowatch.core.device import Fleet
from kilowatch.links.files.cadence import infer_cadences
from kilowatch.links.files.decode import Decoder
from kilowatch.links.files.guess import guess_layout
from kilowatch.links.files.pages import TextPages
from kilowatch.links.files.parquet import ParquetPages
from kilowatch.links.files.refine import refine
from kilowatch.links.files.sample import Sample
from kilowatch.links.files.source import BATCH_ROWS, Format, Problems, Unreadable
from kilowatch.links.files.text import guess_text, read_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.links.files.layout import Layout
    from kilowatch.links.files.pages import Page, Pages
    from kilowatch.links.files.source import ReadOptions, RowProblem


class TableSource:
    """A `FileSource` over pages of any format, read by one layout."""

    def __init__(
        self,
        path: Path,
        form: Format,
        pages: Pages,
        options: ReadOptions,
        about: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        sampled = pages.sample()
        if not sampled:
            raise Unreadable("The file has no rows.", "Export it again, or leave it out.")
        layout = guess_layout(Sample(path, pa.concat_tables([page.table for page in sampled]), options))
        # Read by the guess first: whether it is kW, or a register counts up, only numbers tell.
        self.layout = refine(layout, _decoded(layout, sampled)[0], options)
        self.path = path
        self.format = form
        self._pages = pages
        self._about = about
        self._problems = Problems()
        self._opened_with = tuple(notes)
        self._clock_notes: list[str] = []
        self._devices = _records(self.layout, sampled, options)

    @property
    def reading_kind(self) -> str:
        """What was guessed, in words for the user."""
        return "; ".join(filter(None, (self._about, str(self.layout))))

    def devices(self) -> list[DeviceRecord]:
        """Return who is inside, inferred from a bounded sample of rows."""
        return list(self._devices)

    def estimated_rows(self) -> int:
        """Return about how many rows there are, to show progress."""
        return self._pages.estimated_rows()

    def batches(self, fleet: Fleet, rows: int = BATCH_ROWS) -> Iterator[ReadingBatch]:
        """Yield readings in file order, at most `rows` in a batch."""
        self._problems, self._clock_notes = Problems(), []
        for record in self._devices:
            if fleet.slot(record.site, record.device) is None:
                fleet.add(record)
        decoder = Decoder(self.layout, fleet, self._problems)
        for page in self._pages.read(self.layout.columns, rows, self._problems):
            batch = decoder.batch(page)
            # Pages of text are cut by bytes, and may hold more rows than were asked for.
            for start in range(0, len(batch), rows):
                yield batch if len(batch) <= rows else batch.take(slice(start, start + rows))
        self._clock_notes = decoder.clock.notes()

    def problems(self) -> list[RowProblem]:
        """Return the unreadable rows of the last `batches`, the first of each reason."""
        return list(self._problems.kept)

    @property
    def problem_rows(self) -> int:
        """How many rows of the last `batches` had a problem, those not listed included."""
        return self._problems.rows

    def notes(self) -> list[str]:
        """Return what else the user should know; complete once `batches` has ended."""
        return [*self._opened_with, *self._clock_notes]


def _decoded(layout: Layout, pages: list[Page]) -> tuple[list[ReadingBatch], Fleet]:
    fleet = Fleet()
    return [Decoder(layout, fleet, Problems()).batch(page) for page in pages], fleet


def _records(layout: Layout, pages: list[Page], options: ReadOptions) -> list[DeviceRecord]:
    pieces, fleet = _decoded(layout, pages)
    if not any(len(piece) for piece in pieces):
        raise Unreadable(
            "No row of the sample can be read.", f"It was read as: {layout}. Say it with --time-column, --power-column."
        )
    out = []
    for record, cadence in zip(fleet.records, infer_cadences(pieces, len(fleet)), strict=True):
        known: dict[str, Any] = {"reporting": cadence.reporting, "heartbeat_s": cadence.heartbeat_s}
        out.append(msgspec.structs.replace(record, interval_s=options.interval_s or cadence.interval_s, **known))
    return out


def open_csv(path: Path, options: ReadOptions) -> TableSource:
    """Open a text table; `Unreadable` where it is none."""
    shape = guess_text(path, read_places(path))
    return TableSource(path, Format.CSV, TextPages([path], shape), options, about=str(shape))


def open_parquet(path: Path, options: ReadOptions) -> TableSource:
    """Open a Parquet file; `Unreadable` where it is cut off."""
    return TableSource(path, Format.PARQUET, ParquetPages(path), options)
