"""Confirmation: a score counts once k of a device's last n scores reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples
    from kilowatch.core.segments import Segments

LONGEST = 5
"""Largest n: the last scores are kept for every device."""

# Under every score: NaN would spread through the maxima that sort the columns.
_UNKNOWN = np.float32(-1.0)
_NO_BURST = -1


class Confirm:
    """The k-th largest of every device's last n scores.

    Raw scores are confirmed, so that the answer does not hang on a threshold that moves: dividing by the threshold
    keeps their order.
    """

    def __init__(self, k: int = 2, n: int = 3) -> None:
        if not 1 <= k <= n <= LONGEST:
            raise ConfigError(f"{k} of {n} cannot be confirmed.", f"Choose 1 <= k <= n <= {LONGEST}.")
        self.k, self.n = k, n
        self._recent = np.empty((0, n - 1), dtype=np.float32)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self._recent = grown(self._recent, devices, _UNKNOWN)

    def update(self, samples: Samples, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the k-th largest of each device's last n scores, float32[n].

        Scores are at least 0. An unknown score (NaN) counts as 0, and so does one from before the window restarted;
        where all of the last n are unknown the answer is NaN.
        """
        columns = self._last_scores(samples, np.where(np.isnan(score), _UNKNOWN, score))
        # Kept in order of time, so before they are sorted.
        for lag in range(self.n - 1):
            self._recent[samples.segments.slot, lag] = columns[lag][samples.segments.ends]
        _sort_down(columns)
        confirmed = np.maximum(columns[self.k - 1], np.float32(0.0))
        confirmed[columns[0] < 0] = np.nan
        return confirmed

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        return {"recent": self._recent}

    def _last_scores(self, samples: Samples, newest: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return each row's score and the n - 1 before it in its window, newest first."""
        segments, columns = samples.segments, [newest]
        for lag in range(1, self.n):
            past = segments.shift(columns[-1], self._recent[segments.slot, lag - 1])
            past[samples.count <= lag] = _UNKNOWN
            columns.append(past)
        return columns


class Bursts:
    """Since when every device has been odd: a burst ends with the n-th sample in a row that is not."""

    def __init__(self, n: int = 3) -> None:
        self.n = n
        self._since_ms = np.empty(0, dtype=np.int64)
        self._quiet = np.empty(0, dtype=np.uint8)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self._since_ms = grown(self._since_ms, devices, _NO_BURST)
        # As quiet as can be, so that the first odd sample of a new device opens a burst.
        self._quiet = grown(self._quiet, devices, self.n)

    def since(self, samples: Samples, score: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the time in ms of the first odd sample of the burst that each sample is in, -1 where it is in none.

        score: the public one, odd from 1.0. A burst ends with the n-th sample in a row that is not odd, and where
        the window restarts.
        """
        segments, restart, odd = samples.segments, samples.count == 1, score >= 1.0
        before = self._quiet[segments.slot].astype(np.int64)
        quiet = _quiet_run(segments, odd, restart, before, self.n)
        opens = odd & (restart | (segments.shift(quiet, before) >= self.n))
        began_ms = segments.fill_forward(samples.ts_ms, opens, self._since_ms[segments.slot])
        since_ms = np.where(quiet < self.n, began_ms, _NO_BURST)
        self._quiet[segments.slot] = quiet[segments.ends]
        self._since_ms[segments.slot] = since_ms[segments.ends]
        return since_ms

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        return {"since_ms": self._since_ms, "quiet": self._quiet}


def _quiet_run(
    segments: Segments,
    odd: NDArray[np.bool_],
    restart: NDArray[np.bool_],
    before: NDArray[np.int64],
    most: int,
) -> NDArray[np.int64]:
    """Return how many samples ago each device was last odd in its window, int64[n], `most` at most."""
    place, start = np.arange(segments.size), segments.starts[segments.of_row]
    # Maxima run on across segments: `start` tells whether a place is of the same device.
    last = np.maximum.accumulate(np.where(odd, place, -1))
    quiet = np.where(last >= start, place - last, place - start + 1 + before[segments.of_row])
    begun = np.maximum.accumulate(np.where(restart, place, -1))
    quiet[begun > np.maximum(last, start - 1)] = most
    return np.minimum(quiet, most)


def _sort_down(columns: list[NDArray[np.float32]]) -> None:
    """Sort each row of the columns, largest first."""
    # An exchange sort of whole columns: n is at most 5, and no row is looked at by itself.
    for rank in range(len(columns) - 1):
        for other in range(rank + 1, len(columns)):
            high, low = columns[rank], columns[other]
            columns[rank], columns[other] = np.maximum(high, low), np.minimum(high, low)
