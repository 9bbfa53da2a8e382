"""A step from one sample to the next that is larger than any the device makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.quantise import decode_watts
from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_SAMPLES = 1000
# One step in three and a half days of samples every 30 s.
_RARE = 0.9999
_FLOOR_W = 5.0


class Jump(PerDevice):
    """|step| over the 99.99 % quantile of steps; 4 bytes a device."""

    name = "jump"
    needs = 2
    columns: ClassVar[Mapping[str, Column]] = {"largest_w": Column(np.float32, fill=np.nan)}
    largest_w: NDArray[np.float32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the largest steps of one device; too short a past leaves it as it was."""
        past = history.part(history.usable)
        if len(past) < _LEAST_SAMPLES:
            return
        # Over a gap the difference of two neighbours is no step.
        steps_w = np.abs(np.diff(past.power_w))[np.diff(past.count) == 1]
        if len(steps_w):
            self.largest_w[slot] = np.quantile(steps_w, _RARE) + _FLOOR_W

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the last step over the largest."""
        before_w = decode_watts(view.lagged(1))
        step_w = np.where(samples.count >= self.needs, samples.power_w - before_w, np.nan)
        raw = np.abs(step_w) / self.largest_w[samples.slot]
        return Scores(raw.astype(np.float32), facts={"step_w": step_w, "power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say which way it jumped, how far and to what."""
        way = "up" if facts["step_w"] > 0 else "down"
        return f"jumped {way} by {watts(abs(facts['step_w']))} to {watts(facts['power_w'])}, more than it ever does"

    def clone(self) -> Jump:
        """Return the same method without devices."""
        return Jump()
