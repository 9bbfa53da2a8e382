from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.sim.days import LocalDay, days_from

HOUR = 3_600_000
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")


def ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return round(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


def day_of(year: int, month: int, day: int, zone: str) -> LocalDay:
    return LocalDay(ms(year, month, day) // (24 * HOUR), zone)


def test_the_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    spring, autumn = day_of(2026, 3, 29, "Europe/Berlin"), day_of(2026, 10, 25, "Europe/Berlin")
    assert spring.end_ms - spring.start_ms == 23 * HOUR
    assert autumn.end_ms - autumn.start_ms == 25 * HOUR


@pytest.mark.parametrize("date", [(2026, 3, 29), (2026, 10, 25), (2026, 7, 1)])
@pytest.mark.parametrize("hour", [0, 1, 6, 23])
def test_half_past_is_half_past_on_the_wall(date: tuple[int, int, int], hour: int) -> None:
    at = int(day_of(*date, "Europe/Berlin").utc_ms([hour + 0.5])[0])
    local = datetime.fromtimestamp(at / 1000, ZoneInfo("Europe/Berlin"))
    assert (local.day, local.hour, local.minute) == (date[2], hour, 30)


@given(start=st.integers(ms(2020, 1, 1), ms(2030, 1, 1)), zone=st.sampled_from(ZONES))
@settings(max_examples=50, deadline=None)
def test_days_follow_each_other_without_a_gap_and_the_first_holds_the_start(start: int, zone: str) -> None:
    first, second = islice(days_from(start, zone), 2)
    assert first.start_ms <= start < first.end_ms
    assert first.end_ms == second.start_ms
    midnight = datetime.fromtimestamp(first.start_ms / 1000, ZoneInfo(zone))
    assert timedelta(hours=midnight.hour, minutes=midnight.minute) == timedelta(0)


def test_saturday_and_sunday_are_the_weekend() -> None:
    week = [LocalDay(day_of(2026, 1, 5, "UTC").number + n, "UTC").weekend for n in range(7)]
    assert week == [False] * 5 + [True] * 2


def test_hours_come_back_as_an_array() -> None:
    day = day_of(2026, 1, 5, "UTC")
    assert np.array_equal(day.utc_ms([0.0, 12.0, 26.0]) - day.start_ms, np.array([0, 12, 26]) * HOUR)
