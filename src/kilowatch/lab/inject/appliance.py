"""Faults and misuse of one appliance behind a plug.

Long cycles: Papaioannou et al., "Simulation of Malfunctions in Home Appliances' Power Consumption" (Energies 17(17),
2024). There the added minutes shift the rest of the day; here they are taken from the pause that follows, so that the
true and the changed series keep the same clock. Compressor rules (never stops, short cycling): Rashid, Singh,
Stankovic, Stankovic, "Can Non-Intrusive Load Monitoring Be Used for Identifying an Appliance's Anomalous Behaviour?"
(Applied Energy 238, 2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.inject.injector import DAY_MS, Change, Draft, floored, injector, rows_at
from kilowatch.lab.inject.phases import Phases, levels_w, threshold_w
from kilowatch.lab.inject.spec import Family, Injection

if TYPE_CHECKING:
    from numpy.typing import NDArray

_F = Family.APPLIANCE
_HALF_DAY = (6.0, 24.0)
_RARE = 0.01
"""A time of day counts as wrong where the appliance was on in under 1 % of the days."""
_INRUSH_S = 3.0


@injector(Injection.LONG_CYCLE, _F, "each on-phase lasts longer", "percent longer", (7.5, 35), _HALF_DAY)
def long_cycle(draft: Draft) -> Change:
    """round(p / 100 n_on) copies of the phase's last readings follow each on-phase; p of 7.5, 15.7, 20, 35."""
    watts, added = draft.trace.power_w, [np.empty(0, dtype=np.intp)]
    out = watts.copy()
    phases = _inside(draft)
    for first, after, room in zip(phases.first, phases.after, _room(phases, draft), strict=True):
        rows = np.arange(after, min(after + round(draft.strength / 100 * (after - first)), room))
        # Counted from the end, so that what is added ends as the phase itself ended.
        out[rows] = watts[after - 1 - (rows[::-1] - after) % (after - first)]
        added.append(rows - draft.rows.start)
    return Change(out[draft.rows], rows_at(np.concatenate(added), draft.size))


@injector(Injection.NEVER_STOPS, _F, "once on, it stays on", "", (1, 1), _HALF_DAY)
def never_stops(draft: Draft) -> Change:
    """The later half of the first on-phase that ends in the span is repeated until the span ends."""
    watts, phases = draft.clean, _ending(draft)
    touched = np.zeros(draft.size, dtype=np.bool_)
    if len(phases):
        first, after = int(phases.first[0]), int(phases.after[0])
        start = after - draft.rows.start
        steady = draft.trace.power_w[(first + after) // 2 : after]
        watts[start:] = np.resize(steady, draft.size - start)
        touched[start:] = True
    return Change(watts, touched)


@injector(Injection.SHORT_CYCLING, _F, "more, shorter cycles", "cycles made of each", (2, 2), _HALF_DAY)
def short_cycling(draft: Draft) -> Change:
    """Each cycle's on-phase and pause are cut into k parts that take turns: k times the starts, the same energy."""
    order, parts, phases = np.arange(draft.size), round(draft.strength), _inside(draft)
    if parts < 2:
        raise ConfigError(f"Short cycling makes two or more cycles of each, not {draft.strength}.", "2 is usual.")
    room = _room(phases, draft) - draft.rows.start
    first, after = phases.first - draft.rows.start, phases.after - draft.rows.start
    for begin, stop, end in zip(first, after, room, strict=True):
        if min(stop - begin, end - stop) >= parts:
            ons = np.array_split(np.arange(begin, stop), parts)
            pauses = np.array_split(np.arange(stop, end), parts)
            order[begin:end] = np.concatenate([part for pair in zip(ons, pauses, strict=True) for part in pair])
    return Change(draft.clean[order])


@injector(Injection.STUCK_ON, _F, "on all the time", "", (1, 1), _HALF_DAY)
def stuck_on(draft: Draft) -> Change:
    """y = max(x, q95), q95 of the readings while on, so that a seldom used appliance counts too."""
    # A trace of one level has the threshold NaN, which nothing is above: such a one was never on.
    on = draft.past[draft.past > threshold_w(draft.past)]
    level_w = float(np.quantile(on, 0.95)) if len(on) else 0.0
    return Change(np.maximum(draft.clean, level_w), drawn={"level_w": level_w})


@injector(Injection.STUCK_OFF, _F, "off all the time", "", (1, 1), _HALF_DAY)
def stuck_off(draft: Draft) -> Change:
    """y = standby, the median of the past readings while off."""
    standby_w, _ = levels_w(draft.past)
    return Change(np.minimum(draft.clean, standby_w), drawn={"standby_w": standby_w})


@injector(Injection.ELEMENT_DEGRADED, _F, "a weak element heats longer", "share of power lost", (0.1, 0.5), _HALF_DAY)
def element_degraded(draft: Draft) -> Change:
    """On-level x (1 - p) with the duration times 1 / (1 - p), as far as the pause that follows has room."""
    kept = 1 - draft.strength
    if not 0 < kept <= 1:
        raise ConfigError(
            f"The share of power lost lies between 0 and 1, not {draft.strength}.", "0.1 to 0.5 is usual."
        )
    watts, touched = draft.clean, np.zeros(draft.size, dtype=np.bool_)
    phases = _inside(draft)
    for first, after, room in zip(phases.first, phases.after, _room(phases, draft), strict=True):
        length = min(round((after - first) / kept), room - first)
        source = first + (np.arange(length) * kept).astype(np.intp)
        rows = slice(first - draft.rows.start, first - draft.rows.start + length)
        watts[rows] = kept * draft.trace.power_w[np.minimum(source, after - 1)]
        touched[rows] = True
    return Change(watts, touched)


@injector(Injection.PHANTOM, _F, "standby grows", "W added", (5, 50), (12.0, 48.0))
def phantom(draft: Draft) -> Change:
    """y = x + c, 5 to 50 W, for 12 h or more."""
    return Change(floored(draft.clean + draft.strength, draft.clean))


@injector(Injection.WRONG_HOURS, _F, "in use at an unusual hour", "", (1, 1), (24.0, 24.0))
def wrong_hours(draft: Draft) -> Change:
    """An on-phase of the past is pasted where its hours of the day had use in under 1 % of the days, if anywhere."""
    watts, touched = draft.clean, np.zeros(draft.size, dtype=np.bool_)
    whole = Phases.of(draft.trace.power_w)
    donors = whole.where((whole.after <= draft.rows.start) & (whole.after - whole.first <= draft.size))
    if len(donors) == 0:
        return Change(watts, touched)
    pick = int(draft.rng.integers(len(donors)))
    cycle = draft.trace.power_w[donors.first[pick] : donors.after[pick]]
    usual = np.concatenate(([0], np.cumsum(~_rare_hours(draft)[draft.rows])))
    # Running counts that are equal at both ends of a place: no row in it lies in a usual hour.
    places = np.flatnonzero(usual[len(cycle) :] == usual[: len(usual) - len(cycle)])
    if len(places):
        at = int(draft.rng.choice(places))
        watts[at : at + len(cycle)] = cycle
        touched[at : at + len(cycle)] = True
    return Change(watts, touched)


@injector(Injection.INRUSH, _F, "a higher inrush at each start", "factor", (1.5, 4), _HALF_DAY)
def inrush(draft: Draft) -> Change:
    """The first 3 s of each on-phase times a factor; only 1 Hz data can show it."""
    if draft.trace.interval_s > _INRUSH_S / 2:
        raise ReadingError(
            f"An inrush of {_INRUSH_S:g} s cannot be seen every {draft.trace.interval_s:g} s.",
            "Use a series with a reading each second.",
        )
    whole = Phases.of(draft.trace.power_w)
    phases = whole.where((whole.first >= draft.rows.start) & (whole.first < draft.rows.stop))
    steps = max(1, round(_INRUSH_S / draft.trace.interval_s))
    rows = (phases.first[:, None] + np.arange(steps)).ravel()
    on = rows[(rows < np.repeat(phases.after, steps)) & (rows < draft.rows.stop)] - draft.rows.start
    touched = rows_at(on, draft.size)
    return Change(np.where(touched, draft.clean * draft.strength, draft.clean), touched)


def _inside(draft: Draft) -> Phases:
    """Return the on-phases that begin and end in the span, with a reading of the pause after them."""
    whole = Phases.of(draft.trace.power_w)
    return whole.where((whole.first >= draft.rows.start) & (whole.after < draft.rows.stop))


def _ending(draft: Draft) -> Phases:
    """Return the on-phases that end in the span."""
    whole = Phases.of(draft.trace.power_w)
    return whole.where((whole.after > draft.rows.start) & (whole.after < draft.rows.stop))


def _room(phases: Phases, draft: Draft) -> NDArray[np.intp]:
    """Return the row at which the pause after each phase ends: at the next phase, at the latest with the span."""
    whole = Phases.of(draft.trace.power_w)
    following = np.append(whole.first, draft.rows.stop)[np.searchsorted(whole.first, phases.after)]
    return np.minimum(following, draft.rows.stop)


def _rare_hours(draft: Draft) -> NDArray[np.bool_]:
    """Return for each row of the trace whether its hour of the day had use in under 1 % of the days before the span."""
    ts_ms, power_w = draft.trace.ts_ms, draft.trace.power_w
    hour, day = ts_ms % DAY_MS // (DAY_MS // 24), ts_ms // DAY_MS - ts_ms[0] // DAY_MS
    used = np.zeros((int(day[-1]) + 1, 24), dtype=np.bool_)
    on = np.flatnonzero(power_w[: draft.rows.start] > threshold_w(power_w))
    used[day[on], hour[on]] = True
    days = int(day[draft.rows.start]) + 1
    return (used[:days].mean(axis=0) < _RARE)[hour]


APPLIANCE = (
    long_cycle,
    never_stops,
    short_cycling,
    stuck_on,
    stuck_off,
    element_degraded,
    phantom,
    wrong_hours,
    inrush,
)
