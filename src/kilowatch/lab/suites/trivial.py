"""The best of the trivial rules: how far a sample lies from the device's median."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.detectors.columns import Column, PerDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_SPREAD_W = 1.0
# Of a normal distribution: its standard deviation is so many times its median deviation.
_MAD_TO_SD = 1.4826


class Amplitude(PerDevice):
    """|x - median| over the MAD of clean history; the least spread is 1 W, for plugs that are off most of the time."""

    name = "amplitude"
    needs = 1
    columns: ClassVar[Mapping[str, Column]] = {
        "median_w": Column(np.float32, fill=np.nan),
        "spread_w": Column(np.float32, fill=np.nan),
    }
    median_w: NDArray[np.float32]
    spread_w: NDArray[np.float32]

    def fit(self, slot: int, history: Series) -> None:
        """Learn median and spread."""
        power_w = history.power_w[history.usable]
        if len(power_w):
            self.median_w[slot] = np.median(power_w)
            mad_w = float(np.median(np.abs(power_w - self.median_w[slot])))
            self.spread_w[slot] = max(_MAD_TO_SD * mad_w, _LEAST_SPREAD_W)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the distance from the median, in spreads."""
        median_w, spread_w = self.median_w[samples.slot], self.spread_w[samples.slot]
        raw = np.abs(samples.power_w - median_w) / spread_w
        return Scores(raw, median_w - spread_w, median_w + spread_w, {"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws."""
        return f"draws {watts(facts['power_w'])}, far from its median"

    def clone(self) -> Amplitude:
        """Return the same rule without devices."""
        return Amplitude()
