"""The wall clock of each device: hour-of-week is local time, also on the two days a year when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from kilowatch.core.device import grown
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUARTER_MS = 900_000
"""Every zone in use changes its offset at a whole quarter of an hour UTC."""


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name; `ConfigError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"Time zone {name!r} is not known.", "Use an IANA name such as Europe/Berlin or Asia/Kolkata."
        ) from error


@lru_cache(maxsize=65_536)
def _offset_of_quarter(name: str, quarter: int) -> int:
    at = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone(name))
    offset = at.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


def offset_ms(name: str, ts_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the zone's offset from UTC at each time, int64[n] ms."""
    if name == "UTC" or len(ts_ms) == 0:
        return np.zeros(len(ts_ms), dtype=np.int64)
    quarters = ts_ms // _QUARTER_MS
    low, high = int(quarters.min()), int(quarters.max())
    first, last = _offset_of_quarter(name, low), _offset_of_quarter(name, high)
    # No zone changes its clock twice within a day: where both ends agree, all between them does.
    if first == last and high - low < 24 * 4:
        return np.full(len(ts_ms), first, dtype=np.int64)
    days = np.unique(np.append(quarters // 96, quarters // 96 + 1))
    at_midnight = np.array([_offset_of_quarter(name, int(day) * 96) for day in days], dtype=np.int64)
    place = np.searchsorted(days, quarters // 96)
    offsets = at_midnight[place]
    # Between equal midnights nothing changed, so that years of readings cost one look-up a day.
    changing = np.flatnonzero(offsets != at_midnight[place + 1])
    if len(changing):
        unique, inverse = np.unique(quarters[changing], return_inverse=True)
        offsets[changing] = np.array([_offset_of_quarter(name, int(q)) for q in unique], dtype=np.int64)[inverse]
    return offsets


class LocalTimes:
    """The zone of every device, as a small number over slots."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._zone_of = np.zeros(0, dtype=np.int16)

    def assign(self, slot: int, name: str) -> None:
        """Set a device's zone; `ConfigError` where the zone is not known."""
        zone(name)
        if name not in self._names:
            self._names.append(name)
        if slot >= len(self._zone_of):
            self._zone_of = grown(self._zone_of, max(64, 2 * slot))
        self._zone_of[slot] = self._names.index(name)

    def local_ms(self, slot: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ts_ms on each device's wall clock, int64[n]."""
        if len(self._names) == 1:
            return ts_ms + offset_ms(self._names[0], ts_ms)
        local = ts_ms.copy()
        zones = self._zone_of[slot]
        for number in np.unique(zones):
            rows = zones == number
            local[rows] += offset_ms(self._names[number], ts_ms[rows])
        return local
