"""Pieces of a batch within which a running state goes on: cut by device and wherever the state must begin anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples


def cut(segments: Segments, at: NDArray[np.bool_]) -> Segments:
    """Return the segments with further starts at the rows where `at` is True."""
    # With one row a device, the live case, every row begins a segment already.
    if segments.size == len(segments) or not at.any():
        return segments
    begins = at.copy()
    begins[segments.starts] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=segments.size)
    return Segments(segments.slot[segments.of_row[starts]], starts, lengths, np.cumsum(begins) - 1)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Segments of the rows between two restarts. fresh: bool[s], the stretch begins with a restart."""

    segments: Segments
    fresh: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: Samples) -> Stretches:
        """Return the stretches between the starts of windows."""
        return cls.at(samples.segments, samples.count == 1)

    @classmethod
    def at(cls, segments: Segments, restart: NDArray[np.bool_]) -> Stretches:
        """Return the stretches of rows between restarts, bool[n]."""
        pieces = cut(segments, restart)
        return cls(pieces, restart[pieces.starts])

    def before(self, state: NDArray[Any], fresh: Any = 0) -> NDArray[Any]:
        """Return what each stretch starts from: its device's state, or `fresh` after a restart."""
        return np.where(self.fresh, fresh, state[self.segments.slot])


def leaky_sum(segments: Segments, values: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return max(0, sum before + value) from row to row: the plain sum less its lowest point so far. Exact."""
    # Lindley's recursion as a sum and a maximum of whole numbers: no loop, and the same for any cut.
    total = segments.running_sum(values, np.zeros(len(segments), dtype=np.int64))
    return total + segments.running_max(-total, before)
