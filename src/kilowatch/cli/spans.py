"""Spans of time as people type them."""

from __future__ import annotations

import re

from kilowatch.errors import ConfigError

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float:
    """Return the seconds that a span such as 90s, 5m, 8h or 2d means; `ConfigError` where it means none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise ConfigError(f"{text!r} is no span of time.", "Write it as 90s, 5m, 8h or 2d.")
    return float(found[1]) * _UNITS_S[found[2]]
