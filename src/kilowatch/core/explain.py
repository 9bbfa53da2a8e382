"""Evidence in plain words: what is odd, since when, and what was expected. Times are the device's own."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from kilowatch.core.localtime import zone

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_POWER = re.compile(r"\d [kM]?W\b")


def label(device: str) -> str:
    """Return a device's name as a sentence begins with it: "washing_machine" is "Washing machine"."""
    words = device.replace("_", " ").strip() or device
    return words[0].upper() + words[1:]


def duration(ms: float) -> str:
    """Return a length of time: "45 s", "18 min", "2.3 h", "3.5 days"."""
    ms = max(ms, 0.0)
    # Two of the next unit first: "90 min" is as short as "1.5 h" and says more.
    if round(ms / 1000) < 120:
        return f"{round(ms / 1000)} s"
    if round(ms / _MINUTE_MS) < 120:
        return f"{round(ms / _MINUTE_MS)} min"
    if ms < 48 * _HOUR_MS:
        return f"{_short(ms / _HOUR_MS)} h"
    return f"{_short(ms / _DAY_MS)} days"


def watts(power_w: float) -> str:
    """Return a power: "0.4 W", "92 W", "1.2 kW", "3.4 MW"."""
    return _scaled(power_w, "W")


def energy(energy_wh: float) -> str:
    """Return an energy: "320 Wh", "1.2 kWh"."""
    return _scaled(energy_wh, "Wh")


def band(low_w: float, high_w: float) -> str:
    """Return what was expected: "0 to 4 W", "at most 4 W"; an end that is not finite is open, "" where both are."""
    if not math.isfinite(low_w):
        return f"at most {watts(high_w)}" if math.isfinite(high_w) else ""
    if not math.isfinite(high_w):
        return f"at least {watts(low_w)}"
    low, high = watts(low_w), watts(high_w)
    if low == high:
        return f"about {high}"
    number, unit = low.split(" ")
    return f"{number if high.endswith(f' {unit}') else low} to {high}"


def clock(ts_ms: int, time_zone: str, seen_ms: int) -> str:
    """Return a time on the device's wall clock, with the date where it is not the local day of seen_ms."""
    at, seen = local_time(ts_ms, time_zone), local_time(seen_ms, time_zone)
    if at.date() == seen.date():
        return f"{at:%H:%M}"
    return f"{at:%Y-%m-%d %H:%M}"


def course(first_ms: int, found_ms: int, time_zone: str, bursts: int) -> str:
    """Return since when it is odd, and when it was found as the words before say: "03:12, as of 03:53".

    Figures grow old while an incident stays open. Who reads "on for 41 min" an hour later must see when that was.
    """
    since, found = clock(first_ms, time_zone, found_ms), clock(found_ms, time_zone, found_ms)
    breaks = ", with breaks" if bursts > 1 else ""
    return f"{since}{breaks}" if since == found else f"{since}{breaks}, as of {found}"


def sentence(device: str, phrase: str, observed_w: float, low_w: float, high_w: float, since: str) -> str:
    """Return what is odd: "Fridge: on for 41 min; since 03:12, as of 03:53 (drawing 92 W, expected 0 to 4 W)".

    A phrase that names watts has said what is drawn, and by which measure: a second figure would contradict a mean.
    """
    facts = []
    if math.isfinite(observed_w) and not _POWER.search(phrase):
        facts.append(f"drawing {watts(observed_w)}")
    if (expected := band(low_w, high_w)) and expected not in phrase:
        facts.append(f"expected {expected}")
    evidence = f" ({', '.join(facts)})" if facts else ""
    return f"{label(device)}: {phrase}; since {since}{evidence}"


def cleared(device: str, phrase: str, odd_ms: int, bursts: int) -> str:
    """Return the end of an incident: "Fridge: as expected again after 41 min; it was: on for 41 min"."""
    breaks = ", with breaks" if bursts > 1 else ""
    return f"{label(device)}: as expected again after {duration(odd_ms)}{breaks}; it was: {phrase}"


def silent(device: str, since: str, every_ms: int) -> str:
    """Return that a device says nothing: "Fridge: silent since 03:12; usually speaks every 30 s"."""
    return f"{label(device)}: silent since {since}; usually speaks every {duration(every_ms)}"


def speaks_again(device: str, silent_ms: int) -> str:
    """Return that a silent device is back: "Fridge: speaks again after 2.3 h"."""
    return f"{label(device)}: speaks again after {duration(silent_ms)}"


def local_time(ts_ms: int, time_zone: str) -> datetime:
    """Return a moment on the device's own clock."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ts_ms)).astimezone(zone(time_zone))


def _scaled(value: float, unit: str) -> str:
    for factor, prefix in ((1.0, ""), (1e3, "k")):
        scaled = value / factor
        # Rounded first: 999.6 W would read "1000 W" else.
        if abs(round(scaled)) < 1000:
            return f"{_short(scaled)} {prefix}{unit}"
    return f"{_short(value / 1e6)} M{unit}"


def _short(value: float) -> str:
    rounded = round(value, 1 if abs(value) < 9.95 else 0) + 0.0  # no "-0"
    return f"{rounded:.1f}".removesuffix(".0")
