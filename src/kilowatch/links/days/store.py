"""A store that appends at once, survives kill -9 at any moment, and keeps a Parquet file a day.

1. Rows go to the journal of their UTC day, and stay in memory while that day is open.
2. Of a third open day the one that was longest not written to is closed: each archive folds the journal into the
   day's file, which remembers the journal's number, and is replaced whole.
3. Then the journal goes. Where a crash came between 2 and 3, its number says that it is in the file already.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import DAY_MS
from kilowatch.links.days.rows import DayRows
from kilowatch.links.folder_lock import FolderLock
from kilowatch.links.journal import Journal, is_full, replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kilowatch.links.days.archive import Archive
    from kilowatch.links.days.rows import Column

OPEN_DAYS = 2
_MOST_PARTS = 512


def day_of(ts_ms: int) -> str:
    """Return the UTC day of a time, as its files are named."""
    return datetime.fromtimestamp(ts_ms // DAY_MS * 86_400, UTC).strftime("%Y-%m-%d")


@dataclass(slots=True)
class _OpenDay:
    """journal is None where the disk had no room to begin one. unsaved: rows that are in memory alone."""

    journal: Journal | None
    generation: int
    parts: list[DayRows]
    unsaved: int = 0

    def rows(self) -> DayRows:
        """Return all rows of the day in the order of their arrival."""
        if len(self.parts) > 1:
            self.parts = [DayRows.join(self.parts)]
        return self.parts[0]


class DayStore:
    """Open days over archives of closed ones. One process at a time; not for several threads at once.

    apart: closes the journal of a day and its number in another process; False where it could not, and it is done here.
    """

    def __init__(
        self,
        folder: Path,
        columns: Sequence[Column],
        archives: Sequence[Archive],
        *,
        sync: bool = False,
        apart: Callable[[str, int], bool] | None = None,
    ) -> None:
        self._folder = folder
        self._columns = columns
        self._archives = archives
        self._sync = sync
        self._apart = apart
        self._open: dict[str, _OpenDay] = {}
        self._lock = FolderLock(folder)
        try:
            for path in sorted(folder.glob("*.journal")):
                self._load(path)
        except BaseException:
            self._lock.close()
            raise

    def append(self, rows: DayRows) -> None:
        """Keep rows. On a full disk they stay in memory until their day is closed, counted in `unsaved_rows`."""
        days = rows.ts_ms // DAY_MS
        for number in np.unique(days).tolist():
            own = rows if days[0] == number == days[-1] and (days == number).all() else rows.take(days == number)
            self._append(day_of(number * DAY_MS), own)

    def rows(self, site: str, device: str, from_ms: int, to_ms: int) -> DayRows:
        """Return a device's rows of open days with from_ms <= ts_ms < to_ms, in the order of their arrival."""
        parts = [DayRows.none(self._columns)]
        for day in sorted(self._open):
            rows = self._open[day].rows()
            parts.append(rows.take(rows.of(site, device) & (rows.ts_ms >= from_ms) & (rows.ts_ms < to_ms)))
        return DayRows.join(parts)

    @property
    def unsaved_rows(self) -> int:
        """Rows of open days that a full disk left in memory alone."""
        return sum(day.unsaved for day in self._open.values())

    @property
    def open_days(self) -> tuple[tuple[str, int], ...]:
        """The open days and their generations: as long as it is the same, no day was opened or closed."""
        return tuple((day, one.generation) for day, one in sorted(self._open.items()))

    def erase(self, site: str, device: str) -> None:
        """Take a device out of open and closed days."""
        for day in self._open.values():
            rows = day.rows()
            if (site, device) in rows.names:
                self._rewrite(day, rows.without(site, device))
        for archive in self._archives:
            archive.erase(site, device)

    def close(self) -> None:
        """Let the next one have the folder; open days stay open."""
        for day in self._open.values():
            if day.journal is not None:
                day.journal.close()
        self._lock.close()

    def _append(self, day: str, rows: DayRows) -> None:
        # Taken out and put in last: the order of the dict is that of the last writes, so the first is the one to close.
        open_day = self._open.pop(day, None) or self._begin(day)
        self._open[day] = open_day
        open_day.parts.append(rows)
        if len(open_day.parts) > _MOST_PARTS:
            open_day.rows()
        if not self._write(day, open_day, rows):
            open_day.unsaved += len(rows)
        # Two days stay open: around midnight devices write to both, and to close a day rewrites its file.
        while len(self._open) > OPEN_DAYS and self._close_day(next(iter(self._open))):
            pass

    def _begin(self, day: str) -> _OpenDay:
        # Above what any archive has, so that none takes this journal for one that is in its file.
        generation = max(archive.generation(day) for archive in self._archives) + 1
        return _OpenDay(None, generation, [DayRows.none(self._columns)])

    def _write(self, day: str, open_day: _OpenDay, rows: DayRows) -> bool:
        """Bring rows to the disk, and return whether it had room."""
        try:
            if open_day.journal is None:
                path = self._folder / f"{day}.{open_day.generation}.journal"
                open_day.journal = Journal(path, sync=self._sync)
            open_day.journal.append(rows.packed())
        except OSError as error:
            if not is_full(error):
                raise
            return False
        return True

    def _close_day(self, day: str) -> bool:
        """Fold a day into the archives; a full disk leaves it open."""
        closing = self._open[day]
        try:
            if not self._is_closed_apart(day, closing):
                self._close_here(day, closing)
        except OSError as error:
            if not is_full(error):
                raise
            return False
        # Only once every archive has it: until then the journal is all that a crash would leave.
        if closing.journal is not None:
            closing.journal.close()
            closing.journal.path.unlink()
        del self._open[day]
        return True

    def _is_closed_apart(self, day: str, closing: _OpenDay) -> bool:
        """Let another process close a day, whose journal must have all of it."""
        # What a full disk kept in memory is in no journal, and another process sees the journal alone.
        if self._apart is None or closing.journal is None or closing.unsaved:
            return False
        return self._apart(day, closing.generation)

    def _close_here(self, day: str, closing: _OpenDay) -> None:
        mark = f"{day}.{os.getpid()}"
        try:
            # All before any is adopted: a level that has this journal passes over rows that come to it later.
            for archive in self._archives:
                archive.prepare(day, closing.generation, closing.rows(), mark)
        except OSError:
            for archive in self._archives:
                archive.give_up(mark)
            raise
        for archive in self._archives:
            archive.adopt(day, mark)

    def _load(self, path: Path) -> None:
        day, number, _ = path.name.split(".")
        generation = int(number)
        # The crash came after step 2: the file has it, and to load it would count its rows twice.
        known = [archive.generation(day) >= generation for archive in self._archives]
        if all(known):
            path.unlink()
            return
        journal = Journal(path, sync=self._sync)
        parts = [DayRows.unpacked(block, self._columns) for block in journal.blocks()]
        rows = DayRows.join([DayRows.none(self._columns), *parts])
        self._open[day] = _OpenDay(journal, generation, [rows])
        # It came between two levels: rows that are late would never get to the one that has this number.
        if any(known):
            self._close_day(day)

    def _rewrite(self, day: _OpenDay, rows: DayRows) -> None:
        day.parts = [rows]
        if day.journal is None:
            return
        path = day.journal.path
        with replacing(path) as fresh:
            journal = Journal(fresh, sync=self._sync)
            journal.append(rows.packed())
            journal.close()
        day.journal.close()
        day.journal, day.unsaved = Journal(path, sync=self._sync), 0
