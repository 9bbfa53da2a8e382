"""What the last quarter of an hour did not foretell: the residuals of an autoregressive model.

AR(p) by least squares on the device's past, the best of twelve methods on real fridges (Zangrando et al., "Anomaly
detection in quasi-periodic energy consumption data series", Energy Informatics 5, 2022). A residual is measured in
robust spreads of the device's own residuals and averaged exponentially: a single edge that every cycle has must not
outweigh a minute that nothing explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.quantise import decode_watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.spread import robust_spread
from kilowatch.detectors.stretches import Stretches
from kilowatch.detectors.training import training_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

ORDER = 32
_LEAST_WINDOWS = 1000
_MOST_WINDOWS = 40_000
_RIDGE = 1e-6
"""Share of the mean variance added to each lag's: a flat past has an answer too."""
_KEEP = 0.9
"""Of the running mean: it looks back about ten samples."""
_MOST = 1000.0
"""Spreads that one residual counts at most."""
# What is less than this share of the highest power is the meter, not the device.
_FLOOR_OF_TOP = 0.005


class Autoregressive(PerDevice):
    """Running mean of |residual| in spreads; 144 bytes a device."""

    name = "autoregressive"
    needs = ORDER + 1
    columns: ClassVar[Mapping[str, Column]] = {
        "weights": Column(np.float32, ORDER),
        "offset_w": Column(np.float32),
        "spread_w": Column(np.float32, fill=np.nan),
        "level": Column(np.float64),
    }
    weights: NDArray[np.float32]
    offset_w: NDArray[np.float32]
    spread_w: NDArray[np.float32]
    level: NDArray[np.float64]

    def fit(self, slot: int, history: Series) -> None:
        """Learn the weights and the usual residual of one device; too short a past leaves it as it was."""
        past = history.part(history.usable)
        windows_w = training_windows(past, self.needs, _MOST_WINDOWS).astype(np.float64)
        if len(windows_w) < _LEAST_WINDOWS:
            return
        top_w = float(np.quantile(past.power_w, 0.99))
        weights, offset_w = _least_squares(windows_w)
        residual_w = windows_w[:, -1] - windows_w[:, :-1] @ weights - offset_w
        self.weights[slot], self.offset_w[slot] = weights, offset_w
        self.spread_w[slot] = robust_spread(residual_w) + max(_FLOOR_OF_TOP * top_w, history.record.off_below_w)

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the running mean of residuals in spreads."""
        slot = samples.slot
        known = (samples.count >= self.needs) & ~np.isnan(self.spread_w[slot])
        expected_w = self._expected_w(samples, view)
        away = np.abs(samples.power_w - expected_w) / self.spread_w[slot]
        share = (1 - _KEEP) * np.where(known, np.minimum(away, _MOST), 0.0)
        stretches = Stretches.of(samples)
        level = stretches.segments.scan(share, stretches.before(self.level), _decayed)
        self.level[samples.segments.slot] = level[samples.segments.ends]
        raw = np.where(known, level, np.nan)
        return Scores(raw.astype(np.float32), facts={"power_w": samples.power_w, "expected_w": expected_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws and what its last minutes led to expect."""
        expected = watts(max(facts["expected_w"], 0.0))
        return f"changes as it never did: {watts(facts['power_w'])} now, where its last minutes led to {expected}"

    def clone(self) -> Autoregressive:
        """Return the same method without devices."""
        return Autoregressive()

    def _expected_w(self, samples: Samples, view: WindowView) -> NDArray[np.float64]:
        """Return the forecast of each sample, lag by lag in one order, so that no cut of a batch changes a bit."""
        expected_w = self.offset_w[samples.slot].astype(np.float64)
        for lag in range(1, ORDER + 1):
            expected_w += self.weights[samples.slot, ORDER - lag] * decode_watts(view.lagged(lag)).astype(np.float64)
        return expected_w


def _least_squares(windows_w: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return weights of the values before the last, oldest first, and the offset that foretell the last."""
    mean_w = windows_w.mean(axis=0)
    centred = windows_w - mean_w
    past, now = centred[:, :-1], centred[:, -1]
    products = past.T @ past
    ridge = _RIDGE * max(float(np.trace(products)) / ORDER, 1.0)
    # Rounded as they are kept: offset and usual residual must be those of the weights that will score.
    weights = np.linalg.solve(products + ridge * np.eye(ORDER), past.T @ now).astype(np.float32).astype(np.float64)
    return weights, float(mean_w[-1] - mean_w[:-1] @ weights)


def _decayed(level: Any, share: Any) -> Any:
    return _KEEP * level + share
