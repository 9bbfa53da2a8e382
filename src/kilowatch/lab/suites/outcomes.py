"""When incidents of one device begin, open and close, without the words that the product puts to them.

A suite opens millions of odd samples at eight rates: the tracker's sentences would cost more than all detectors.
The rules are the product's; a test holds the two together on random scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.incident_rules import Direction, IncidentRules, floor_of
from kilowatch.lab.measure import IncidentTimes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.judged import Judged


def incident_times(
    judged: Judged, since_ms: NDArray[np.int64], record: DeviceRecord, rules: IncidentRules, end_ms: int
) -> IncidentTimes:
    """Return the incidents of one device's judged samples; since_ms int64[n] is when each sample's burst began."""
    # Rounded as the tracker does: at 0.99996 an incident opens there and must open here.
    score = np.round(judged.confirmed.astype(np.float64), 4)
    rows = np.flatnonzero((score >= rules.leave) & ~judged.samples.held & concerns(judged, record, rules))
    clear_ms, merge_ms = round(rules.clear_after_s * 1000), round(rules.merge_s * 1000)
    found: list[tuple[int, int]] = []
    last: list[int] = []
    is_open = False
    moments = zip(judged.samples.ts_ms[rows].tolist(), score[rows].tolist(), since_ms[rows].tolist(), strict=True)
    for ts_ms, value, began_ms in moments:
        is_open = is_open and ts_ms < last[-1] + clear_ms
        if not is_open and value < rules.enter:
            continue
        if not is_open and (not last or ts_ms >= last[-1] + merge_ms):
            # As in the tracker: a burst that claims to have begun within the incident before would take its id.
            known = began_ms >= 0 and (not last or began_ms > last[-1])
            found.append((began_ms if known else ts_ms, ts_ms))
            last.append(ts_ms)
        is_open, last[-1] = True, ts_ms
    closed = [min(moment + clear_ms, end_ms) for moment in last]
    return IncidentTimes.of([first for first, _ in found], [opened for _, opened in found], closed)


def concerns(judged: Judged, record: DeviceRecord, rules: IncidentRules) -> NDArray[np.bool_]:
    """Return `IncidentRules.concerns` of every sample, bool[n]."""
    watts, floor_w = judged.samples.power_w.astype(np.float64), floor_of(record)
    low_w, high_w = judged.low_w.astype(np.float64), judged.high_w.astype(np.float64)
    # Past an unknown or endless side of the band there is no excess.
    over, under = np.nan_to_num(watts - high_w, neginf=0.0), np.nan_to_num(low_w - watts, neginf=0.0)
    inside = (watts >= floor_w) | (np.isfinite(high_w) & (high_w >= floor_w))
    above = (over >= floor_w) & (rules.direction is not Direction.BELOW)
    below = (under >= floor_w) & (rules.direction is not Direction.ABOVE)
    return np.where(over > 0, above, np.where(under > 0, below, inside))
