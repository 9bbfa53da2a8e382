"""Simulated homes and how to look at them, for the tests of sim."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kilowatch.core.device import Fleet
from kilowatch.core.reading import ReadingBatch
from kilowatch.sim.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.sim.faults import FaultSpec

START_MS = 1_767_567_600_000
"""2026-01-05 00:00 in Berlin, a Monday."""
HOUR = 3_600_000
DAY = 24 * HOUR
STEP_MS = 30_000


def home(seed: int = 7, **settings: object) -> Home:
    return Home(seed, START_MS, **settings)  # type: ignore[arg-type]


def collected(home: Home, days: float, faults: Sequence[FaultSpec] = (), since_ms: int | None = None) -> ReadingBatch:
    fleet = Fleet(home.records())
    return ReadingBatch.join(list(home.readings(fleet, START_MS + round(days * DAY), faults, since_ms)))


def rows_of(home: Home, batch: ReadingBatch, device: str) -> ReadingBatch:
    slot = Fleet(home.records()).slot(home.site, device)
    return batch.take(batch.slot == slot)


def equal(one: ReadingBatch, other: ReadingBatch) -> bool:
    columns = ("slot", "ts_ms", "power_w", "energy_wh", "on")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)


def times(from_day: float, to_day: float, step_ms: int = STEP_MS) -> NDArray[np.int64]:
    return np.arange(START_MS + round(from_day * DAY), START_MS + round(to_day * DAY), step_ms, dtype=np.int64)


class Runs(NamedTuple):
    """Minutes on, minutes between, and the watts while on."""

    on_min: NDArray[np.float64]
    off_min: NDArray[np.float64]
    on_w: NDArray[np.float64]


def runs(ts_ms: NDArray[np.int64], power_w: NDArray[np.float64], above_w: float, merge_min: float = 1.0) -> Runs:
    """Return the runs of a trace; pauses up to merge_min belong to a run, and runs cut by the edges are left out."""
    on = power_w > above_w
    edges = np.flatnonzero(np.diff(on.astype(np.int8)))
    edges = edges[int(on[0]) :]
    edges = edges[: len(edges) // 2 * 2]
    starts, ends = ts_ms[edges[::2] + 1], ts_ms[edges[1::2] + 1]
    if len(starts) == 0:
        return Runs(np.zeros(0), np.zeros(0), power_w[on])
    apart = (starts[1:] - ends[:-1]) / 60_000 > merge_min
    starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    return Runs((ends - starts) / 60_000, (starts[1:] - ends[:-1]) / 60_000, power_w[on])
