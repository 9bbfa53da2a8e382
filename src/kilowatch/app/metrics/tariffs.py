"""From the settings of a person to a tariff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.tariff import Band, Tariff

if TYPE_CHECKING:
    from kilowatch.config.sections import HourPrice, TariffConfig


def tariff_of(config: TariffConfig) -> Tariff:
    """Return the tariff of a config."""
    bands = [band for price in config.hours.values() for band in _bands(price)]
    return Tariff.by_hour(config.price_per_kwh, bands, config.currency)


def _bands(price: HourPrice) -> list[Band]:
    """Return the bands of a price; hours past midnight belong to the day after the one on which they begin."""
    days = frozenset(price.weekdays or range(7))
    if price.from_hour < price.to_hour:
        return [Band(days, frozenset(range(price.from_hour, price.to_hour)), price.price_per_kwh)]
    late, early = frozenset(range(price.from_hour, 24)), frozenset(range(price.to_hour))
    next_days = frozenset((day + 1) % 7 for day in days)
    return [Band(days, late, price.price_per_kwh), Band(next_days, early, price.price_per_kwh)]
