"""Labelled events and the product's incidents as intervals of event time: what the operating point is measured on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kilowatch.errors import ReadingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Labelled intervals of one device, int64[e] UTC ms, sorted, `end_ms` the first instant after the event."""

    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]

    def __post_init__(self) -> None:
        _equal_lengths(self)
        if (self.end_ms <= self.start_ms).any() or (self.start_ms[1:] < self.end_ms[:-1]).any():
            raise ReadingError("Events must be sorted, must not overlap and must last.", "Merge them first.")

    def __len__(self) -> int:
        return len(self.start_ms)

    @classmethod
    def from_mask(cls, ts_ms: NDArray[np.int64], mask: NDArray[np.bool_], interval_ms: int) -> Self:
        """Return the runs of labelled samples; an event ends one interval after its last sample.

        Where samples come closer than the interval, an event ends at the next sample instead.
        """
        # Numbers, for a difference of bools has no sign; zeros around give runs at the ends an edge as well.
        edge = np.diff(mask.astype(np.int8), prepend=0, append=0)
        first, after = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
        ends = ts_ms[after - 1] + interval_ms
        inner = after < len(ts_ms)
        ends[inner] = np.minimum(ends[inner], ts_ms[after[inner]])
        return cls(ts_ms[first], ends)


@dataclass(frozen=True, slots=True)
class IncidentTimes:
    """Incidents of one device, int64[m] UTC ms, sorted by opening.

    first_ms: the first odd reading. open_ms: when the incident was opened, which is the alarm. close_ms: when it
    was cleared, or the end of the series where it still stands open then.
    """

    first_ms: NDArray[np.int64]
    open_ms: NDArray[np.int64]
    close_ms: NDArray[np.int64]

    def __post_init__(self) -> None:
        _equal_lengths(self)
        if (self.open_ms < self.first_ms).any() or (self.close_ms < self.open_ms).any():
            raise ReadingError("An incident begins, opens and closes in this order.", "Check first, open and close.")
        if (np.diff(self.open_ms) < 0).any():
            raise ReadingError("Incidents must be sorted by the time they opened.", "Use IncidentTimes.of.")

    def __len__(self) -> int:
        return len(self.open_ms)

    @classmethod
    def of(cls, first_ms: Any, open_ms: Any, close_ms: Any) -> Self:
        """Return incidents given in any order."""
        columns = [np.asarray(column, dtype=np.int64) for column in (first_ms, open_ms, close_ms)]
        order = np.argsort(columns[1], kind="stable")
        return cls(*(column[order] for column in columns))

    def keep(self, mask: NDArray[np.bool_]) -> Self:
        """Return the incidents where mask is True."""
        return replace(self, **{field.name: getattr(self, field.name)[mask] for field in fields(self)})


def _equal_lengths(times: EventTimes | IncidentTimes) -> None:
    lengths = {field.name: len(getattr(times, field.name)) for field in fields(times)}
    if len(set(lengths.values())) > 1:
        raise ReadingError(
            f"Columns differ in length: {', '.join(f'{n} {k}' for n, k in lengths.items())}.", "Check them."
        )
