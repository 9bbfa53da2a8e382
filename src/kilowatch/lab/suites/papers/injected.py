"""Theft and faults put into real meters, for a classifier that is tested on meters and types that it never saw.

Training meters give normal and abnormal windows of every type but one; validation takes their later days; the test is
the later half of meters that training never saw, with that type alone. Every meter is scaled by its own first half,
which no test window touches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.datasets import Family, meters
from kilowatch.lab.inject import Injection, InjectionSpec, Trace, inject
from kilowatch.lab.suites.papers.meters import WINDOW, Labelled, Trial, is_idle, readings
from kilowatch.nets.card import Scaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP_MS = 30_000
TYPES = (
    Injection.H1,
    Injection.H3,
    Injection.H4,
    Injection.H5,
    Injection.T8,
    Injection.STUCK,
    Injection.NOISE,
    Injection.SPIKE,
    Injection.DRIFT,
    Injection.NEVER_STOPS,
    Injection.PHANTOM,
    Injection.SHORT_CYCLING,
)
"""Theft first, then faults of meter and appliance."""
ALL = "no type left out"
_TEST_METERS = 3
"""Every so many meters test, the others train."""
_PER_METER = 96
"""Abnormal windows of a meter, over all types; as many normal ones."""
_VALIDATION = 0.25


@dataclass(frozen=True, slots=True)
class Unseen:
    """The type that is tested and left out of training; None: every type is in both."""

    left_out: Injection | None

    @property
    def name(self) -> str:
        """The type."""
        return ALL if self.left_out is None else self.left_out.value

    @property
    def protocol(self) -> str:
        """How this is called in tables."""
        return "injected, unseen meters" if self.left_out is None else "injected, unseen meters and type"


def injected_trial(unseen: Unseen, seed: int) -> Trial:
    """Return windows on the scale of each meter's own past, so that the scaling left to do is none."""
    train_types = tuple(kind for kind in TYPES if kind is not unseen.left_out)
    test_types = TYPES if unseen.left_out is None else (unseen.left_out,)
    train: list[Labelled] = []
    validation: list[Labelled] = []
    test: list[Labelled] = []
    for number, power_w in enumerate(_readings()):
        border = len(power_w) // 2
        unit = _scaled_by(power_w[:border])
        if number % _TEST_METERS == 2:
            test.append(_both(power_w, (border, len(power_w)), unit, test_types, (seed, number)))
            continue
        late = round((1 - _VALIDATION) * len(power_w))
        train.append(_both(power_w, (0, late), unit, train_types, (seed, number)))
        # A further number in the seed, or validation would draw what training of the same meter drew.
        validation.append(_both(power_w, (late, len(power_w)), unit, train_types, (seed, number, 1)))
    return Trial(Labelled.join(train), Labelled.join(validation), Labelled.join(test), Scaler(0.0, 1.0))


@lru_cache(maxsize=1)
def _readings() -> list[NDArray[np.float32]]:
    """Return the meters that draw something."""
    every = [readings(meter) for meter in meters(Family.COMBED)]
    return [power_w for power_w in every if not is_idle(power_w)]


def _scaled_by(past_w: NDArray[np.float32]) -> Scaler:
    low, high = float(past_w.min()), float(past_w.max())
    return Scaler(low, max(high - low, 1.0))


def _both(
    power_w: NDArray[np.float32],
    span: tuple[int, int],
    unit: Scaler,
    types: tuple[Injection, ...],
    seed: tuple[int, ...],
) -> Labelled:
    """Return normal and abnormal windows of a span, no reading in both, on the scale of the meter."""
    rng = np.random.default_rng(seed)
    starts = rng.permutation(np.arange(span[0], span[1] - WINDOW + 1, WINDOW))
    some = min(_PER_METER, len(starts) // 2)
    ts_ms = STEP_MS * np.arange(1, len(power_w) + 1, dtype=np.int64)
    trace = Trace(ts_ms, power_w.astype(np.float64), STEP_MS / 1000)
    odd = [
        found
        for place, start in enumerate(starts[:some].tolist())
        if (found := _injected(trace, start, types[place % len(types)], int(rng.integers(2**31)))) is not None
    ]
    normal = np.stack([power_w[start : start + WINDOW] for start in starts[some : some + len(odd)].tolist()])
    watts = np.concatenate([normal, np.asarray(odd, dtype=np.float32).reshape(-1, WINDOW)])
    label = np.repeat(np.array([0, 1], dtype=np.float32), [len(normal), len(odd)])
    return Labelled(((watts - unit.low_w) / unit.span_w).astype(np.float32), label)


def _injected(trace: Trace, start: int, kind: Injection, seed: int) -> NDArray[np.float64] | None:
    """Return the window with an injection throughout, None where no meter could show it."""
    spec = InjectionSpec.lasting(kind, int(trace.ts_ms[start]), WINDOW * trace.interval_s)
    changed, mask, resolved = inject(trace, spec, seed)
    if resolved.seen_ms is None or not mask.any():
        return None
    return np.nan_to_num(changed.power_w[start : start + WINDOW])
