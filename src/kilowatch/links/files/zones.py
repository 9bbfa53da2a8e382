"""Local wall time to UTC, vectorised, with a stated rule for the two nights on which clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP_BACK_MS = 5 * 60_000
_WEEK = timedelta(days=7)


def check_zone(name: str) -> str:
    """Return a zone's name; `ConfigError` with the nearest known one where there is no such zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = get_close_matches(name, sorted(available_timezones()), n=1)
        raise ConfigError(f"There is no time zone {name!r}.", f"Did you mean {near[0]}?" if near else "") from error
    return name


@dataclass(frozen=True, slots=True)
class _Shifts:
    """Where a zone's offset changes: UTC ms of each change, and the offset in ms before and after it."""

    at_ms: NDArray[np.int64]
    before_ms: NDArray[np.int64]
    after_ms: NDArray[np.int64]


@lru_cache(maxsize=32)
def _shifts(name: str) -> _Shifts:
    zone = ZoneInfo(name)
    at, offsets = [], []
    day, end = datetime(1970, 1, 4, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
    offsets.append(_offset_ms(zone, day))
    while day < end:
        if _offset_ms(zone, day + _WEEK) != offsets[-1]:
            at.append(_change(zone, day, day + _WEEK))
            offsets.append(_offset_ms(zone, day + _WEEK))
        day += _WEEK
    every = np.array(offsets, dtype=np.int64)
    return _Shifts(np.array(at, dtype=np.int64), every[:-1], every[1:])


def _offset_ms(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return round(offset.total_seconds() * 1000)


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> int:
    """Return the UTC ms of the change between two moments, to the second."""
    first, last = int(low.timestamp()), int(high.timestamp())
    before = _offset_ms(zone, low)
    while last - first > 1:
        middle = (first + last) // 2
        same = _offset_ms(zone, datetime.fromtimestamp(middle, UTC)) == before
        first, last = (middle, last) if same else (first, middle)
    return last * 1000


class LocalClock:
    """Turns one source's local times into UTC.

    A time that the clock shows twice is the first pass, until the device's clock is seen to step back by more
    than 5 min within that hour; from there on it is the second. A time that the clock skips is read with the
    offset before the change. Both are counted.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.twice = 0
        self.skipped = 0
        self._highest: dict[tuple[int, int], int] = {}
        self._second: set[tuple[int, int]] = set()

    def to_utc(self, local_ms: NDArray[np.int64], slot: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return UTC ms of local ms, in the order in which they stand in the file."""
        shifts = _shifts(self.zone)
        if len(shifts.at_ms) == 0:
            fixed = _offset_ms(ZoneInfo(self.zone), datetime(1970, 1, 4, tzinfo=UTC))
            return local_ms - fixed
        # In local time a change is past for sure once it is past by both of its offsets, and begun once by one.
        settled = shifts.at_ms + np.maximum(shifts.before_ms, shifts.after_ms)
        past = np.searchsorted(settled, local_ms, side="right")
        offsets = np.append(shifts.before_ms[:1], shifts.after_ms)[past]
        coming = np.minimum(past, len(settled) - 1)
        begun = local_ms >= (shifts.at_ms + np.minimum(shifts.before_ms, shifts.after_ms))[coming]
        unclear = np.flatnonzero(begun & (past < len(settled)))
        if len(unclear):
            self._settle(unclear, local_ms, slot, offsets, coming)
        return local_ms - offsets

    def _settle(
        self,
        rows: NDArray[np.intp],
        local_ms: NDArray[np.int64],
        slot: NDArray[np.int32],
        offsets: NDArray[np.int64],
        shift: NDArray[np.intp],
    ) -> None:
        after = _shifts(self.zone).after_ms
        back = after[shift[rows]] < offsets[rows]
        self.skipped += int((~back).sum())
        self.twice += int(back.sum())
        # Few rows in a year fall in here, so a loop keeps the rule readable.
        for row in rows[back].tolist():
            if self._is_second((int(slot[row]), int(shift[row])), int(local_ms[row])):
                offsets[row] = after[shift[row]]

    def _is_second(self, key: tuple[int, int], local_ms: int) -> bool:
        highest = self._highest.get(key, local_ms)
        # Readings that come a little out of order are no clock that was set back.
        if local_ms < highest - _STEP_BACK_MS:
            self._second.add(key)
        self._highest[key] = max(highest, local_ms)
        return key in self._second

    def notes(self) -> list[str]:
        """Say how often the clock change mattered."""
        out = []
        if self.twice:
            out.append(f"{self.twice} local times occur twice in {self.zone} (clock set back); read in file order.")
        if self.skipped:
            out.append(
                f"{self.skipped} local times do not exist in {self.zone} (clock set forward): the logger's clock "
                "seems not to follow summer time. Name its fixed zone: --time-zone Etc/GMT-1 stands for UTC+1."
            )
        return out
