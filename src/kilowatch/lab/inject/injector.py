"""What every kind of injection is made of: a draft to work on, the change it makes, and what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from kilowatch.lab.inject.spec import Family, Injection
    from kilowatch.lab.inject.trace import Trace

HOUR_S = 3600
DAY_MS = 86_400_000
# Quantiles of fewer say more of chance than of the device.
_ENOUGH_PAST = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """What an injector works on: the whole clean trace, the rows to change, and its numbers, all resolved."""

    trace: Trace
    rows: slice
    strength: float
    params: Mapping[str, float]
    rng: np.random.Generator

    @property
    def size(self) -> int:
        """How many rows are to change."""
        return self.rows.stop - self.rows.start

    @property
    def clean(self) -> NDArray[np.float64]:
        """The true watts of the rows, as a copy."""
        return self.trace.power_w[self.rows].copy()

    @property
    def elapsed_ms(self) -> NDArray[np.int64]:
        """Time since the first of the rows, int64."""
        return self.trace.ts_ms[self.rows] - self.trace.ts_ms[self.rows.start]

    @property
    def progress(self) -> NDArray[np.float64]:
        """(t - a) / (b - a), from 0 up to but not reaching 1."""
        return np.arange(self.size) / self.size

    @property
    def past(self) -> NDArray[np.float64]:
        """Finite watts before the rows, the training part of the formulas; of the whole trace where they are few."""
        before = self.trace.power_w[: self.rows.start]
        finite = before[np.isfinite(before)]
        if len(finite) >= _ENOUGH_PAST:
            return finite
        whole = self.trace.power_w[np.isfinite(self.trace.power_w)]
        return whole if len(whole) else np.zeros(1)

    @property
    def clean_mean_w(self) -> float:
        """Mean of the finite true watts of the rows, 0 where there are none."""
        finite = self.clean[np.isfinite(self.clean)]
        return float(finite.mean()) if len(finite) else 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """What an injector made of the rows.

    power_w: float64[k]. touched: bool[k] where only some of the rows belong to the anomaly, None for all. ts_ms:
    int64[k] where the stamps change. drawn: the numbers derived or drawn on the way.
    """

    power_w: NDArray[np.float64]
    touched: NDArray[np.bool_] | None = None
    ts_ms: NDArray[np.int64] | None = None
    drawn: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Injector:
    """One kind: how it changes a trace, and what its numbers mean.

    strength: what the number is, with its unit; empty where the formula has none. usual: the range it is drawn from
    where none is given. hours: the durations that `place` draws from. params: further numbers with their defaults.
    """

    kind: Injection
    family: Family
    meaning: str
    strength: str
    usual: tuple[float, float]
    hours: tuple[float, float]
    params: Mapping[str, float]
    apply: Callable[[Draft], Change]


def injector(
    kind: Injection,
    family: Family,
    meaning: str,
    strength: str,
    usual: tuple[float, float],
    hours: tuple[float, float],
    **params: float,
) -> Callable[[Callable[[Draft], Change]], Injector]:
    """Turn a formula into the `Injector` of its kind."""

    def of(apply: Callable[[Draft], Change]) -> Injector:
        return Injector(kind, family, meaning, strength, usual, hours, params, apply)

    return of


def floored(changed_w: NDArray[np.float64], clean_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the change without negative watts, except where the true reading is negative (feeding in) already."""
    return np.maximum(changed_w, np.minimum(clean_w, 0.0))


def rows_at(rows: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
    """Return a mask that is True at the rows."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask
