"""Level change: a fast moving average against a slow one.

Exponentially weighted moving averages as in Roberts, "Control chart tests based on geometric moving averages",
Technometrics 1(3) (1959). Their difference forgets a new level within a day, where CUSUM does not.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.detectors.blocks import block_means
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.profile import BLOCK_MS
from kilowatch.detectors.spread import robust_spread
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_FAST, _SLOW = 1 / 32, 1 / 1024
"""Weights of a new sample: about a quarter of an hour and eight hours at 30 s."""
_LEAST_BLOCKS = 48 * 12
_FLOOR_W, _FLOOR_OF_LEVEL = 1.0, 0.02


class Ewma(PerDevice):
    """|fast - slow| over its spread; 24 bytes a device."""

    name = "ewma"
    needs = 10
    columns: ClassVar[Mapping[str, Column]] = {
        "level_w": Column(np.float32, fill=np.nan),
        "spread_w": Column(np.float32, fill=np.nan),
        "fast_w": Column(np.float64),
        "slow_w": Column(np.float64),
    }
    level_w: NDArray[np.float32]
    spread_w: NDArray[np.float32]
    fast_w: NDArray[np.float64]
    slow_w: NDArray[np.float64]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the mean of one device and how far its averages part; under two days leave it as it was."""
        blocks = block_means(history, BLOCK_MS)
        if len(blocks) < _LEAST_BLOCKS:
            return
        level_w, per_block = float(blocks.mean_w.mean()), BLOCK_MS / history.grid_ms
        # A block stands for several samples: its weight leaves as much of the average as all of theirs would.
        fast_w, slow_w = (_averages(blocks.mean_w, level_w, 1 - (1 - weight) ** per_block) for weight in (_FAST, _SLOW))
        self.level_w[slot] = level_w
        self.spread_w[slot] = max(robust_spread(fast_w - slow_w), _FLOOR_OF_LEVEL * level_w, _FLOOR_W)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return how far the averages have parted."""
        stretches, power_w = Stretches.of(samples), samples.power_w.astype(np.float64)
        segments, ends = stretches.segments, samples.segments.ends
        level_w = self.level_w[segments.slot].astype(np.float64)
        # From the device's level, not the first value: after a restart within a run it would take hours to come down.
        begin_w = np.where(np.isnan(level_w), power_w[segments.starts], level_w)
        averages = []
        for state, weight in ((self.fast_w, _FAST), (self.slow_w, _SLOW)):
            average = segments.scan(power_w, stretches.before(state, begin_w), _towards(weight))
            state[samples.segments.slot] = average[ends]
            averages.append(average)
        fast_w, slow_w = averages
        raw = np.abs(fast_w - slow_w) / self.spread_w[samples.slot]
        raw[samples.count < self.needs] = np.nan
        return Scores(raw.astype(np.float32), facts={"fast_w": fast_w, "slow_w": slow_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say from which level to which."""
        way = "risen" if facts["fast_w"] >= facts["slow_w"] else "fallen"
        return f"has {way} to {watts(facts['fast_w'])} on average, from {watts(facts['slow_w'])} in the hours before"

    def clone(self) -> Ewma:
        """Return the same method without devices."""
        return Ewma()


def _towards(weight: float) -> Callable[[Any, Any], Any]:
    return lambda average, value: average + weight * (value - average)


def _averages(values: NDArray[np.float64], level: float, weight: float) -> NDArray[np.float64]:
    return np.fromiter(accumulate(values.tolist(), _towards(weight), initial=level), np.float64, len(values) + 1)[1:]
