"""Electricity theft: the meter reports less than was used, or at another time.

h1 to h6: Jokar, Arianpoo, Leung, "Electricity Theft Detection in AMI Using Customers' Consumption Patterns" (IEEE
Transactions on Smart Grid 7(1), 2016); Punmiya & Choe (IEEE Transactions on Smart Grid 10(2), 2019) use the same six
families with other ranges. t0 to t12 are the further families of later reviews, among them Messinis & Hatziargyriou
(Electric Power Systems Research 158, 2018). t10 and t11 of that numbering are left out: they need a tariff's peak hours
and another customer's readings. x is the true reading, y the reported one, u(l, h) uniform.

Synthetic theft tests sensitivity. It says nothing about how often real thieves are caught.
"""

from __future__ import annotations

import numpy as np

from kilowatch.lab.inject.injector import DAY_MS, HOUR_S, Change, Draft, floored, injector
from kilowatch.lab.inject.spec import Family, Injection

_F = Family.THEFT
_DAYS = (12.0, 48.0)
_SHARE = "share of the true reading that is reported"
_MOST = "largest share that is reported"


@injector(Injection.H1, _F, "partial bypass: a constant share", _SHARE, (0.1, 0.8), _DAYS)
def constant_share(draft: Draft) -> Change:
    """h1: y = a x, a constant in u(0.1, 0.8)."""
    return Change(draft.clean * draft.strength)


@injector(Injection.H2, _F, "bypass: zero for 4 to 24 h", "hours at zero", (4, 24), (24.0, 48.0))
def bypass(draft: Draft) -> Change:
    """h2: y = b_t x, b_t = 0 on one random interval of 4 to 24 h, else 1."""
    step_s = draft.trace.interval_s
    length = min(draft.size, max(1, round(draft.strength * HOUR_S / step_s)))
    first = int(draft.rng.integers(0, draft.size - length + 1))
    off = np.zeros(draft.size, dtype=np.bool_)
    off[first : first + length] = True
    return Change(np.where(off, 0.0, draft.clean), off, drawn={"off_from_s": first * step_s, "off_s": length * step_s})


@injector(Injection.H3, _F, "a new share at each reading", _MOST, (0.8, 0.8), _DAYS, least=0.1)
def noisy_share(draft: Draft) -> Change:
    """h3: y = g_t x, g_t drawn from u(0.1, 0.8) for each step."""
    return Change(draft.clean * _shares(draft))


@injector(Injection.H4, _F, "a share of the mean, new at each reading", _MOST, (0.8, 0.8), _DAYS, least=0.1)
def noisy_mean(draft: Draft) -> Change:
    """h4: y = g_t mean(x), g_t drawn from u(0.1, 0.8) for each step, the mean taken over the span."""
    return Change(draft.clean_mean_w * _shares(draft), drawn={"mean_w": draft.clean_mean_w})


@injector(Injection.H5, _F, "the mean at each reading", "share of the mean", (1, 1), _DAYS)
def steady_mean(draft: Draft) -> Change:
    """h5: y = mean(x) of the span: the energy stays, peak tariffs are dodged."""
    mean_w = draft.clean_mean_w * draft.strength
    return Change(np.full(draft.size, mean_w), drawn={"mean_w": mean_w})


@injector(Injection.H6, _F, "each day in reverse", "", (1, 1), (24.0, 48.0))
def reversed_day(draft: Draft) -> Change:
    """h6: y_t = x_(24h - t) in each 24 h of the span (a last part-day is reversed in itself): energy unchanged."""
    day = draft.elapsed_ms // DAY_MS
    # The last key sorts first: by day, and backwards within it.
    order = np.lexsort((-np.arange(draft.size), day))
    return Change(draft.clean[order])


@injector(Injection.T0, _F, "total bypass: zero", "", (1, 1), (4.0, 24.0))
def zero(draft: Draft) -> Change:
    """t0: y = 0."""
    return Change(np.zeros(draft.size))


@injector(Injection.T7, _F, "readings capped", "cap as a share of the largest reading", (0.5, 0.7), _DAYS)
def cap(draft: Draft) -> Change:
    """t7: y = min(x, c), c = k max(x) of the span, k about 0.6."""
    cap_w = draft.strength * float(np.nan_to_num(draft.clean).max())
    return Change(np.minimum(draft.clean, cap_w), drawn={"cap_w": cap_w})


@injector(Injection.T8, _F, "a constant load diverted", "share of the past mean", (0.2, 0.8), _DAYS)
def diversion(draft: Draft) -> Change:
    """t8: y = max(x - c, 0), c a share of the mean before the span."""
    offset_w = draft.strength * float(draft.past.mean())
    return Change(floored(draft.clean - offset_w, draft.clean), drawn={"offset_w": offset_w})


@injector(Injection.T9, _F, "theft that grows", "share that is hidden at the end", (0.3, 1), _DAYS)
def gradual(draft: Draft) -> Change:
    """t9: y = (1 - i_t) x, i_t rising linearly to u(0.3, 1)."""
    rise = np.linspace(0.0, draft.strength, draft.size) if draft.size > 1 else np.full(1, draft.strength)
    return Change(draft.clean * (1 - rise))


@injector(
    Injection.T12, _F, "bypass that comes and goes", "chance of zero in a dwell time", (0.3, 0.7), _DAYS, dwell_s=3600.0
)
def intermittent(draft: Draft) -> Change:
    """t12: y = d_t x, d_t in {0, 1}, drawn anew for each dwell time and 0 at least once."""
    dwell = (draft.elapsed_ms // max(1, round(draft.params["dwell_s"] * 1000))).astype(np.intp)
    dwells = int(dwell[-1]) + 1
    off = draft.rng.random(dwells) < draft.strength
    off[draft.rng.integers(dwells)] = True
    return Change(np.where(off[dwell], 0.0, draft.clean), off[dwell])


def _shares(draft: Draft) -> np.ndarray:
    return draft.rng.uniform(draft.params["least"], draft.strength, draft.size)


THEFT = (
    constant_share,
    bypass,
    noisy_share,
    noisy_mean,
    steady_mean,
    reversed_day,
    zero,
    cap,
    diversion,
    gradual,
    intermittent,
)
