from __future__ import annotations

import numpy as np
import pytest

from kilowatch.core.tariff import Band, Tariff
from kilowatch.errors import ConfigError

KWH_UJ = np.array([3_600_000_000_000])


def cost(tariff: Tariff, hour_of_week: int) -> float:
    return float(tariff.cost_pico(KWH_UJ, np.array([hour_of_week]))[0]) / 1e12


def test_a_flat_price_holds_at_every_hour() -> None:
    assert {cost(Tariff.flat(0.31), hour) for hour in range(168)} == {0.31}


@pytest.mark.parametrize("per_kwh", [1_450.0, 2_500.0, -9_999.0])
def test_rupiah_and_dong_are_prices_too(per_kwh: float) -> None:
    assert cost(Tariff.flat(per_kwh), 0) == pytest.approx(per_kwh, rel=1e-12)


def test_a_cost_beyond_what_an_integer_holds_stays_at_its_end() -> None:
    huge_uj = np.array([9 * 10**18])
    for per_kwh in (9_999.0, -9_999.0):
        (pico,) = Tariff.flat(per_kwh).cost_pico(huge_uj, np.array([0])).tolist()
        assert pico / per_kwh > 9e18 / 9_999


def test_bands_change_the_price_of_their_hours_alone() -> None:
    weekend = Band(frozenset({5, 6}), frozenset({22, 23}), 0.10)
    tariff = Tariff.by_hour(0.40, [weekend])
    cheap = [hour for hour in range(168) if cost(tariff, hour) == 0.10]
    assert cheap == [5 * 24 + 22, 5 * 24 + 23, 6 * 24 + 22, 6 * 24 + 23]


def test_of_two_bands_on_one_hour_the_later_one_counts() -> None:
    first, second = (Band(frozenset({0}), frozenset({0}), price) for price in (0.1, 0.2))
    assert cost(Tariff.by_hour(0.4, [first, second]), 0) == 0.2


def test_prices_may_be_negative_as_on_the_spot_market() -> None:
    assert cost(Tariff.flat(-0.05), 3) == -0.05


@pytest.mark.parametrize("prices", [[0.3] * 167, [float("nan")] * 168, [1e6] * 168])
def test_a_tariff_that_makes_no_sense_is_refused(prices: list[float]) -> None:
    with pytest.raises(ConfigError):
        Tariff(np.array(prices))


def test_unknown_hours_and_currencies_are_refused() -> None:
    with pytest.raises(ConfigError):
        Tariff.by_hour(0.3, [Band(frozenset({7}), frozenset({0}), 0.1)])
    with pytest.raises(ConfigError):
        Tariff.flat(0.3, "")
