"""Local days: people live by the wall clock, also on the two days a year when clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.localtime import offset_ms
from kilowatch.core.samples import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

DAY_MS = 24 * HOUR_MS
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class LocalDay:
    """One day of a time zone: `number` days after 1970-01-01 on its wall clock."""

    number: int
    zone: str

    @property
    def start_ms(self) -> int:
        """Local midnight, UTC ms."""
        return int(self.utc_ms([0.0])[0])

    @property
    def end_ms(self) -> int:
        """The next local midnight, UTC ms: 23, 24 or 25 hours on."""
        return LocalDay(self.number + 1, self.zone).start_ms

    @property
    def weekend(self) -> bool:
        """Whether it is a Saturday or a Sunday."""
        # Day 0, 1970-01-01, was a Thursday.
        return (self.number + 3) % 7 >= _SATURDAY

    def utc_ms(self, hours: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
        """Return UTC ms, int64[n], at which the wall clock shows so many hours after midnight."""
        wall = self.number * DAY_MS + np.rint(np.asarray(hours) * HOUR_MS).astype(np.int64)
        # An offset belongs to an instant, and only the wall time is known: the second look mends the first.
        guess = wall - offset_ms(self.zone, wall)
        return wall - offset_ms(self.zone, guess)


def days_from(start_ms: int, zone: str) -> Iterator[LocalDay]:
    """Return the local day that holds start_ms and all that follow."""
    local = start_ms + int(offset_ms(zone, np.array([start_ms]))[0])
    number = local // DAY_MS
    while True:
        yield LocalDay(number, zone)
        number += 1
