"""Faults of the meter and of its data.

Ni et al., "Sensor Network Data Fault Types" (ACM Transactions on Sensor Networks 5(3), 2009); Sharma, Golubchik,
Govindan, "Sensor Faults: Detection Methods and Prevalence in Real-World Datasets" (ACM Transactions on Sensor
Networks 6(3), 2010): SHORT, CONSTANT, NOISE and their kin. a is the first row of the span, b the first after it.
"""

from __future__ import annotations

import numpy as np

from kilowatch.errors import ConfigError
from kilowatch.lab.inject.injector import Change, Draft, floored, injector, rows_at
from kilowatch.lab.inject.spec import Family, Injection

_F = Family.SENSOR
_FEW_HOURS = (1.0, 6.0)
_ONE = (0.01, 0.01)
_SD = "past standard deviations"


@injector(Injection.SPIKE, _F, "one reading too high", "share of the reading that is added", (2, 10), _ONE)
def spike(draft: Draft) -> Change:
    """SHORT: y_a = x_a + f x_a at one sample, the first of the span."""
    watts = draft.clean
    watts[0] += draft.strength * watts[0]
    return Change(floored(watts, draft.clean), np.arange(draft.size) == 0)


@injector(Injection.STUCK, _F, "the reading is frozen", "", (1, 1), _FEW_HOURS)
def stuck(draft: Draft) -> Change:
    """CONSTANT: y = x_a on [a, b); counts from where the true signal moves."""
    return Change(np.full(draft.size, draft.clean[0]))


@injector(Injection.NOISE, _F, "random noise on top", _SD, (0.5, 2), _FEW_HOURS)
def noise(draft: Draft) -> Change:
    """NOISE: y = x + N(0, (k sd)^2)."""
    sd_w = draft.strength * float(draft.past.std())
    return Change(floored(draft.clean + draft.rng.normal(0.0, sd_w, draft.size), draft.clean), drawn={"sd_w": sd_w})


@injector(Injection.OFFSET, _F, "a constant offset", _SD, (1, 3), _FEW_HOURS)
def offset(draft: Draft) -> Change:
    """OFFSET: y = x + c, c in past standard deviations."""
    offset_w = draft.strength * float(draft.past.std())
    return Change(floored(draft.clean + offset_w, draft.clean), drawn={"offset_w": offset_w})


@injector(Injection.GAIN, _F, "wrong gain", "factor", (1.2, 2), _FEW_HOURS)
def gain(draft: Draft) -> Change:
    """GAIN: y = g x."""
    return Change(draft.clean * draft.strength)


@injector(Injection.DRIFT, _F, "an offset that grows slowly", f"{_SD} at the end", (1, 3), (6.0, 24.0))
def drift(draft: Draft) -> Change:
    """DRIFT: y = x + c (t - a) / (b - a), c in past standard deviations."""
    reach_w = draft.strength * float(draft.past.std())
    return Change(floored(draft.clean + reach_w * draft.progress, draft.clean), drawn={"reach_w": reach_w})


@injector(Injection.DROPOUT, _F, "readings go missing", "share that is lost", (0.2, 1), _FEW_HOURS, as_zero=0.0)
def dropout(draft: Draft) -> Change:
    """DROPOUT: y = NaN (or 0 W with `as_zero` 1) at a random share of the readings."""
    lost = draft.rng.random(draft.size) < draft.strength
    # One at the least: a small share of a short span may draw none.
    lost[draft.rng.integers(draft.size)] = True
    return Change(np.where(lost, 0.0 if draft.params["as_zero"] else np.nan, draft.clean), lost)


@injector(Injection.QUANTISE, _F, "coarse steps", "step in W", (10, 100), (6.0, 24.0))
def quantise(draft: Draft) -> Change:
    """QUANTISE: y = q round(x / q)."""
    if draft.strength <= 0:
        raise ConfigError(f"A quantising step is above 0 W, not {draft.strength}.", "10 to 100 W is usual.")
    return Change(np.rint(draft.clean / draft.strength) * draft.strength)


@injector(Injection.CLOCK_JUMP, _F, "the clock is off for a while", "seconds", (120, 3600), _FEW_HOURS)
def clock_jump(draft: Draft) -> Change:
    """CLOCK: the stamps of the span are off by so many seconds, so some repeat others or go backwards."""
    stamps = draft.trace.ts_ms[draft.rows] + round(draft.strength * 1000)
    return Change(draft.clean, ts_ms=stamps)


@injector(Injection.CLOCK_REPEAT, _F, "stamps repeat", "share that repeats", (0.05, 0.5), _FEW_HOURS)
def clock_repeat(draft: Draft) -> Change:
    """CLOCK: a random share of the readings carries the stamp of the reading before."""
    stamps = draft.trace.ts_ms[draft.rows].copy()
    again = np.flatnonzero(draft.rng.random(draft.size - 1) < draft.strength) + 1
    stamps[again] = draft.trace.ts_ms[draft.rows][again - 1]
    return Change(draft.clean, rows_at(again, draft.size), ts_ms=stamps)


@injector(Injection.CLOCK_ORDER, _F, "readings swap places", "share of pairs", (0.05, 0.5), _FEW_HOURS)
def clock_order(draft: Draft) -> Change:
    """CLOCK: a random share of neighbouring pairs arrives in the wrong order, stamps and watts together."""
    order = np.arange(draft.size)
    # Pairs begin at even rows, so no reading is swapped twice.
    first = 2 * np.flatnonzero(draft.rng.random(draft.size // 2) < draft.strength)
    order[first], order[first + 1] = first + 1, first
    moved = rows_at(np.concatenate((first, first + 1)), draft.size)
    return Change(draft.clean[order], moved, ts_ms=draft.trace.ts_ms[draft.rows][order])


@injector(Injection.UNIT, _F, "wrong unit", "factor", (0.001, 0.001), _FEW_HOURS)
def unit(draft: Draft) -> Change:
    """UNIT: y = x / 1000 (kW reported as W), or x * 1000."""
    return Change(draft.clean * draft.strength)


@injector(Injection.WRAP, _F, "the energy register starts again", "kWh it held", (1, 1000), _ONE)
def wrap(draft: Draft) -> Change:
    """WRAP: watts taken from a register that starts again at zero; one reading loses all the register held."""
    fall_w = draft.strength * 3.6e6 / draft.trace.interval_s
    watts = draft.clean
    # Not floored: the fall below 0 W is what a register that wraps looks like.
    watts[0] -= fall_w
    return Change(watts, np.arange(draft.size) == 0, drawn={"fall_w": fall_w})


SENSOR = (
    spike,
    stuck,
    noise,
    offset,
    gain,
    drift,
    dropout,
    quantise,
    clock_jump,
    clock_repeat,
    clock_order,
    unit,
    wrap,
)
