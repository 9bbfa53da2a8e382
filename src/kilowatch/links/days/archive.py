"""Closed days of one level: a Parquet file a day, sorted by device, replaced whole or not at all.

Arrow is loaded with the first day that is closed or read: a process that only writes open days does without.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kilowatch.links.days.rows import DayRows
from kilowatch.links.journal import replacing, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kilowatch.links.days.rows import Column


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
        from kilowatch.links.days.day_file import generation_of

        return generation_of(path)

    def prepare(self, day: str, generation: int, rows: DayRows, mark: str) -> None:
        """Write beside a day's file what it becomes of a closed journal, for `adopt`, also in another process."""
        # A crash may have come after some levels had it: those are passed over, the others take it in now.
        if self.generation(day) < generation:
            from kilowatch.links.days.day_file import write

            path = self._beside(mark)
            write(path, generation, self._fold(self.whole(day), rows), self.columns)
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def adopt(self, day: str, mark: str) -> None:
        """Put what was prepared in the place of a day's file; nothing was where the journal is in it already."""
        path = self._beside(mark)
        if path.exists():
            path.replace(self._path(day))
            sync_folder(self._folder)

    def give_up(self, mark: str) -> None:
        """Take away what was prepared."""
        self._beside(mark).unlink(missing_ok=True)

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
                # The same generation: the file still has all its journals, less one device.
                self._replace(path.stem, self.generation(path.stem), rows.without(site, device))

    def expire(self, before_day: str) -> None:
        """Delete the days before a day."""
        for path in self._paths():
            if path.stem < before_day:
                path.unlink()

    def _paths(self) -> Iterator[Path]:
        return iter(sorted(self._folder.glob("*.parquet")))

    def _beside(self, mark: str) -> Path:
        return self._folder / f"{mark}.new"

    def _path(self, day: str) -> Path:
        return self._folder / f"{day}.parquet"

    def _rows_of(self, path: Path, site: str, device: str) -> DayRows:
        from kilowatch.links.days.day_file import read_device

        return read_device(path, self.columns, site, device)

    def _rows(self, path: Path) -> DayRows:
        from kilowatch.links.days.day_file import read

        return read(path, self.columns)

    def _replace(self, day: str, generation: int, rows: DayRows) -> None:
        from kilowatch.links.days.day_file import write

        with replacing(self._path(day)) as fresh:
            write(fresh, generation, rows, self.columns)
