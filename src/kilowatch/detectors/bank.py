"""Distance from a bank of the device's own normal windows, looked at in two ways.

*Shape*: the last 64 values themselves, k nearest neighbours on raw windows (the best single method on the NAB series,
notes on detection, section 5.3; z-normalising would throw the amplitude away). *Summary*: level, extremes, unrest and
stillness over up to two hours, with the hour of the day where a week or more is known: what adding a median and MAD
term to a patch distance does (PAI, arXiv 2606.08935) taken further. Each distance is divided by what new normal time
usually keeps under, and the score is the mean of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.playback import as_samples
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.window import WindowRing
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.coreset import most_per_axis, nearest, spread_out, usual_distance
from kilowatch.detectors.strided import are_due, let_stand
from kilowatch.detectors.summary import FEATURES, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

SIZE = 512
"""Windows in a bank."""
LENGTH = 64
_NEEDS = 64
_CALENDAR = 3
_LEAST_SAMPLES, _LEAST_MS = 400, 12 * HOUR_MS
_CALENDAR_DAYS = 7
_CANDIDATES = 4000
_SHARE = 0.9
_UNIT = 200
"""One spread of a feature, in whole numbers."""
_MOST = most_per_axis(FEATURES + _CALENDAR)
_SHAPE_UNIT = 100
_SHAPE_MOST = most_per_axis(LENGTH)
_NAT = 65_534 / np.log(1e8)
# Features are logarithms: a fifth of a nat, some 20 % of power, keeps one that never moved from ruling the distance.
_LEAST_SPREAD = 0.2 * _NAT
_DAY_MS = 24 * HOUR_MS
_QUARTERS = 96
# The time of day on a circle, so that 23:45 lies beside midnight.
_ANGLE = 2 * np.pi * np.arange(_QUARTERS) / _QUARTERS
_CIRCLE = np.rint(_UNIT * np.column_stack([np.cos(_ANGLE), np.sin(_ANGLE)]))
_WEEKEND = 0.6 * _UNIT


class Bank(PerDevice):
    """Mean of both distances over their usual size; 77 kB a device.

    stride: a device is compared on every stride-th sample, at its own phase; between, its score stands.
    """

    name = "bank"
    needs = _NEEDS
    columns: ClassVar[Mapping[str, Column]] = {
        "summaries": Column(np.int16, SIZE * (FEATURES + _CALENDAR)),
        "shapes": Column(np.int16, SIZE * LENGTH),
        "centre": Column(np.float32, FEATURES),
        "spread": Column(np.float32, FEATURES),
        "floor_w": Column(np.float32, fill=1),
        "shape_zero_w": Column(np.float32),
        "shape_spread_w": Column(np.float32),
        "usual_summary": Column(np.float32),
        "usual_shape": Column(np.float32),
        "by_calendar": Column(np.bool_),
        "standing": Column(np.float32),
    }
    summaries: NDArray[np.int16]
    shapes: NDArray[np.int16]
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    floor_w: NDArray[np.float32]
    shape_zero_w: NDArray[np.float32]
    shape_spread_w: NDArray[np.float32]
    usual_summary: NDArray[np.float32]
    usual_shape: NDArray[np.float32]
    by_calendar: NDArray[np.bool_]
    standing: NDArray[np.float32]

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self._summary = Summary()
        self.parts = (self._summary,)

    def fit(self, slot: int, history: Series) -> None:
        """Fill one device's bank; too short a past leaves it as it was."""
        past = history.part(history.usable)
        if len(past) < _LEAST_SAMPLES or len(past) * past.grid_ms < _LEAST_MS:
            return
        # A ring and sums of its own: those of the detector run live and must not see the past again.
        samples, ring, summary = as_samples(past), WindowRing(), Summary()
        ring.reserve(1)
        summary.reserve(1)
        low_w, high_w = np.quantile(past.power_w, (0.01, 0.99)).astype(np.float32)
        self.floor_w[slot] = max(history.record.off_below_w, 0.005 * high_w)
        view = ring.view(samples)
        features = summary.advance(samples, view, np.full(len(samples), self.floor_w[slot]))
        rows = np.flatnonzero(samples.count >= _NEEDS)
        if len(rows) < _LEAST_SAMPLES // 2:
            return
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _CANDIDATES).astype(np.intp))]
        self.by_calendar[slot] = len(np.unique(past.local_ms // _DAY_MS)) >= _CALENDAR_DAYS
        low, high = np.quantile(features[rows], (0.05, 0.95), axis=0)
        self.centre[slot], self.spread[slot] = (low + high) / 2, high - low + _LEAST_SPREAD
        self.shape_zero_w[slot] = low_w
        self.shape_spread_w[slot] = high_w - low_w + self.floor_w[slot]
        points = self._summary_points(slot, features[rows], samples.local_ms[rows])
        self.summaries[slot], self.usual_summary[slot] = _filled(points)
        self.shapes[slot], self.usual_shape[slot] = _filled(self._shape_points(slot, view.matrix(rows, LENGTH)))

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the mean distance over the usual one, with the lowest and highest value of the nearest window."""
        slot = samples.slot
        features = self._summary.advance(samples, view, self.floor_w[slot])
        due = are_due(samples, _NEEDS, self.stride) & (self.usual_shape[slot] > 0)
        raw = np.full(len(samples), np.nan, dtype=np.float32)
        # Device by device: each has a bank of its own, against which its windows are one matrix product.
        for segment in np.flatnonzero(np.logical_or.reduceat(due, samples.segments.starts) if len(due) else due):
            start = samples.segments.starts[segment]
            rows = start + np.flatnonzero(due[start : start + samples.segments.lengths[segment]])
            raw[rows] = self._distances(int(slot[start]), samples, view, features, rows)
        return Scores(let_stand(samples, raw, due, self.standing), facts={"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws."""
        return f"its last hour is like none before, at {watts(facts['power_w'])} now"

    def clone(self) -> Bank:
        """Return the same method without devices."""
        return Bank(self.stride)

    def _distances(
        self, slot: int, samples: Samples, view: WindowView, features: NDArray[np.int64], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        points = self._summary_points(slot, features[rows], samples.local_ms[rows])
        bank = self.summaries[slot].astype(np.float32).reshape(SIZE, -1)
        summary = nearest(points, bank) / self.usual_summary[slot]
        bank = self.shapes[slot].astype(np.float32).reshape(SIZE, -1)
        shape = nearest(self._shape_points(slot, view.matrix(rows, LENGTH)), bank) / self.usual_shape[slot]
        return (summary + shape) / 2

    def _summary_points(
        self, slot: int, features: NDArray[np.int64], local_ms: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        points = np.empty((len(features), FEATURES + _CALENDAR), dtype=np.float32)
        whole = np.rint((features - self.centre[slot]) * (_UNIT / self.spread[slot]))
        points[:, :FEATURES] = np.clip(whole, -_MOST, _MOST)
        points[:, FEATURES:-1] = _CIRCLE[local_ms % _DAY_MS * _QUARTERS // _DAY_MS]
        points[:, -1] = np.where((local_ms // _DAY_MS + 3) % 7 >= 5, _WEEKEND, 0)
        # With less than a week known all points are 0 on these axes, and the calendar adds nothing to a distance.
        points[:, FEATURES:] *= self.by_calendar[slot]
        return points

    def _shape_points(self, slot: int, windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = np.rint((windows_w - self.shape_zero_w[slot]) * (_SHAPE_UNIT / self.shape_spread_w[slot]))
        return np.clip(whole, -_SHAPE_MOST, _SHAPE_MOST)


def _filled(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return a bank of points as one row, the last repeated where they are few, and their usual distance."""
    taken = spread_out(points, SIZE)
    # A point that is there twice is no nearer: banks of one size without changing a distance.
    rows = taken[np.minimum(np.arange(SIZE), len(taken) - 1)]
    bank = points[rows]
    return bank.ravel(), usual_distance(points, taken, _SHARE)
