"""The level of the last hour as an exponentially weighted mean, against how that mean moved in the past.

EWMA control chart: Roberts, "Control chart tests based on geometric moving averages", Technometrics 1(3), 1959;
here with the median and MAD of the chart's own past instead of a normal model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import band, watts
from kilowatch.core.playback import as_samples
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

HALF_LIFE_MS = 1_800_000
"""A change shows by half within half an hour."""
_LEAST_SAMPLES = 2000
_FLOOR_W = 1.0
_FLOOR_SHARE = 0.03
_BOUND_SPREAD = 3.29


class Ewma(PerDevice):
    """|weighted mean - its median| / its spread; 16 bytes a device."""

    name = "ewma"
    needs = 60
    columns: ClassVar[Mapping[str, Column]] = {
        "ewma_median_w": Column(np.float32, fill=np.nan),
        "ewma_spread_w": Column(np.float32, fill=np.nan),
        "ewma_w": Column(np.float64),
    }
    ewma_median_w: NDArray[np.float32]
    ewma_spread_w: NDArray[np.float32]
    ewma_w: NDArray[np.float64]

    def fit(self, slot: int, history: Series) -> None:
        """Learn how one device's mean moves."""
        samples = as_samples(history.part(history.usable))
        if len(samples) < _LEAST_SAMPLES:
            return
        level_w = _level(samples, np.zeros(1))[samples.count >= self.needs]
        if len(level_w) < _LEAST_SAMPLES // 2:
            return
        median_w, low_w, high_w = np.quantile(level_w, (0.5, 0.05, 0.95))
        mad_w = 1.4826 * float(np.median(np.abs(level_w - median_w)))
        floor_w = max(_FLOOR_W, _FLOOR_SHARE * float(median_w))
        self.ewma_median_w[slot] = median_w
        self.ewma_spread_w[slot] = max(mad_w, float(high_w - low_w) / _BOUND_SPREAD, floor_w)

    def score(self, samples: Samples, view: WindowView) -> Scores:  # noqa: ARG002 - the protocol's
        """Return the z-score of the weighted mean."""
        level_w = _level(samples, self.ewma_w)
        self.ewma_w[samples.segments.slot] = level_w[samples.segments.ends]
        median_w = self.ewma_median_w[samples.slot].astype(np.float64)
        spread_w = self.ewma_spread_w[samples.slot]
        raw = np.where(samples.count >= self.needs, np.abs(level_w - median_w) / spread_w, np.nan)
        low_w, high_w = (median_w - spread_w).astype(np.float32), (median_w + spread_w).astype(np.float32)
        return Scores(raw.astype(np.float32), low_w, high_w, {"level_w": level_w, "usual_w": median_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it drew of late, and what it usually does."""
        usual = band(facts.get("low_w", np.nan), facts.get("high_w", np.nan)) or f"about {watts(facts['usual_w'])}"
        return f"drew {watts(facts['level_w'])} over the last hour; usually {usual}"

    def clone(self) -> Ewma:
        """Return the same method without devices."""
        return Ewma()


def _level(samples: Samples, before_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean at each sample; a window that begins starts from its first value."""
    stretches, power_w = Stretches.of(samples), samples.power_w.astype(np.float64)
    pieces = stretches.segments
    gain = 1.0 - 0.5 ** (samples.grid_ms[pieces.starts] / HALF_LIFE_MS)
    start_w = np.where(stretches.fresh, power_w[pieces.starts], before_w[pieces.slot])
    if len(gain) and gain.min() == gain.max():
        return pieces.scan(power_w, start_w, _step(float(gain[0])))
    level_w = np.empty(len(samples))
    for each in np.unique(gain):
        rows = (gain == each)[pieces.of_row]
        level_w[rows] = pieces.keep(rows).scan(power_w[rows], start_w[gain == each], _step(float(each)))
    return level_w


def _step(gain: float) -> Any:
    return lambda level, value: level + gain * (value - level)
