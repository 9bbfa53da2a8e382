"""Two-sided CUSUM of the distance from the usual hour: what is a little off for long.

Page, "Continuous inspection schemes", Biometrika 41(1/2), 1954. The residual is that of the hour-of-week profile,
clipped, so that one wild hour is not a drift; the chart restarts with the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import duration, watts
from kilowatch.core.playback import as_samples
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.window import WindowRing
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.hour_of_week import HourOfWeek
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_SLACK = 0.75
"""Half of the shift, in spreads, that is looked for."""
_CLIP = 3.0
_BOUND = 500.0
"""Spread-hours: a chart that went on rising for weeks would take weeks to come back."""


class Cusum(PerDevice):
    """The larger of both sums, in spread-hours; 24 bytes a device beside the hour-of-week profile."""

    name = "cusum"
    needs = HourOfWeek.needs
    columns: ClassVar[Mapping[str, Column]] = {
        "cusum_above": Column(np.float64),
        "cusum_below": Column(np.float64),
        "cusum_centre": Column(np.float32),
        "cusum_scale": Column(np.float32, fill=np.nan),
    }
    cusum_above: NDArray[np.float64]
    cusum_below: NDArray[np.float64]
    cusum_centre: NDArray[np.float32]
    cusum_scale: NDArray[np.float32]

    def __init__(self) -> None:
        super().__init__()
        self._profile = HourOfWeek()
        self.parts = (self._profile,)

    def fit(self, slot: int, history: Series) -> None:
        """Learn the profile, and the centre and scale of the distance from it."""
        self._profile.fit(slot, history)
        own = HourOfWeek()
        own.reserve(1)
        own.fit(0, history)
        samples = as_samples(history.part(history.usable))
        if not len(samples):
            return
        ring = WindowRing()
        ring.reserve(1)
        z = _signed(own, samples, ring.view(samples))
        z = z[~np.isnan(z)]
        if len(z):
            low, centre, high = np.quantile(z, (0.16, 0.5, 0.84))
            self.cusum_centre[slot] = centre
            self.cusum_scale[slot] = max(float(high - low) / 2, 0.3)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the larger sum at each sample, NaN where the device is not learnt."""
        z = _signed(self._profile, samples, view)
        z = (z - self.cusum_centre[samples.slot]) / self.cusum_scale[samples.slot]
        known = ~np.isnan(z)
        hours = samples.grid_ms / HOUR_MS
        drift = np.where(known, np.clip(np.nan_to_num(z), -_CLIP, _CLIP), 0.0)
        slack = np.where(known, _SLACK, 0.0)
        stretches = Stretches.of(samples)
        above = self._run(stretches, (drift - slack) * hours, self.cusum_above)
        below = self._run(stretches, (-drift - slack) * hours, self.cusum_below)
        owner, ends = samples.segments.slot, samples.segments.ends
        self.cusum_above[owner], self.cusum_below[owner] = above[ends], below[ends]
        raw = np.where(known, np.maximum(above, below), np.nan)
        side = np.where(above >= below, 1.0, -1.0)
        return Scores(raw.astype(np.float32), facts={"side": side, "excess": raw, "power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say which way it has been off."""
        side = "more" if facts["side"] > 0 else "less"
        long = duration(HOUR_MS * max(facts["excess"] / (_CLIP - _SLACK), 1.0))
        return f"draws {side} than usual at this hour, for {long} or longer; now {watts(facts['power_w'])}"

    def clone(self) -> Cusum:
        """Return the same method without devices."""
        return Cusum()

    @staticmethod
    def _run(stretches: Stretches, gain: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
        return stretches.segments.scan(gain, stretches.before(before, 0.0), _bounded)


def _bounded(total: float, gain: float) -> float:
    """Return min(max(0, total + gain), bound) by arithmetic that means the same for arrays."""
    raised = total + gain
    positive = (raised + abs(raised)) * 0.5
    over = positive - _BOUND
    return positive - (over + abs(over)) * 0.5


def _signed(profile: HourOfWeek, samples: Samples, view: WindowView) -> NDArray[np.float64]:
    """Return the signed z-score of each sample's five minutes, float64[n], NaN where it is not known."""
    scores = profile.score(samples, view)
    low_w, high_w = scores.low_w, scores.high_w
    if low_w is None or high_w is None:
        return scores.raw.astype(np.float64)
    middle_w = (low_w.astype(np.float64) + high_w) / 2
    return scores.raw.astype(np.float64) * np.sign(scores.facts["mean_w"] - middle_w)
