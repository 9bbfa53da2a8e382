"""What a kilowatt-hour costs: one price, or a price for each hour of the local week."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HOURS_A_WEEK = 168
_UJ_PER_KWH = 3.6e12
_PICO = 1e12
HIGHEST_PER_KWH = 10_000.0
"""Above rupiah and dong."""
MOST_A_DAY = 9_200_000.0
"""What a day of a device may cost, in the tariff's currency: the sum that int64 holds in `_PICO`."""
_MOST_PICO = 2.0**63 - 1024
"""The largest float64 that int64 holds."""


@dataclass(frozen=True, slots=True)
class Band:
    """Hours of certain weekdays at a price of their own: days 0 (Monday) to 6, hours 0 to 23 of the local clock."""

    days: frozenset[int]
    hours: frozenset[int]
    per_kwh: float


@dataclass(frozen=True, slots=True)
class Tariff:
    """per_kwh: float64[168], the price of a kilowatt-hour in each hour of the local week, Monday 00:00 first."""

    per_kwh: NDArray[np.float64]
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if len(self.per_kwh) != HOURS_A_WEEK:
            raise ConfigError(
                f"A tariff has {HOURS_A_WEEK} hours, {len(self.per_kwh)} were given.",
                "Give one price for each hour of the week, Monday 00:00 first.",
            )
        # Below zero too: on windy nights who takes power is paid for it.
        if not all(math.isfinite(price) and abs(price) <= HIGHEST_PER_KWH for price in self.per_kwh.tolist()):
            raise ConfigError(f"Prices must lie within {HIGHEST_PER_KWH:.0f} a kWh.", "Give prices per kWh.")
        if not (1 <= len(self.currency) <= 8 and self.currency.isprintable()):
            raise ConfigError(f"{self.currency!r} is no currency.", "Use one to eight letters, such as EUR.")

    @classmethod
    def flat(cls, per_kwh: float, currency: str = "EUR") -> Tariff:
        """Return one price for all hours."""
        return cls(np.full(HOURS_A_WEEK, per_kwh), currency)

    @classmethod
    def by_hour(cls, per_kwh: float, bands: Sequence[Band], currency: str = "EUR") -> Tariff:
        """Return a price for most hours and others in bands; of two bands on one hour the later one counts."""
        prices = np.full(HOURS_A_WEEK, per_kwh)
        for band in bands:
            if not (band.days <= set(range(7)) and band.hours <= set(range(24))):
                raise ConfigError("A tariff band names a day or hour that does not exist.", "Days 0-6, hours 0-23.")
            prices[[24 * day + hour for day in band.days for hour in band.hours]] = band.per_kwh
        return cls(prices, currency)

    def cost_pico(self, energy_uj: NDArray[np.int64], hour_of_week: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what each energy costs, int64[n] in millionths of a millionth of the currency, each rounded once.

        One beyond int64 stays at its end.
        """
        cost_pico = np.rint(energy_uj * (self.per_kwh * (_PICO / _UJ_PER_KWH))[hour_of_week])
        return np.clip(cost_pico, -_MOST_PICO, _MOST_PICO).astype(np.int64)
