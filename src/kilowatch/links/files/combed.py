"""COMBED: one folder a load, `{block}/{load}/{id}/{Power,Current,Energy}.csv`, epoch ms as a float, no header.

N. Batra et al., A comparison of non-intrusive load monitoring methods for commercial and residential
buildings, arXiv:1408.6595, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kilowatch.links.files.cells import numbers
from kilowatch.links.files.kinds import slug
from kilowatch.links.files.pages import Page, TextPages
from kilowatch.links.files.source import BATCH_ROWS, Format, PowerUnit, Problems, Unreadable
from kilowatch.links.files.table import TableSource
from kilowatch.links.files.text import guess_text, read_places
from kilowatch.links.files.times import TimeForm, TimeShape, read_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.links.files.source import ReadOptions

ZONE = "Asia/Kolkata"
POWER = "power.csv"
_SIDES = {"energy.csv": "energy_wh", "current.csv": "current_a"}
_EPOCH_MS = TimeShape(TimeForm.EPOCH, zoned=True, per_second=1000.0)
# Each file misses rows of its own; times of another clock would hardly ever meet.
_LINES_UP = 0.5


class Join(StrEnum):
    """How a side file meets the power."""

    TIME = "time"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class _Side:
    """A side file's column by time or by row number: key int64[m] ascending, value float64[m]."""

    column: str
    join: Join
    key: NDArray[np.int64]
    value: NDArray[np.float64]

    def at(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the value at each key, NaN where there is none."""
        place = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[place] == keys, self.value[place], np.nan)


class LoadPages:
    """The rows of a load's Power.csv, with what Energy.csv and Current.csv say at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = load_files(folder)
        self.power = _pages(self.files[POWER])
        self.said: list[str] = []
        self.sides: list[_Side] = []
        for name, column in _SIDES.items():
            if name in self.files:
                self._attach(self.files[name], column)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return (*self.power.names[:2], *(side.column for side in self.sides))

    def sample(self) -> list[Page]:
        """Return rows from places spread over the file."""
        pages = self.power.sample()
        # Row numbers are known on the first page alone, and a join by row needs them.
        exact = all(side.join is Join.TIME for side in self.sides)
        return [self._joined(page) for page in (pages if exact else pages[:1])]

    def estimated_rows(self) -> int:
        """Return about how many rows there are."""
        return self.power.estimated_rows()

    def read(self, columns: Sequence[str], rows: int, problems: Problems) -> Iterator[Page]:
        """Yield all rows in order."""
        own = [name for name in columns if name in self.power.names]
        for page in self.power.read(own, rows, problems):
            yield self._joined(page)

    def _joined(self, page: Page) -> Page:
        table = page.table
        time = read_times(page.column(self.power.names[0]), _EPOCH_MS).ms
        order = page.row - self.power.shape.skip
        for side in self.sides:
            value = side.at(time if side.join is Join.TIME else order)
            table = table.append_column(side.column, pa.array(value))
        return Page(page.path, table, page.row)

    def _attach(self, file: Path, column: str) -> None:
        """Join a side file on time where times line up, by row order where its times are spoilt, else leave it."""
        try:
            pages = _pages(file)
            time, value, row = _columns(pages)
        except (Unreadable, OSError) as error:
            self.said.append(f"{file.name} is left out: {error}.")
            return
        if self._share(time) >= _LINES_UP:
            order = np.argsort(time, kind="stable")
            self.sides.append(_Side(column, Join.TIME, time[order], value[order]))
        elif _spoilt(time) and len(row) == self._power_rows():
            self.sides.append(_Side(column, Join.ROW, row - pages.shape.skip, value))
            self.said.append(f"{file.name} has spoilt times and is joined by row order, as the row counts agree.")
        else:
            why = "has spoilt times and another number of rows" if _spoilt(time) else "holds other times"
            self.said.append(f"{file.name} is left out: it {why} than {self.files[POWER].name}.")

    def _share(self, time: NDArray[np.int64]) -> float:
        own = [read_times(page.column(self.power.names[0]), _EPOCH_MS).ms for page in self.power.sample()]
        return float(np.mean(np.isin(np.concatenate(own), time))) if own else 0.0

    def _power_rows(self) -> int:
        first = self.power.names[:1]
        return sum(len(page.row) for page in self.power.read(first, BATCH_ROWS, Problems()))


def load_files(folder: Path) -> dict[str, Path]:
    """Return the files of a load folder by name in lower case."""
    wanted = {POWER, *_SIDES}
    return {file.name.lower(): file for file in sorted(folder.iterdir()) if file.name.lower() in wanted}


def open_combed(folder: Path, options: ReadOptions) -> TableSource:
    """Open a load folder; `Unreadable` where its Power.csv is missing or no table."""
    if POWER not in load_files(folder):
        raise Unreadable("The folder has no Power.csv.", "Name a folder like Block/Load/0, or another format.")
    pages = LoadPages(folder)
    known = _known(folder.resolve(), pages, options)
    return TableSource(folder, Format.COMBED, pages, known, about="COMBED load", notes=pages.said)


def _known(folder: Path, pages: LoadPages, options: ReadOptions) -> ReadOptions:
    # Padded: a folder may lie nearer to the root than a load does in the data set.
    block, load, number = ("", "", *folder.parts)[-3:]
    time, power = pages.power.names[:2]
    columns = replace(options.columns, time=options.columns.time or time, power=options.columns.power or power)
    return replace(
        options,
        columns=columns,
        time_zone=options.time_zone or ZONE,
        unit=options.unit or PowerUnit.W,
        site=options.site or slug(block) or "combed",
        device=options.device or slug(f"{load}_{number}"),
    )


def _pages(file: Path) -> TextPages:
    shape = guess_text(file, read_places(file))
    if len(shape.names) < 2:
        raise Unreadable("Expected two columns: time and value.", "See the COMBED format.", row=1)
    return TextPages([file], shape)


def _columns(pages: TextPages) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return times, values and line numbers of a whole side file, 24 bytes a row."""
    times, values, rows = [], [], []
    names: Any = pages.names[:2]
    for page in pages.read(names, BATCH_ROWS, Problems()):
        times.append(read_times(page.column(names[0]), _EPOCH_MS).ms)
        values.append(numbers(page.column(names[1])).value)
        rows.append(page.row)
    if not rows:
        raise Unreadable("it has no rows.", "")
    return np.concatenate(times), np.concatenate(values), np.concatenate(rows)


def _spoilt(time: NDArray[np.int64]) -> bool:
    """Whether times were cut to a few digits, as a spreadsheet does: hardly any two differ."""
    return len(np.unique(time)) * 2 < len(time)
