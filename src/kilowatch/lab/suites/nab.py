"""The suite `nab`: series that are not power, beside the published figures of 32 methods on the same series.

Detectors learn the training prefix only and score every sample from those before it. The published methods saw the
whole series, most of them the future of each sample too. VUS-PR is measured as published: over the whole series, with
the series' period as buffer.

Values become watts by what is known at the end of the prefix: its range is laid on 1,000 W, from 0 W where the series
rests at zero and else with one such range of room below. Its rhythm is taken for the day, so that time of day means
something; 5 min is the interval of a series without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Kind, first_seen
from kilowatch.core.playback import play
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Series
from kilowatch.lab.suites.findings import Findings, Ranking
from kilowatch.lab.suites.rhythm import shortest_period, tsb_period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.lab.suites.contenders import Contender
    from kilowatch.lab.suites.nab_series import NabSeries

AFTER_TRAINING = "after training"
"""Name of the ranking of the samples past the prefix alone."""

RANGE_W = 1000.0
_DAY_S = 86_400.0
_NO_RHYTHM_S = 300.0
_SHORTEST_DAY, _LONGEST_DAY = 6, 400
_AT_ZERO = 0.05
_START_MS = 1_767_571_200_000
"""2026-01-05 00:00 UTC, a Monday."""


@dataclass(frozen=True, slots=True)
class NabTask:
    """One detector on one series."""

    series: NabSeries
    contender: Contender


def run_nab(task: NabTask) -> list[Findings]:
    """Measure one detector on one series."""
    series = task.series
    whole = on_grid_of_power(series.value, series.train)
    detector = task.contender.create()
    detector.reserve(1)
    detector.fit(0, whole.part(slice(0, series.train)))
    # An endless score ranks above all others, and must not spoil what is reckoned with it.
    score = np.nan_to_num(play(detector, whole).raw.astype(np.float64), nan=0.0, posinf=1e30)
    buffer, after = tsb_period(series.value), slice(series.train, None)
    rankings = (
        Ranking.of(series.name, score, series.label, buffer),
        Ranking.of(AFTER_TRAINING, score[after], series.label[after], buffer),
    )
    return [Findings(task.contender.name, series.name, task.contender.seed, rankings, {})]


def on_grid_of_power(value: NDArray[np.float64], train: int) -> Series:
    """Return values as a device's samples, by what the first `train` of them tell."""
    step_ms = 1000 * round(interval_s(value[:train]))
    ts_ms = _START_MS + step_ms * np.arange(len(value), dtype=np.int64)
    record = first_seen("nab", "series", Kind.METER, interval_s=step_ms / 1000)
    code = encode_watts(watts(value, train))
    return Series(record, ts_ms, ts_ms, code, np.arange(1, len(value) + 1), np.ones(len(value), dtype=np.bool_))


def watts(value: NDArray[np.float64], train: int) -> NDArray[np.float64]:
    """Return values as watts: the range of the first `train` is 1,000 W wide, and nothing is below 0."""
    low, high = float(value[:train].min()), float(value[:train].max())
    # A prefix that never moves has no range: its level stands in.
    span = high - low or max(abs(high), 1.0)
    rests_at_zero = 0 <= low <= _AT_ZERO * span
    room_w = 0.0 if rests_at_zero else RANGE_W
    return np.maximum((value - (0.0 if rests_at_zero else low)) / span * RANGE_W + room_w, 0.0)


def interval_s(prefix: NDArray[np.float64]) -> float:
    """Return the seconds from sample to sample with which the rhythm of a prefix takes a day."""
    period = shortest_period(prefix, _SHORTEST_DAY, _LONGEST_DAY)
    return _NO_RHYTHM_S if period is None else _DAY_S / period
