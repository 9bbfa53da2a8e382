"""What a device's past says of its runs: how long is long, and how many starts are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.samples import HOUR_MS
from kilowatch.core.segments import Segments
from kilowatch.detectors.stretches import leaky_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_PARTS = 6
PART_MS = 24 * HOUR_MS // DAY_PARTS
START = 1 << 12
"""One start in the bucket: whole numbers, so that sums are exact."""
START_EDGE = START // 16

_EDGE = 0.99
_PRIOR_RUNS = 50
"""So many runs that began in one part of the day weigh as much as those of all day."""
_CYCLES_A_DAY = 8.0
_CYCLE_RATIO = 2.0
"""Only what cycles by itself has to start again: the edge of its off runs is at most twice their median."""
_PACE = 2.0
"""Starts drain from their bucket at twice the usual pace: only what comes faster piles up."""
_SPARE = 1.5
_SPARE_STARTS = 2.0


def on_edges_s(seconds: NDArray[np.float64], part: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the edge of runs that begin in each part of the day, drawn to that of all runs where they are few."""
    # In logarithms: runs differ by factors, and a few long ones must not outweigh the rest.
    whole = np.log(_edge(seconds))
    out = np.full(DAY_PARTS, whole)
    for each in range(DAY_PARTS):
        own = seconds[part == each]
        if len(own):
            share = len(own) / (len(own) + _PRIOR_RUNS)
            out[each] = share * np.log(_edge(own)) + (1 - share) * whole
    return np.exp(out)


def off_edge_s(seconds: NDArray[np.float64], days: float) -> float:
    """Return the edge of off runs, NaN for a device that waits for somebody."""
    cycles = len(seconds) >= _CYCLES_A_DAY * days
    steady = np.quantile(seconds, _EDGE) <= _CYCLE_RATIO * np.median(seconds)
    return _edge(seconds) if cycles and steady else np.nan


def starts_edge(rows: NDArray[np.intp], size: int) -> tuple[int, int]:
    """Return what drains from the bucket of starts a sample, and the edge of its level in START_EDGE.

    rows: where in a past of `size` samples the device started. Between starts the bucket only drains, so its
    highest levels are those right after them.
    """
    pace = max(1, round(_PACE * START * len(rows) / size))
    apart = np.diff(rows).astype(np.int64)
    drained: NDArray[np.int64] = START - pace * apart
    before = leaky_sum(Segments.of_sorted(np.zeros(len(drained), dtype=np.int32)), drained, np.zeros(1, dtype=np.int64))
    edge = _SPARE * (START + int(before.max(initial=0))) + _SPARE_STARTS * START
    return min(pace, 65_535), min(round(edge / START_EDGE), 65_535)


def _edge(seconds: NDArray[np.float64]) -> float:
    """Return the 99 % quantile, further out the fewer runs there were."""
    return float(np.quantile(seconds, _EDGE) * (1 + 1 / np.sqrt(len(seconds))))
