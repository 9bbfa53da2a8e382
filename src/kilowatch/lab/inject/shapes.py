"""Shapes of the general literature, for figures that can be compared with it.

TODS: Lai, Zha, Xu, Zhao, Wang, Hu, "Revisiting Time Series Outlier Detection: Definitions and Benchmarks" (NeurIPS
Datasets and Benchmarks 2021): global, contextual, shapelet, seasonal, trend. GutenTAG: Wenig, Schmidl, Papenbrock,
"TimeEval" (PVLDB 15(12), 2022): platform, amplitude, pattern shift; its extremum is `global` here, mean `offset`,
variance `noise`, frequency `speed_up`. Goswami, Challu, Callot, Minorics, Kan, "Unsupervised Model Selection for
Time-Series Anomaly Detection" (ICLR 2023): flip, speed-up, cutoff, average, scale, wander, and `affine` for its
contextual; its spikes are `spike` here, its noise `noise`. Where a shape shifts all that follows in the source, it
ends with the span here, so that labels stay exact.
"""

from __future__ import annotations

import numpy as np

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.inject.injector import DAY_MS, Change, Draft, floored, injector
from kilowatch.lab.inject.spec import Family, Injection

_F = Family.SHAPE
_HOURS = (1.0, 6.0)
_ONE = (0.01, 0.01)
_SLOT_MS = 900_000


@injector(Injection.GLOBAL, _F, "one reading beyond all others", "past standard deviations", (3, 8), _ONE)
def global_point(draft: Draft) -> Change:
    """TODS global: y_a = x_a + l sd(x), at least the largest reading of the past."""
    watts = draft.clean
    watts[0] = max(watts[0] + draft.strength * float(draft.past.std()), float(draft.past.max()))
    return Change(watts, np.arange(draft.size) == 0)


@injector(Injection.CONTEXTUAL, _F, "one reading odd for its place", "local sd", (3, 8), _ONE, radius=30)
def contextual_point(draft: Draft) -> Change:
    """TODS contextual: y_a = x_a ± l sd(x over a - radius .. a + radius), within the range of all readings."""
    radius, at = round(draft.params["radius"]), draft.rows.start
    around = draft.trace.power_w[max(0, at - radius) : at + radius + 1]
    step_w = draft.strength * float(np.nanstd(around)) if np.isfinite(around).any() else 0.0
    low, high = float(draft.past.min()), float(draft.past.max())
    watts = draft.clean
    # Up would leave the range of all readings there: that is odd anywhere, not for its place.
    up = watts[0] + step_w <= high
    watts[0] = np.clip(watts[0] + (step_w if up else -step_w), min(low, watts[0]), max(high, watts[0]))
    return Change(watts, np.arange(draft.size) == 0)


@injector(Injection.SHAPELET, _F, "another shape of the same mean and spread", "waves in the span", (3, 12), _HOURS)
def shapelet(draft: Draft) -> Change:
    """TODS shapelet: a square wave takes the place of the signal."""
    finite = draft.clean[np.isfinite(draft.clean)]
    spread_w = float(finite.std()) if len(finite) else 0.0
    sign = np.where((draft.progress * draft.strength) % 1.0 < 0.5, 1.0, -1.0)
    return Change(floored(draft.clean_mean_w + spread_w * sign, draft.clean), drawn={"spread_w": spread_w})


@injector(Injection.SEASONAL, _F, "the daily rhythm runs too fast", "factor", (2, 4), (6.0, 24.0))
def seasonal(draft: Draft) -> Change:
    """TODS seasonal: y_t = x_t - s(t) + s(a + f (t - a)), s the mean of the trace at that time of day."""
    ts_ms, power_w = draft.trace.ts_ms, draft.trace.power_w
    if ts_ms[-1] - ts_ms[0] < 2 * DAY_MS:
        raise ReadingError("A daily rhythm needs two days of readings.", "Use a longer series.")
    slot, known = ts_ms % DAY_MS // _SLOT_MS, np.isfinite(power_w)
    slots = DAY_MS // _SLOT_MS
    count = np.bincount(slot[known], minlength=slots)
    profile = np.bincount(slot[known], weights=power_w[known], minlength=slots) / np.maximum(count, 1)
    start_ms = int(ts_ms[draft.rows.start])
    fast = ((start_ms + draft.strength * draft.elapsed_ms) % DAY_MS // _SLOT_MS).astype(np.intp)
    return Change(floored(draft.clean - profile[slot[draft.rows]] + profile[fast], draft.clean))


@injector(Injection.TREND, _F, "a rise to a new level", "past standard deviations", (1, 3), (6.0, 24.0))
def trend(draft: Draft) -> Change:
    """TODS trend: y = x + slope (t - a), which has reached its level half way and keeps it to the end."""
    reach_w = draft.strength * float(draft.past.std())
    return Change(floored(draft.clean + reach_w * np.minimum(2 * draft.progress, 1.0), draft.clean))


@injector(Injection.PLATFORM, _F, "one constant level", "place in the past range, 0 to 1", (0.25, 0.75), _HOURS)
def platform(draft: Draft) -> Change:
    """GutenTAG platform: y = v."""
    low, high = float(draft.past.min()), float(draft.past.max())
    level_w = low + draft.strength * (high - low)
    return Change(np.full(draft.size, level_w), drawn={"level_w": level_w})


@injector(Injection.AMPLITUDE, _F, "swings grow and shrink again", "largest factor", (1.5, 3), _HOURS)
def amplitude(draft: Draft) -> Change:
    """GutenTAG amplitude: y = m + (1 + (f - 1) bell(t)) (x - m), m the mean of the span, bell a raised cosine."""
    bell = (1 - np.cos(2 * np.pi * (np.arange(draft.size) + 0.5) / draft.size)) / 2
    mean_w = draft.clean_mean_w
    return Change(floored(mean_w + (1 + (draft.strength - 1) * bell) * (draft.clean - mean_w), draft.clean))


@injector(Injection.PATTERN_SHIFT, _F, "the pattern comes late", "seconds", (600, 3600), _HOURS)
def pattern_shift(draft: Draft) -> Change:
    """GutenTAG pattern shift: y_t = x_(t - k)."""
    steps = round(draft.strength / draft.trace.interval_s)
    source = np.clip(np.arange(draft.rows.start, draft.rows.stop) - steps, 0, len(draft.trace) - 1)
    return Change(draft.trace.power_w[source])


@injector(Injection.FLIP, _F, "backwards in time", "", (1, 1), _HOURS)
def flip(draft: Draft) -> Change:
    """Goswami flip: y_t = x_(b - 1 - (t - a))."""
    return Change(draft.clean[::-1].copy())


@injector(Injection.SPEED_UP, _F, "played faster, again and again", "factor", (2, 4), _HOURS)
def speed_up(draft: Draft) -> Change:
    """Goswami speed-up: y_t = x(a + f (t - a)), read between samples, from the start again at the end of the span."""
    place = (np.arange(draft.size) * draft.strength) % draft.size
    return Change(np.interp(place, np.arange(draft.size), draft.clean))


@injector(Injection.CUTOFF, _F, "flat at one of its own levels", "quantile of the span", (0.75, 0.75), _HOURS)
def cutoff(draft: Draft) -> Change:
    """Goswami cutoff: y = a quantile of x on the span."""
    if not 0 <= draft.strength <= 1:
        raise ConfigError(f"A quantile lies between 0 and 1, not {draft.strength}.", "0.75 is usual.")
    finite = draft.clean[np.isfinite(draft.clean)]
    level_w = float(np.quantile(finite, draft.strength)) if len(finite) else 0.0
    return Change(np.full(draft.size, level_w), drawn={"level_w": level_w})


@injector(Injection.AVERAGE, _F, "smoothed", "readings that are averaged", (5, 60), _HOURS)
def average(draft: Draft) -> Change:
    """Goswami average: y = the mean of x over a centred window, shorter at the ends of the span."""
    reach = max(1, round(draft.strength)) // 2
    known = np.isfinite(draft.clean)
    # Running sums: a mean costs the same however wide it is, and a gap neither adds nor counts.
    total = np.concatenate(([0.0], np.cumsum(np.where(known, draft.clean, 0.0))))
    count = np.concatenate(([0], np.cumsum(known)))
    row = np.arange(draft.size)
    left, right = np.maximum(row - reach, 0), np.minimum(row + reach + 1, draft.size)
    return Change((total[right] - total[left]) / np.maximum(count[right] - count[left], 1))


@injector(Injection.SCALE, _F, "all of it larger", "factor", (1.5, 4), _HOURS)
def scale(draft: Draft) -> Change:
    """Goswami scale: y = s x."""
    return Change(draft.clean * draft.strength)


@injector(Injection.WANDER, _F, "the base line wanders off", "share of the past range", (0.1, 0.3), _HOURS)
def wander(draft: Draft) -> Change:
    """Goswami wander: y = x + a line from 0 to c."""
    reach_w = draft.strength * float(np.ptp(draft.past))
    line = np.linspace(0.0, reach_w, draft.size) if draft.size > 1 else np.full(1, reach_w)
    return Change(floored(draft.clean + line, draft.clean), drawn={"reach_w": reach_w})


@injector(Injection.AFFINE, _F, "scaled and shifted at random", "spread of both", (0.5, 1), _HOURS)
def affine(draft: Draft) -> Change:
    """Goswami contextual: y = a x + b, a of N(1, s), b of N(0, s) past standard deviations."""
    factor = float(draft.rng.normal(1.0, draft.strength))
    shift_w = float(draft.rng.normal(0.0, draft.strength)) * float(draft.past.std())
    changed = floored(factor * draft.clean + shift_w, draft.clean)
    return Change(changed, drawn={"factor": factor, "shift_w": shift_w})


SHAPES = (
    global_point,
    contextual_point,
    shapelet,
    seasonal,
    trend,
    platform,
    amplitude,
    pattern_shift,
    flip,
    speed_up,
    cutoff,
    average,
    scale,
    wander,
    affine,
)
