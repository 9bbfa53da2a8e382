"""False data injected into one telemetry stream, and a plug's switch taken over.

Templates: Sridhar & Govindarasu, "Model-Based Attack Detection and Mitigation for Automatic Generation Control" (IEEE
Transactions on Smart Grid 5(2), 2014). Attacks on state estimation (Liu, Ning, Reiter, CCS 2009) need several meters
and are out of scope. Replay is invisible to any detector that sees one stream alone, except by its freshness.
"""

from __future__ import annotations

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.inject.injector import DAY_MS, Change, Draft, floored, injector
from kilowatch.lab.inject.phases import levels_w
from kilowatch.lab.inject.spec import Family, Injection

_F = Family.TELEMETRY
_FEW_HOURS = (1.0, 6.0)
_SD = "past standard deviations"


@injector(Injection.FDI_SCALING, _F, "readings scaled", "share added to the true reading", (0.1, 0.5), _FEW_HOURS)
def scaling(draft: Draft) -> Change:
    """Scaling: y = (1 + l) x."""
    return Change(draft.clean * (1 + draft.strength))


@injector(Injection.FDI_RAMP, _F, "an offset that grows", f"{_SD} at the end", (1, 3), _FEW_HOURS)
def ramp(draft: Draft) -> Change:
    """Ramp: y = x + l (t - a), reaching l (b - a) = strength times the past's standard deviation at the end."""
    reach_w = draft.strength * float(draft.past.std())
    return Change(floored(draft.clean + reach_w * draft.progress, draft.clean), drawn={"reach_w": reach_w})


@injector(Injection.FDI_PULSE, _F, "short offsets, periodically", _SD, (1, 3), _FEW_HOURS, period_s=600.0, width_s=60.0)
def pulse(draft: Draft) -> Change:
    """Pulse: y = x + l for `width_s` in every `period_s`, else x."""
    height_w = draft.strength * float(draft.past.std())
    high = draft.elapsed_ms % round(draft.params["period_s"] * 1000) < draft.params["width_s"] * 1000
    return Change(floored(draft.clean + np.where(high, height_w, 0.0), draft.clean), high, drawn={"height_w": height_w})


@injector(
    Injection.FDI_RANDOM,
    _F,
    "a random offset at each reading",
    f"largest offset in {_SD}",
    (1, 3),
    _FEW_HOURS,
    least=0.0,
)
def random_offset(draft: Draft) -> Change:
    """Random: y = x + u(l, h) for each step, l = `least` and h = strength, both in past standard deviations."""
    sd_w = float(draft.past.std())
    added = sd_w * draft.rng.uniform(draft.params["least"], draft.strength, draft.size)
    return Change(floored(draft.clean + added, draft.clean), drawn={"sd_w": sd_w})


@injector(Injection.REPLAY, _F, "an earlier day again", "whole days back", (1, 1), (4.0, 24.0))
def replay(draft: Draft) -> Change:
    """Replay: y_t = x at the same time so many whole days earlier, as the stream showed it last."""
    days = max(1, round(draft.strength))
    earlier_ms = draft.trace.ts_ms[draft.rows] - days * DAY_MS
    source = np.searchsorted(draft.trace.ts_ms, earlier_ms, side="right") - 1
    if source[0] < 0:
        raise ReadingError(
            f"A replay of {days} days earlier reaches back before the series begins.",
            "Start the injection later, or replay fewer days back.",
        )
    return Change(draft.trace.power_w[source], drawn={"days_back": float(days)})


@injector(Injection.COMMAND, _F, "load switched on and off fast", "seconds per on-off cycle", (60, 300), (0.25, 1.0))
def command(draft: Draft) -> Change:
    """On/off command attack: the load is switched each half period, between its usual levels while off and on."""
    off_w, on_w = levels_w(draft.past)
    # Between two readings nobody sees a switch.
    half_ms = max(draft.trace.interval_ms, round(draft.strength * 500))
    is_on = draft.elapsed_ms // half_ms % 2 == 0
    return Change(np.where(is_on, on_w, off_w), drawn={"on_w": on_w, "off_w": off_w})


TELEMETRY = (scaling, ramp, pulse, random_offset, replay, command)
