"""Any detector of PyOD, river or aeon in our tables, by name: `pyod:ECOD`, `river:HalfSpaceTrees`, `aeon:KMeansAD`.

For comparison only. Each learns a device's normal windows once, with its library's default settings, and then scores
windows that have ended; it never learns from what it scores. Some score a batch against itself (ECOD ranks all rows
together): such models get each window alone, or their scores would look ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.compare_models import Model, made, quiet
from kilowatch.detectors.strided import are_due, let_stand
from kilowatch.detectors.training import training_windows
from kilowatch.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView

_LEAST_WINDOWS = 500
_MOST_WINDOWS = 1000
_MOST_PAST = 4000
_PROBES = 8
_FEWER_ALONE, _ASKED_ALONE = 4, 50
"""A model that gets each window alone learns from every fourth, and finds its scale on a few."""
_USUAL = 0.9
_BITS = 2.0**14
"""Scores keep 14 bits: libraries round their last ones differently in batches of different size."""
_MOST = 1e6
_LEAST_WIDTH = 1e-9
_CHUNK = 4096


class Fitted:
    """One device's model, never changed once fitted, and the scale of its scores."""

    __slots__ = ("alone", "low", "low_w", "model", "spread_w", "width")

    def __init__(self, model: Model, low_w: float, spread_w: float) -> None:
        self.model, self.low_w, self.spread_w = model, low_w, spread_w
        self.alone, self.low, self.width = True, 0.0, 1.0

    def __deepcopy__(self, memo: object) -> Fitted:
        return self

    def learn(self, name: str, past_w: NDArray[np.float32], windows_w: NDArray[np.float32]) -> None:
        """Fit the model; `DetectorError` where it cannot learn from windows, or changes while it scores."""
        windows, past = self._scaled(windows_w), self._scaled(past_w)
        probes = windows[np.linspace(0, len(windows) - 1, _PROBES).astype(np.intp)]
        try:
            with quiet():
                self.model.fit(past, windows)
                together = self.model.scores(probes)
                # Alone twice and together once: what draws anew is refused, what ranks a batch against itself is found.
                first, second = (self._one_by_one(probes) for _ in range(2))
        # Three libraries raise whatever they like: for a comparison each means one detector that cannot learn.
        except Exception as error:
            raise DetectorError(f"{name} could not learn from a past: {error}", "Compare with another one.") from error
        if not np.array_equal(first, second, equal_nan=True):
            raise DetectorError(f"{name} gives the same window another score each time.", "Compare with another one.")
        self.alone = not np.allclose(first, together, rtol=1e-9, atol=1e-12, equal_nan=True)
        if self.alone:
            with quiet():
                self.model.fit(past, windows[::_FEWER_ALONE])
        every = windows[:: max(len(windows) // _ASKED_ALONE, 1)] if self.alone else windows
        known = np.nan_to_num(self._asked(every), nan=0.0, posinf=_MOST, neginf=-_MOST)
        self.low = float(known.min())
        self.width = max(float(np.quantile(known, _USUAL)) - self.low, _LEAST_WIDTH * max(abs(self.low), 1.0))

    def raw(self, windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far scores lie above the least of the past, over what nine in ten of it keep under."""
        said = np.nan_to_num(self._asked(self._scaled(windows_w)), nan=self.low, posinf=np.inf, neginf=self.low)
        part, exponent = np.frexp(np.clip((said - self.low) / self.width, 0.0, _MOST))
        return np.ldexp(np.rint(part * _BITS) / _BITS, exponent).astype(np.float32)

    def _asked(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        with quiet():
            return self._one_by_one(windows) if self.alone else self.model.scores(windows)

    def _one_by_one(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([self.model.scores(window[None]) for window in windows])

    def _scaled(self, values_w: NDArray[np.float32]) -> NDArray[np.float64]:
        return (values_w - np.float64(self.low_w)) / self.spread_w


class Compared(PerDevice):
    """Another library's detector; its models are objects, which no snapshot keeps.

    stride: a device is looked at on every stride-th sample, at its own phase; between, its score stands.
    """

    columns: ClassVar[Mapping[str, Column]] = {
        "model": Column(np.object_),
        "standing": Column(np.float32, fill=np.nan),
    }
    model: NDArray[np.object_]
    standing: NDArray[np.float32]

    def __init__(self, name: str, stride: int = 10) -> None:
        super().__init__()
        self.name = name
        self.stride = stride
        self.needs = made(name).length

    def fit(self, slot: int, history: Series) -> None:
        """Learn one device; too short a past leaves it as it was. `DetectorError` where the model cannot learn so."""
        past = history.part(history.usable)
        windows_w = training_windows(past, self.needs, _MOST_WINDOWS)
        if len(windows_w) < _LEAST_WINDOWS:
            return
        low_w, high_w = np.quantile(past.power_w, (0.01, 0.99))
        floor_w = max(history.record.off_below_w, 0.005 * high_w)
        fitted = Fitted(made(self.name), float(low_w), float(high_w - low_w + floor_w))
        fitted.learn(self.name, past.power_w[-_MOST_PAST:], windows_w)
        self.model[slot] = fitted

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the model's score over what is usual."""
        due = are_due(samples, self.needs, self.stride)
        raw = np.full(len(samples), np.nan, dtype=np.float32)
        for segment in np.unique(samples.segments.of_row[due]):
            start = samples.segments.starts[segment]
            fitted: Any = self.model[samples.slot[start]]
            if not isinstance(fitted, Fitted):
                continue
            rows = start + np.flatnonzero(due[start : start + samples.segments.lengths[segment]])
            for first in range(0, len(rows), _CHUNK):
                part = rows[first : first + _CHUNK]
                raw[part] = fitted.raw(view.matrix(part, self.needs))
        return Scores(let_stand(samples, raw, due, self.standing), facts={"power_w": samples.power_w})

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws, and whose word that is."""
        return f"odd to {self.name}, at {watts(facts['power_w'])} now"

    def clone(self) -> Compared:
        """Return the same method without devices."""
        return Compared(self.name, self.stride)
