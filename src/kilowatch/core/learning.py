"""Learning a device: what it learns from, when, and how its threshold stays honest.

A device learns for `learning_days` of samples, then watches, and learns anew every `refit_days` from the last
`horizon_days`. The threshold is fitted on scores of days that did not fit the detector (cross-fitting by blocks
of days); the detector that goes live is fitted on all of them. Times within incidents are left out, for a day
at most: what lasts longer is how the device is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.calibrate import blocked_folds
from kilowatch.core.confirm import Confirm
from kilowatch.core.detector import CrossFitted
from kilowatch.core.device import grown
from kilowatch.core.playback import as_samples, play

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector
    from kilowatch.core.judge import Judge, Scorer
    from kilowatch.core.samples import Samples, Series

DAY_MS = 86_400_000
_ENOUGH = 0.6
"""A device is learnt once this share of its learning time has samples: plugs are away for days."""
_RETRY_MS = DAY_MS
_EXCLUDED_AT_MOST_MS = DAY_MS
_NEVER_MS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class LearningPlan:
    """How long a device learns before it is watched, and how often and from how far back it learns anew."""

    learning_days: float = 7.0
    refit_days: float = 7.0
    horizon_days: float = 28.0
    folds: int = 3

    @property
    def horizon_ms(self) -> int:
        """How far back a device learns from, in ms."""
        return round(self.horizon_days * DAY_MS)


def out_of_fold(detector: Detector, series: Series, folds: int) -> NDArray[np.float32]:
    """Return raw scores float32[n] of a series, each from a detector that did not learn from that day."""
    scores = np.full(len(series), np.nan, dtype=np.float32)
    for train, test in blocked_folds(series.ts_ms, folds):
        fold = detector.clone()
        fold.reserve(1)
        fold.fit(0, series.part(train))
        scores[test] = play(fold, series).raw[test]
    return scores


def fit_and_score(detector: Detector, slot: int, series: Series, folds: int) -> NDArray[np.float32]:
    """Fit a device's detector on a series, and return the series' raw scores out of fold."""
    if isinstance(detector, CrossFitted):
        return detector.learn(slot, series, folds)
    scores = out_of_fold(detector, series, folds)
    detector.fit(slot, series)
    return scores


class Teacher:
    """Fits a device's detector, and the thresholds of every judge, from its past."""

    def __init__(self, scorer: Scorer, judges: Sequence[Judge], plan: LearningPlan) -> None:
        self._scorer = scorer
        self._judges = judges
        self._plan = plan

    def teach(
        self, slot: int, past: Series, ordinary: Series | None = None, real: Sequence[tuple[int, int]] = ()
    ) -> None:
        """Learn one device: its detector from what is ordinary in its past, its threshold from all of it.

        real: times, ms, of what a person called real: a threshold that would miss one of them is not taken.
        A threshold that never saw the device's own incidents would be passed more often than was asked for.
        """
        ordinary = past if ordinary is None else ordinary
        raw = fit_and_score(self._scorer.detector, slot, ordinary, self._plan.folds)
        # One of its own: the live one stands in the middle of the stream.
        confirm = Confirm(self._scorer.confirm.k, self._scorer.confirm.n)
        confirm.reserve(1)
        confirmed = confirm.update(as_samples(past), raw)
        for judge in self._judges:
            judge.learn(slot, past, confirmed)
            for first_ms, last_ms in real:
                judge.keep_in_sight(slot, confirmed[(past.ts_ms >= first_ms) & (past.ts_ms <= last_ms)])


def without(series: Series, spans: Iterable[tuple[int, int]]) -> Series:
    """Return the series with the given spans of ms (incidents) not usable, a day of each at most."""
    usable = series.usable.copy()
    for first_ms, last_ms in spans:
        until_ms = min(last_ms, first_ms + _EXCLUDED_AT_MOST_MS)
        usable[np.searchsorted(series.ts_ms, first_ms) : np.searchsorted(series.ts_ms, until_ms, side="right")] = False
    return type(series)(series.record, series.ts_ms, series.local_ms, series.code, series.count, usable)


class Curriculum:
    """When each device is due to learn, as arrays over slots."""

    def __init__(self, plan: LearningPlan) -> None:
        self.plan = plan
        self.first_ms = np.zeros(0, dtype=np.int64)
        self.due_ms = np.zeros(0, dtype=np.int64)
        self.watching_since_ms = np.zeros(0, dtype=np.int64)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.first_ms = grown(self.first_ms, devices)
        self.due_ms = grown(self.due_ms, devices)
        self.watching_since_ms = grown(self.watching_since_ms, devices, fill=_NEVER_MS)

    def greet(self, samples: Samples) -> None:
        """Start the learning time of devices met for the first time."""
        slots, starts = samples.segments.slot, samples.segments.starts
        new = self.first_ms[slots] == 0
        self.first_ms[slots[new]] = samples.ts_ms[starts[new]]
        self.due_ms[slots[new]] = samples.ts_ms[starts[new]] + round(self.plan.learning_days * DAY_MS)

    def before_lesson(self, samples: Samples) -> NDArray[np.bool_]:
        """Return which samples come before their device's next lesson, bool[n]."""
        return samples.ts_ms < self.due_ms[samples.slot]

    def is_enough(self, series: Series) -> bool:
        """Return whether a series holds enough usable samples to learn from."""
        needed = _ENOUGH * self.plan.learning_days * DAY_MS / series.grid_ms
        return int(series.usable.sum()) >= needed

    def learnt(self, slot: int) -> None:
        """Note that a device has learnt at its due time, and set the next one."""
        due_ms = int(self.due_ms[slot])
        self.watching_since_ms[slot] = min(int(self.watching_since_ms[slot]), due_ms)
        # From when it was due, not from when that was noticed: how samples were batched must not move lessons.
        self.due_ms[slot] = due_ms + round(self.plan.refit_days * DAY_MS)

    def has_learnt(self, slot: int) -> bool:
        """Return whether a device has had its first lesson."""
        return int(self.watching_since_ms[slot]) != _NEVER_MS

    def graduates(self, devices: int) -> NDArray[np.bool_]:
        """Return which of the first so many devices have had a lesson, bool[n]; those learnt elsewhere have not."""
        return (self.watching_since_ms[:devices] != _NEVER_MS) & (self.due_ms[:devices] != _NEVER_MS)

    def graduate(self, slot: int) -> None:
        """Note that a device has learnt all it ever will, and is watched from its first sample on."""
        # 1 and not 0: `greet` takes 0 for a device never met, and would plan a lesson.
        self.first_ms[slot] = self.watching_since_ms[slot] = 1
        self.due_ms[slot] = _NEVER_MS

    def graduate_all(self, devices: int) -> None:
        """Note the same of the first so many devices: a fleet whose models were learnt elsewhere."""
        self.first_ms[:devices] = self.watching_since_ms[:devices] = 1
        self.due_ms[:devices] = _NEVER_MS

    def postpone(self, slot: int) -> None:
        """Note that a device had too little to learn from."""
        self.due_ms[slot] += _RETRY_MS

    def is_watching(self, slots: NDArray[np.int32], ts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each device was watched at that time, bool[n]."""
        return ts_ms >= self.watching_since_ms[slots]
