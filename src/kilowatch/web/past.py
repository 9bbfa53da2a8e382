"""A device's past as it is drawn: buckets that keep extremes, and the runs during which it was on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.history import Buckets, HistoryRows, HistorySeries, bucketed
from kilowatch.web.views import HistoryView, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.web.ports import RecentPoints

_HOUR_MS = 3_600_000
_MOST_RUNS = 200


def history_view(record: DeviceRecord, series: HistorySeries, from_ms: int, to_ms: int) -> HistoryView:
    """Return a device's past as columns, with its runs."""
    buckets = series.buckets
    return HistoryView(
        site=record.site,
        device=record.device,
        from_ms=from_ms,
        to_ms=to_ms,
        step_ms=series.step_ms,
        start_ms=buckets.start_ms.tolist(),
        min_w=np.round(buckets.min_w, 2).tolist(),
        mean_w=np.round(buckets.mean_w, 2).tolist(),
        max_w=np.round(buckets.max_w, 2).tolist(),
        score=plain(buckets.score),
        low_w=plain(buckets.low_w),
        high_w=plain(buckets.high_w),
        runs=runs_of(buckets, series.step_ms, record.off_below_w),
    )


def with_newest(series: HistorySeries, newest: RecentPoints, to_ms: int, fine_ms: int) -> HistorySeries:
    """Return a past with the live samples after it: where judges live elsewhere, history comes late or not at all.

    fine_ms: the step of live samples alone.
    """
    buckets = series.buckets
    # Samples within the last bucket are left to history: it may hold them already, and counted twice they
    # would bend its mean.
    known_ms = int(buckets.start_ms[-1]) + series.step_ms if len(buckets) else -1
    rows = np.flatnonzero((newest.ts_ms > known_ms) & (newest.ts_ms <= to_ms))
    if not len(rows):
        return series
    device, keep = np.zeros(len(rows), dtype=np.int32), np.ones(len(rows), dtype=np.bool_)
    power_w, score, low_w, high_w = (
        column[rows] for column in (newest.power_w, newest.score, newest.low_w, newest.high_w)
    )
    fresh = HistoryRows((("", ""),), device, newest.ts_ms[rows], power_w, score, low_w, high_w, keep)
    step_ms = series.step_ms if len(buckets) else fine_ms
    return HistorySeries(step_ms, Buckets.join([buckets, bucketed(fresh, step_ms)]))


def runs_of(buckets: Buckets, step_ms: int, off_below_w: float) -> list[Run]:
    """Return the stretches of buckets whose mean says on, newest `_MOST_RUNS` of them, oldest first.

    A bucket that is missing ends a run: nobody knows what happened in it.
    """
    on = buckets.mean_w >= off_below_w
    if not on.any():
        return []
    follows = np.zeros(len(on), dtype=np.bool_)
    follows[1:] = (np.diff(buckets.start_ms) == step_ms) & on[:-1]
    begins = np.flatnonzero(on & ~follows)
    ends = np.flatnonzero(on & ~np.append(on[1:] & follows[1:], False))
    # One sum for all runs, each the difference of two of its places.
    energy_wh = np.cumsum(np.where(on, buckets.mean_w, 0.0)) * (step_ms / _HOUR_MS)
    before_wh = energy_wh[begins] - buckets.mean_w[begins] * (step_ms / _HOUR_MS)
    columns = (buckets.start_ms[begins], buckets.start_ms[ends] + step_ms, energy_wh[ends] - before_wh)
    rows = zip(*(column[-_MOST_RUNS:].tolist() for column in columns), strict=True)
    return [Run(from_ms=start, to_ms=end, energy_wh=round(wh, 3)) for start, end, wh in rows]


def plain(values: NDArray[np.floating[Any]]) -> list[float | None]:
    """Return an array's values, None for NaN."""
    return [None if value != value else value for value in np.round(values.astype(np.float64), 4).tolist()]
