"""The cheap detectors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from kilowatch.core.detector import Detector
from kilowatch.detectors.cusum import Cusum
from kilowatch.detectors.daily_energy import DailyEnergy
from kilowatch.detectors.duty_cycle import DutyCycle
from kilowatch.detectors.ewma import Ewma
from kilowatch.detectors.flatness import Flatness
from kilowatch.detectors.floor import ConstantScore, RandomScore
from kilowatch.detectors.hour_of_week import HourOfWeek
from kilowatch.detectors.seasonal_naive import SeasonalNaive
from kilowatch.errors import DetectorError


class DetectorName(StrEnum):
    """Names that settings and reports use."""

    HOUR_OF_WEEK = "hour_of_week"
    EWMA = "ewma"
    CUSUM = "cusum"
    DUTY_CYCLE = "duty_cycle"
    FLATNESS = "flatness"
    DAILY_ENERGY = "daily_energy"
    SEASONAL_NAIVE = "seasonal_naive"
    RANDOM = "random"
    CONSTANT = "constant"


CHEAP: Mapping[DetectorName, Callable[[], Detector]] = MappingProxyType(
    {
        DetectorName.HOUR_OF_WEEK: HourOfWeek,
        DetectorName.EWMA: Ewma,
        DetectorName.CUSUM: Cusum,
        DetectorName.DUTY_CYCLE: DutyCycle,
        DetectorName.FLATNESS: Flatness,
        DetectorName.DAILY_ENERGY: DailyEnergy,
        DetectorName.SEASONAL_NAIVE: SeasonalNaive,
        DetectorName.RANDOM: RandomScore,
        DetectorName.CONSTANT: ConstantScore,
    }
)
"""Every cheap method; each call makes a new detector without devices."""

FLEET = (DetectorName.HOUR_OF_WEEK, DetectorName.CUSUM, DetectorName.DUTY_CYCLE, DetectorName.FLATNESS)
"""What a million devices can afford: with the window of 400 bytes these stay under 1,024 bytes a device."""


def create(name: str) -> Detector:
    """Return a new detector of that name; `DetectorError` where there is none."""
    if name not in {*DetectorName}:
        raise DetectorError(f"There is no cheap detector {name!r}.", f"Choose one of: {', '.join(DetectorName)}.")
    return CHEAP[DetectorName(name)]()
