"""Detectors by name; each module is imported when its detector is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.core.detector import Detector


class Name(StrEnum):
    """Every detector there is."""

    DEFAULT = "default"
    FLEET = "fleet"
    HOUR_OF_WEEK = "hour_of_week"
    DUTY_CYCLE = "duty_cycle"
    EWMA = "ewma"
    CUSUM = "cusum"
    FLATNESS = "flatness"
    DAILY_ENERGY = "daily_energy"
    SEASONAL_NAIVE = "seasonal_naive"
    RANDOM = "random"
    CONSTANT = "constant"


_AT: Mapping[Name, tuple[str, str]] = MappingProxyType(
    {
        Name.HOUR_OF_WEEK: ("hour_of_week", "HourOfWeek"),
        Name.DUTY_CYCLE: ("duty_cycle", "DutyCycle"),
        Name.EWMA: ("ewma", "Ewma"),
        Name.CUSUM: ("cusum", "Cusum"),
        Name.FLATNESS: ("flatness", "Flatness"),
        Name.DAILY_ENERGY: ("daily_energy", "DailyEnergy"),
        Name.SEASONAL_NAIVE: ("seasonal_naive", "SeasonalNaive"),
        Name.DEFAULT: ("hour_of_week", "HourOfWeek"),
        Name.FLEET: ("hour_of_week", "HourOfWeek"),
        Name.RANDOM: ("floor", "RandomScore"),
        Name.CONSTANT: ("floor", "ConstantScore"),
    }
)

CHEAP = (
    Name.HOUR_OF_WEEK,
    Name.DUTY_CYCLE,
    Name.EWMA,
    Name.CUSUM,
    Name.FLATNESS,
    Name.DAILY_ENERGY,
    Name.SEASONAL_NAIVE,
)
"""Those that look at every reading of a large fleet."""


def create(name: str) -> Detector:
    """Return a fresh detector; `DetectorError` where the name is not known."""
    if name not in list(Name):
        near = get_close_matches(name, list(Name), 1)
        hint = f"Did you mean {near[0]}?" if near else f"One of: {', '.join(Name)}."
        raise DetectorError(f"There is no detector {name!r}.", hint)
    module, kind = _AT[Name(name)]
    detector: Detector = getattr(import_module(f"kilowatch.detectors.{module}"), kind)()
    return detector
