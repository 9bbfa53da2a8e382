"""What an appliance draws over time: a staircase of steps, each with its start-up decay and its unrest."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kilowatch.sim.noise import normal, uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_MS_PER_H = 3_600_000.0
_RIPPLE_MS = 1_000
_SWING_MS = 60_000
_BEAT_MS = 5_000
_RESTING = 1 / 3
"""tracebase washingmachine_dev_d338c9: the drum turns for 10 s at 130-200 W and rests for 5 s at 2-4 W."""


class Step(NamedTuple):
    """From start_ms on, the draw is level + surge·exp(-t/tau) + ripple·n + swing·m².

    n is new every second and m every minute, both standard normal: ripple is symmetric, swing one-sided. In one
    beat of 5 s out of three the draw falls by rest_w, as a drum's does that reverses.
    level + swing - rest must not be negative.
    """

    start_ms: int
    level_w: float
    surge_w: float = 0.0
    tau_ms: float = 1.0
    ripple_w: float = 0.0
    swing_w: float = 0.0
    rest_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """n steps in order of time, each until the next: columns as in `Step`, int64[n] and float64[n]."""

    start_ms: NDArray[np.int64]
    level_w: NDArray[np.float64]
    surge_w: NDArray[np.float64]
    tau_ms: NDArray[np.float64]
    ripple_w: NDArray[np.float64]
    swing_w: NDArray[np.float64]
    rest_w: NDArray[np.float64]

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Load:
        """Return steps as columns; a step revokes all before it that were to start later."""
        start = np.array([step.start_ms for step in steps], dtype=np.int64)
        rest = np.array([step[1:] for step in steps], dtype=np.float64).reshape(len(steps), len(Step._fields) - 1)
        load = cls(start, *(np.ascontiguousarray(column) for column in rest.T))
        return load.only(_unrevoked(start))

    @classmethod
    def join(cls, loads: Sequence[Load]) -> Load:
        """Return loads one after another; a later one revokes what an earlier one had planned past its start."""
        columns = [np.concatenate([getattr(load, field.name) for load in loads]) for field in fields(cls)]
        return cls(*columns).only(_unrevoked(columns[0]))

    def only(self, mask: NDArray[np.bool_]) -> Load:
        """Return the steps at mask."""
        return self if mask.all() else Load(*(getattr(self, field.name)[mask] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.start_ms)

    @property
    def mean_w(self) -> NDArray[np.float64]:
        """The draw of each step without its surge, float64[n]: what its unrest averages to."""
        return self.level_w + self.swing_w - _RESTING * self.rest_w

    def _at(self, ts_ms: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.maximum(np.searchsorted(self.start_ms, ts_ms, side="right") - 1, 0)

    def watts(self, ts_ms: NDArray[np.int64], key: np.uint64) -> NDArray[np.float64]:
        """Return the draw at each time, float64[n], at least 0; `key` names the noise."""
        at = self._at(ts_ms)
        watts = self.level_w[at]
        # Most steps lack most of these, and the noise is dear: each is made for the rows that have it.
        rows = np.flatnonzero(self.surge_w[at])
        step = at[rows]
        watts[rows] += self.surge_w[step] * np.exp(-(ts_ms[rows] - self.start_ms[step]) / self.tau_ms[step])
        rows = np.flatnonzero(self.ripple_w[at])
        watts[rows] += self.ripple_w[at[rows]] * normal(key, ts_ms[rows] // _RIPPLE_MS)
        rows = np.flatnonzero(self.swing_w[at])
        watts[rows] += self.swing_w[at[rows]] * normal(~key, ts_ms[rows] // _SWING_MS) ** 2
        rows = np.flatnonzero(self.rest_w[at])
        watts[rows] -= self.rest_w[at[rows]] * (uniform(key, ts_ms[rows] // _BEAT_MS) < _RESTING)
        return np.maximum(watts, 0.0)

    # Of the mean and not of the noise: a closed form, so that a register can be read at any time in any order.
    def _since_start_wh(self, at: NDArray[np.intp], ts_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        lasted = ts_ms - self.start_ms[at]
        # expm1: 1 - exp would lose the digits of stretches much shorter than tau.
        surge = self.surge_w[at] * self.tau_ms[at] * -np.expm1(-lasted / self.tau_ms[at])
        return (self.mean_w[at] * lasted + surge) / _MS_PER_H

    def energy_at_starts(self) -> NDArray[np.float64]:
        """Return the energy drawn from the first step to the start of each, Wh, float64[n]."""
        steps = np.arange(len(self) - 1)
        return np.concatenate([[0.0], np.cumsum(self._since_start_wh(steps, self.start_ms[1:]))])

    def energy_wh(self, ts_ms: NDArray[np.int64], at_starts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the energy drawn up to each time, Wh, float64[n]: the exact integral of the mean draw."""
        at = self._at(ts_ms)
        return at_starts[at] + self._since_start_wh(at, ts_ms)

    def lifted(self, more_w: float | NDArray[np.float64]) -> Load:
        """Return the load with more at every step."""
        return replace(self, level_w=self.level_w + more_w)

    def cut(self, at_ms: int) -> Load:
        """Return the same load with a step that starts at at_ms."""
        place = int(np.searchsorted(self.start_ms, at_ms, side="right"))
        if place == 0 or self.start_ms[place - 1] == at_ms:
            return self
        columns = {
            f.name: np.insert(getattr(self, f.name), place, getattr(self, f.name)[place - 1]) for f in fields(self)
        }
        lasted = at_ms - self.start_ms[place - 1]
        columns["start_ms"][place] = at_ms
        # What is left of the surge goes on from here with the same tau, so that the draw stays the same.
        columns["surge_w"][place] *= np.exp(-lasted / self.tau_ms[place - 1])
        return Load(**columns)

    def changed(self, from_ms: int, to_ms: int, change: Callable[[Load], Load]) -> Load:
        """Return the load with `change` applied to the steps of from_ms <= t < to_ms."""
        load = self.cut(from_ms).cut(to_ms)
        first, last = np.searchsorted(load.start_ms, [from_ms, to_ms])
        middle = change(replace(load, **{f.name: getattr(load, f.name)[first:last] for f in fields(load)}))
        before = Load(*(getattr(load, f.name)[:first] for f in fields(load)))
        after = Load(*(getattr(load, f.name)[last:] for f in fields(load)))
        return Load.join([before, middle, after])


def _unrevoked(start_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    keep = np.ones(len(start_ms), dtype=np.bool_)
    if len(start_ms) > 1:
        # Each against the earliest of all that follow it: one late step may revoke several.
        keep[:-1] = start_ms[:-1] < np.minimum.accumulate(start_ms[:0:-1])[::-1]
    return keep
