"""The series that injections change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Trace:
    """One device's series: ts_ms int64[n] UTC, power_w float64[n], NaN where missing, and its nominal interval."""

    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float64]
    interval_s: float

    def __post_init__(self) -> None:
        if len(self.ts_ms) != len(self.power_w):
            raise ReadingError(
                f"The trace has {len(self.ts_ms)} times and {len(self.power_w)} values.", "Give both for each reading."
            )
        if len(self.ts_ms) == 0 or self.interval_s <= 0:
            raise ReadingError("A trace needs readings and an interval above 0 s.", "Check that the file is not empty.")

    def __len__(self) -> int:
        return len(self.ts_ms)

    @property
    def interval_ms(self) -> int:
        """The nominal interval in ms."""
        return round(self.interval_s * 1000)

    @property
    def end_ms(self) -> int:
        """One interval after the last reading."""
        return int(self.ts_ms[-1]) + self.interval_ms

    def in_time_order(self) -> Trace:
        """Return the same readings sorted by time, equal times as they came."""
        order = np.argsort(self.ts_ms, kind="stable")
        return Trace(self.ts_ms[order], self.power_w[order], self.interval_s)

    def rows(self, start_ms: int, end_ms: int) -> slice:
        """Return the rows of start <= ts < end; `ReadingError` where the span leaves the trace or meets a gap."""
        # First of all: on times that go backwards `searchsorted` would give some rows or other.
        if (np.diff(self.ts_ms) < 0).any():
            raise ReadingError("The times of the trace go backwards.", "Sort its readings by time first.")
        first_ms = int(self.ts_ms[0])
        if start_ms >= end_ms or start_ms < first_ms or end_ms > self.end_ms:
            raise ReadingError(
                f"The span {start_ms}..{end_ms} does not lie in the series, {first_ms}..{self.end_ms}.",
                "Times are UTC in ms; choose a start and a duration inside the series.",
            )
        first, after = np.searchsorted(self.ts_ms, [start_ms, end_ms])
        if first == after:
            raise ReadingError(f"The series has no reading in {start_ms}..{end_ms}.", "Choose a span outside its gaps.")
        return slice(int(first), int(after))
