"""Fifteen types of injection, each in the strengths that are tried: recall by dose says more than one number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.inject import INJECTIONS, Injection, InjectionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.inject import Trace

HOUR_MS = 3_600_000
LONGEST_HOURS = 12.0
"""Nothing lasts longer, so that several fit into a week beside each other; theft that goes on is easier to see."""
_LEAST_HOURS = 2.0
GAP_MS = 6 * HOUR_MS
_MOST_MISSING_MS = HOUR_MS
# A tenth of a charger is nothing that a plug could show.
_LEAST_PHANTOM_W = 5.0


@dataclass(frozen=True, slots=True)
class Dose:
    """One strength of one type; of_mean: the strength is a share of the device's mean power."""

    kind: Injection
    strength: float | None = None
    label: str = ""
    of_mean: bool = False
    params: Mapping[str, float] = field(default_factory=dict)

    def spec(self, start_ms: int, end_ms: int, mean_w: float) -> InjectionSpec:
        """Return the injection of this dose into a span of a device that draws mean_w."""
        strength = self.strength
        if strength is not None and self.of_mean:
            strength = max(strength * mean_w, _LEAST_PHANTOM_W)
        return InjectionSpec(self.kind, start_ms, end_ms, strength, self.params)


def _doses(kind: Injection, unit: str, *strengths: float, **params: float) -> tuple[Dose, ...]:
    return tuple(Dose(kind, value, f"{value:g} {unit}".strip(), params=params) for value in strengths)


DOSES: tuple[tuple[Dose, ...], ...] = (
    _doses(Injection.H1, "of the reading", 0.8, 0.5, 0.2),
    _doses(Injection.H2, "h at zero", 1, 4, 12),
    (Dose(Injection.H3, 0.8, "0.1 to 0.8 of the reading"),),
    (Dose(Injection.H4, 0.8, "0.1 to 0.8 of the mean"),),
    (Dose(Injection.H5, 1.0, "the mean"),),
    (Dose(Injection.H6, None, "reversed"),),
    _doses(Injection.T7, "of the largest", 0.7, 0.6, 0.5),
    _doses(Injection.OFFSET, "sd", 1, 2, 3),
    _doses(Injection.SPIKE, "times more", 2, 5, 10),
    (Dose(Injection.STUCK, None, "frozen"),),
    _doses(Injection.NOISE, "sd", 0.5, 1, 2),
    _doses(Injection.DRIFT, "sd at the end", 1, 2, 3),
    _doses(Injection.DROPOUT, "of readings zero", 0.2, 0.5, 1, as_zero=1.0),
    (Dose(Injection.STUCK_ON, None, "on"),),
    tuple(Dose(Injection.PHANTOM, share, f"{100 * share:g} % of the mean", of_mean=True) for share in (0.1, 0.2, 0.4)),
)
"""The fifteen types of the notes on detection (section 5.5), weakest dose first."""


def doses_of(device: int, copy: int, copies: int) -> list[Dose]:
    """Return the doses of one copy: the types are dealt out to the copies, the strengths rotate over devices."""
    dealt = np.random.default_rng(device).permutation(len(DOSES))[copy::copies]
    return [DOSES[kind][(device + kind) % len(DOSES[kind])] for kind in dealt.tolist()]


def placed(trace: Trace, doses: Sequence[Dose], seed: int, from_ms: int) -> tuple[InjectionSpec, ...]:
    """Return the doses as injections after from_ms: each somewhere within its own equal share of that time.

    Types for which a share is too short, or too full of gaps, are left out: a series of few days holds fewer of them.
    """
    rng = np.random.default_rng(seed)
    begin = int(np.searchsorted(trace.ts_ms, from_ms))
    mean_w = float(np.nanmean(trace.power_w[:begin])) if begin else 0.0
    edges = np.linspace(begin, len(trace), len(doses) + 1).astype(np.intp)
    # Half at either end of a share makes a whole gap between two injections.
    gap = round(GAP_MS / trace.interval_ms / 2)
    specs = []
    for dose, start, end in zip(doses, edges[:-1], edges[1:], strict=True):
        length = _length(dose.kind, trace, rng)
        free = _whole_spans(trace, start + gap, end - gap, length)
        if len(free):
            first = int(free[rng.integers(len(free))])
            last_ms = int(trace.ts_ms[first + length - 1])
            # Half an interval past the last reading: the next one stays outside even where it comes a little early.
            specs.append(dose.spec(int(trace.ts_ms[first]), last_ms + trace.interval_ms // 2, mean_w))
    return tuple(specs)


def _whole_spans(trace: Trace, start: int, end: int, length: int) -> NDArray[np.intp]:
    """Return the first rows of all spans of so many readings between two rows in which at most an hour is missing."""
    first = np.arange(start, max(end - length + 1, start))
    lasting_ms = trace.ts_ms[first + length - 1] - trace.ts_ms[first]
    return first[lasting_ms <= (length - 1) * trace.interval_ms + _MOST_MISSING_MS]


def _length(kind: Injection, trace: Trace, rng: np.random.Generator) -> int:
    """Return how many readings an injection lasts: of its usual hours those up to `LONGEST_HOURS`."""
    low, high = (min(hours, LONGEST_HOURS) for hours in INJECTIONS[kind].hours)
    # A range that lies beyond the longest is cut to a point there: from half of it on, so that lengths still vary.
    low = min(low, max(high / 2, _LEAST_HOURS)) if high > 1 else low
    # H2 is zero for the hours of its dose somewhere in its span, so the span takes the longest of them.
    hours = LONGEST_HOURS if kind is Injection.H2 else float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return max(1, round(hours * HOUR_MS / trace.interval_ms))
