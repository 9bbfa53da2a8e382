"""History on the edge: the last days one by one in memory and journal, closed days as Parquet files.

A day is rolled up when it is closed, from its single samples: what came twice after a crash counts once.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.history import (
    DAY_MS,
    FIVE_MINUTES_MS,
    Buckets,
    HistoryRows,
    HistorySeries,
    Retention,
    bucketed,
    coarse_step_for,
    step_for,
)
from kilowatch.errors import StateError
from kilowatch.links.days import Archive, Column, DayRows, DayStore
from kilowatch.links.days.store import day_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_TRIES = 3
SINGLE = (
    Column("power_w", "float32"),
    Column("score", "float32"),
    Column("low_w", "float32"),
    Column("high_w", "float32"),
    Column("keep", "bool"),
)
_ROLLED = (
    Column("samples", "int64"),
    Column("total_dw", "int64"),
    Column("min_w", "float64"),
    Column("max_w", "float64"),
    Column("score", "float64"),
    Column("low_w", "float64"),
    Column("high_w", "float64"),
)


class EdgeHistory:
    """Keeps `kilowatch.core.ports.History` in a folder of one process.

    Pages ask from threads of their own. Open days are shared under a lock, which whoever appends never holds for
    long; files of closed days are read outside it, and read again where a day was closed meanwhile.
    apart: days are closed in a process of their own.
    """

    def __init__(
        self, folder: Path, retention: Retention | None = None, *, sync: bool = False, apart: bool = False
    ) -> None:
        self._folder = folder
        self._retention = retention or Retention()
        self._rolled, self._single = self._levels = archives_of(folder, self._retention)
        close = self._close_apart if apart else None
        self._store = DayStore(folder, SINGLE, self._levels, sync=sync, apart=close)
        # To be taken again: the last try of `query` holds it while its parts ask for open rows.
        self._lock = threading.RLock()

    def append(self, rows: HistoryRows) -> None:
        """Keep judged samples; all of them one by one for as long as their day is open."""
        if len(rows):
            values = (rows.power_w, rows.score, rows.low_w, rows.high_w, rows.keep)
            with self._lock:
                self._store.append(DayRows(rows.names, rows.device, rows.ts_ms, values))

    def query(self, site: str, device: str, from_ms: int, to_ms: int, points: int) -> HistorySeries:
        """Return a device's past between two times in at most `points` buckets, at the finest level kept."""
        for _ in range(_TRIES):
            # A day closed after its file was looked for, and before open days are asked, would be in neither.
            before = self._open_days()
            with suppress(StateError):  # a file that has just grown too old
                series = self._query(site, device, from_ms, to_ms, points)
                if self._open_days() == before:
                    return series
        # Days were closed under every try, as while a backlog comes in: now whoever appends waits for us.
        with self._lock:
            return self._query(site, device, from_ms, to_ms, points)

    def _open_days(self) -> tuple[tuple[str, int], ...]:
        with self._lock:
            return self._store.open_days

    def _open_rows(self, site: str, device: str, from_ms: int, to_ms: int) -> DayRows:
        with self._lock:
            return self._store.rows(site, device, from_ms, to_ms)

    def _query(self, site: str, device: str, from_ms: int, to_ms: int, points: int) -> HistorySeries:
        step_ms = step_for(from_ms, to_ms, points)
        if step_ms < FIVE_MINUTES_MS:
            single = self._singles(site, device, from_ms, to_ms)
            # None: single samples of that time were not worth keeping, or are expired, and the buckets still tell it.
            if len(single):
                return HistorySeries(step_ms, bucketed(_history_rows(single), step_ms))
        step_ms = coarse_step_for(from_ms, to_ms, points)
        return HistorySeries(step_ms, self._buckets(site, device, from_ms, to_ms).grouped(step_ms))

    def expire(self, now_ms: int) -> None:
        """Forget the days that are older than their level is kept."""
        self._single.expire(day_of(max(0, now_ms - self._retention.single_days * DAY_MS)))
        self._rolled.expire(day_of(max(0, now_ms - self._retention.five_minute_days * DAY_MS)))

    def erase(self, site: str, device: str) -> None:
        """Forget a device."""
        with self._lock:
            self._store.erase(site, device)

    def close(self) -> None:
        """Let the next one have the folder."""
        with self._lock:
            self._store.close()

    @property
    def unsaved_rows(self) -> int:
        """Samples that a full disk left in memory alone."""
        return self._store.unsaved_rows

    def _singles(self, site: str, device: str, from_ms: int, to_ms: int) -> DayRows:
        closed = self._single.read(site, device, day_of(from_ms), day_of(to_ms))
        # A time is the end of the interval that a value stands for: a span is open at its start and closed at its end.
        closed = closed.take((closed.ts_ms > from_ms) & (closed.ts_ms <= to_ms))
        return _once(DayRows.join([closed, self._open_rows(site, device, from_ms + 1, to_ms + 1)]))

    def _buckets(self, site: str, device: str, from_ms: int, to_ms: int) -> Buckets:
        closed = _buckets(self._rolled.read(site, device, day_of(from_ms), day_of(to_ms)))
        kept = (closed.start_ms + FIVE_MINUTES_MS > from_ms) & (closed.start_ms < to_ms)
        newest = bucketed(_history_rows(_once(self._open_rows(site, device, from_ms + 1, to_ms + 1))))
        parts = [_taken(closed, kept), newest]
        return Buckets.join([_renumbered(part) for part in parts])

    def _close_apart(self, day: str, generation: int) -> bool:
        from kilowatch.links.history.closing import close_apart

        return close_apart(self._folder, day, generation, self._retention, self._levels)


def archives_of(folder: Path, retention: Retention) -> tuple[Archive, Archive]:
    """Return the levels of a folder: five minutes, single samples."""
    rolled = Archive(folder / "five_minutes", _ROLLED, _fold_rolled)
    return rolled, Archive(folder / "single", SINGLE, partial(_fold_single, retention.lead_s * 1000))


def _fold_single(lead_ms: int, old: DayRows, new: DayRows) -> DayRows:
    """Keep of a closed day what was worth it, and the time before it."""
    rows = _once(DayRows.join([old, new]))
    return rows.take(_leading_up(rows, lead_ms))


def _leading_up(rows: DayRows, lead_ms: int) -> NDArray[np.bool_]:
    """Return where a row is worth keeping or comes at most `lead_ms` before one of its device that is."""
    kept = rows.values[-1]
    # All devices on one line, each farther from the next than a lead reaches: one search serves them together.
    # int64, since int32 numbers of devices times milliseconds would not fit.
    span = np.int64(rows.ts_ms.max(initial=0) - rows.ts_ms.min(initial=0) + lead_ms + 1)
    place = rows.device * span + rows.ts_ms - rows.ts_ms.min(initial=0)
    worth = np.sort(place[kept])
    following = np.searchsorted(worth, place)
    near = np.append(worth, np.iinfo(np.int64).max)[following] - place <= lead_ms
    same = np.append(worth // span, -1)[following] == rows.device
    return near & same


def _once(rows: DayRows) -> DayRows:
    """Return rows in order of device and time, of several at one time the one that came last."""
    order = np.lexsort((np.arange(len(rows)), rows.ts_ms, rows.device))
    device, ts_ms = rows.device[order], rows.ts_ms[order]
    is_last = np.ones(len(order), dtype=np.bool_)
    is_last[:-1] = (device[1:] != device[:-1]) | (ts_ms[1:] != ts_ms[:-1])
    return rows.take(order[is_last])


def _fold_rolled(old: DayRows, new: DayRows) -> DayRows:
    once = _once(new)
    fresh = _day_rows(bucketed(_history_rows(once)), once.names)
    both = DayRows.join([old, fresh])
    return _day_rows(_buckets(both).grouped(FIVE_MINUTES_MS), both.names)


def _history_rows(rows: DayRows) -> HistoryRows:
    return HistoryRows(rows.names, rows.device, rows.ts_ms, *rows.values)


def _buckets(rows: DayRows) -> Buckets:
    return Buckets(rows.device, rows.ts_ms, *rows.values)


def _taken(buckets: Buckets, rows: NDArray[np.bool_]) -> Buckets:
    columns = _day_rows(buckets, ()).take(rows)
    return _buckets(columns)


def _renumbered(buckets: Buckets) -> Buckets:
    """Return one device's buckets under the number 0, whatever it had in its file."""
    rows = _day_rows(buckets, ())
    return Buckets(np.zeros(len(rows), dtype=np.int32), rows.ts_ms, *rows.values)


def _day_rows(buckets: Buckets, names: tuple[tuple[str, str], ...]) -> DayRows:
    b = buckets
    values = (b.samples, b.total_dw, b.min_w, b.max_w, b.score, b.low_w, b.high_w)
    return DayRows(names, b.device, b.start_ms, values)
