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

_UNKNOWN = np.float32(-1.0)
_NO_BURST = -1


class Confirm:
    """k of n for every device, and since when its scores have been odd.

    n is one for all; k starts as one for all and may be set for a device. Scores are of any scale: confirm raw
    scores, so that what is confirmed does not hang on a threshold that moves.
    """

    def __init__(self, k: int = 2, n: int = 3) -> None:
        if not 1 <= k <= n <= LONGEST:
            raise ConfigError(f"{k} of {n} cannot be confirmed.", f"Choose 1 <= k <= n <= {LONGEST}.")
        self.k, self.n = k, n
        self._k_of = np.empty(0, dtype=np.uint8)
        self._recent = np.empty((0, n - 1), dtype=np.float32)
        self._since_ms = np.empty(0, dtype=np.int64)
        self._quiet = np.empty(0, dtype=np.uint8)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self._k_of = grown(self._k_of, devices, self.k)
        self._recent = grown(self._recent, devices, _UNKNOWN)
        self._since_ms = grown(self._since_ms, devices, _NO_BURST)
        self._quiet = grown(self._quiet, devices, self.n)

    def set_k(self, slot: int, k: int) -> None:
        """Ask k of n for one device."""
        if not 1 <= k <= self.n:
            raise ConfigError(f"{k} of {self.n} cannot be confirmed.", f"Choose a k from 1 to {self.n}.")
        self._k_of[slot] = k

    def update(self, samples: Samples, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the k-th largest of each device's last n scores, float32[n].

        Scores are at least 0. An unknown score (NaN) counts as 0, and so does one from before the window restarted;
        where all of the last n are unknown the answer is NaN.
        """
        known = np.where(np.isnan(score), _UNKNOWN, score).astype(np.float32, copy=False)
        lagged = self._lagged(samples, known)
        self._remember(samples, lagged)
        _sort_down(lagged)
        confirmed = np.maximum(_pick(lagged, self._k_of[samples.slot]), np.float32(0.0))
        confirmed[lagged[0] < 0] = np.nan
        return confirmed

    def since(self, samples: Samples, odd: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the time in ms of the first odd sample of the burst that each sample is in, -1 where it is in none.

        A burst ends with the n-th sample in a row that is not odd, and where the window restarts.
        """
        segments, restart = samples.segments, samples.count == 1
        marks = odd | restart
        quiet = _samples_since(segments, marks, self._quiet[segments.slot], self.n)
        quiet[restart & ~odd] = self.n
        quiet = np.where(_after(segments, restart & ~odd, odd), self.n, quiet)
        before = segments.shift(quiet, self._quiet[segments.slot])
        opens = odd & ((before >= self.n) | restart)
        began = segments.fill_forward(samples.ts_ms, opens, self._since_ms[segments.slot])
        since = np.where(quiet < self.n, began, _NO_BURST)
        self._since_ms[segments.slot] = since[segments.ends]
        self._quiet[segments.slot] = quiet[segments.ends]
        return since

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name."""
        return {"k": self._k_of, "recent": self._recent, "since_ms": self._since_ms, "quiet": self._quiet}

    def _lagged(self, samples: Samples, known: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return each row's score and the n - 1 before it in its window, newest first."""
        segments, lagged = samples.segments, [known]
        single = segments.size == len(segments)
        for lag in range(1, self.n):
            if single:
                past = self._recent[samples.slot, lag - 1]
            else:
                before = self._recent[segments.slot, lag - 1]
                past = segments.shift(lagged[-1], before)
            lagged.append(past)
        for lag in range(1, self.n):
            lagged[lag][samples.count <= lag] = _UNKNOWN
        return lagged

    def _remember(self, samples: Samples, lagged: list[NDArray[np.float32]]) -> None:
        ends = samples.segments.ends
        for lag in range(self.n - 1):
            self._recent[samples.segments.slot, lag] = lagged[lag][ends]


def _sort_down(columns: list[NDArray[np.float32]]) -> None:
    """Sort each row of the columns, largest first."""
    for rank in range(len(columns) - 1):
        for other in range(rank + 1, len(columns)):
            high, low = columns[rank], columns[other]
            columns[rank], columns[other] = np.maximum(high, low), np.minimum(high, low)


def _pick(columns: list[NDArray[np.float32]], k: NDArray[np.uint8]) -> NDArray[np.float32]:
    picked = columns[0]
    for rank in range(1, len(columns)):
        picked = np.where(k > rank, columns[rank], picked)
    return picked
