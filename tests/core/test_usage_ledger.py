from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings

from core.fleets import START_MS
from core.usage_streams import ENERGY, NIGHT, cut_at, days_of, home, joules, readings, streams
from kilowatch.core.clean import Cleaner
from kilowatch.core.device import DeviceRecord, Fleet, Reporting
from kilowatch.core.state import freeze, thaw
from kilowatch.core.tariff import Band, Tariff
from kilowatch.core.usage import DayRows, Quantity
from kilowatch.core.usage_ledger import Ledger

if TYPE_CHECKING:
    from kilowatch.core.reading import ReadingBatch

HOUR_S = 3600.0
DAY_S = 86_400.0


def every_30_s(until_s: float, power_w: float = 100.0) -> ReadingBatch:
    ts_s = np.arange(0, until_s + 1, 30.0)
    return readings(ts_s, np.full(len(ts_s), power_w))


@settings(max_examples=60, deadline=None)
@given(streams())
def test_any_cut_of_a_stream_adds_up_to_the_same_days(stream: tuple[ReadingBatch, list[int]]) -> None:
    batch, places = stream
    whole, days = days_of(home(), [batch], NIGHT)
    pieces, cut_days = days_of(home(), cut_at(batch, places), NIGHT)
    np.testing.assert_array_equal(days.slot, cut_days.slot)
    np.testing.assert_array_equal(days.day, cut_days.day)
    np.testing.assert_array_equal(days.values, cut_days.values)
    np.testing.assert_array_equal(whole.days.total_j, pieces.days.total_j)
    assert (whole.days.cost, whole.days.rest_pico) == (pieces.days.cost, pieces.days.rest_pico)


@settings(max_examples=40, deadline=None)
@given(streams())
def test_a_restart_anywhere_changes_nothing(stream: tuple[ReadingBatch, list[int]]) -> None:
    batch, places = stream
    fleet = home()
    _, days = days_of(fleet, [batch], NIGHT)
    cleaner, ledger = Cleaner(fleet), Ledger(fleet, NIGHT)
    gone = []
    for part in cut_at(batch, places):
        gone.append(ledger.observe(cleaner.clean(part)))
        saved, ledger = freeze(ledger), Ledger(fleet, NIGHT)
        thaw(ledger, saved)
    again = DayRows.join([*gone, ledger.days.rows()]).merged()
    np.testing.assert_array_equal(days.values, again.values)


def test_a_register_step_of_more_than_an_integer_holds_is_left_out() -> None:
    """Three months of a steel works within 30 days of silence."""
    stream = readings([0.0, 30.0, 30 * DAY_S], [5e6] * 3, [0.0, 0.04e6, 3e9])
    _, days = days_of(home(1), [stream])
    assert (days.values[:, ENERGY] >= 0).all()
    held_s = days.of(Quantity.HELD_MS).sum() / 1000 - 30
    assert days.energy_uj.sum() / 3.6e9 == pytest.approx(0.04e6 + 5e6 * held_s / 3600)


def test_a_steady_load_is_integrated_to_the_joule() -> None:
    _, days = days_of(home(1), [every_30_s(DAY_S)])
    assert joules(days)[0] == 100 * DAY_S
    assert days.of(Quantity.HELD_MS)[0] == DAY_S * 1000
    assert days.of(Quantity.ON_MS)[0] == DAY_S * 1000
    assert days.of(Quantity.FLOOR_MW)[0] == days.of(Quantity.DEMAND_MW)[0] == 100_000


def test_a_register_counts_and_integration_does_not() -> None:
    ts_s = np.arange(0, HOUR_S + 1, 30.0)
    _, days = days_of(home(1), [readings(ts_s, np.full(len(ts_s), 100.0), 5000 + ts_s * 110 / 3600)])
    assert joules(days)[0] == pytest.approx(110 * HOUR_S, abs=1e-3)
    assert days.of(Quantity.INTEGRATED_UJ)[0] == 0


def test_a_rare_register_replaces_what_was_integrated_since() -> None:
    ts_s = np.arange(0, 601, 30.0)
    register = np.where(ts_s % 300 == 0, 1000 + ts_s / 30, np.nan)
    batch = readings(ts_s, np.full(len(ts_s), 100.0), register)
    ledger, before = days_of(home(1), [batch.take(slice(0, 19))])
    assert before.of(Quantity.LOOSE_UJ)[0] == 100 * 240 * 1_000_000, "since the register at 300 s"
    assert ledger.days.total_j[0] == 36_000, "a counter that only grows holds nothing loose"
    _, days = days_of(home(1), [batch])
    assert joules(days)[0] == 20 * 3600


def test_silence_is_a_gap_unless_the_register_tells_what_was_used() -> None:
    ts_s = [0.0, 30.0, 60.0, 3660.0]
    _, untold = days_of(home(1), [readings(ts_s, [100.0] * 4)])
    assert untold.of(Quantity.SILENT_MS)[0] == untold.gap_ms[0] == 3510_000
    assert joules(untold)[0] == 100 * (60 + 90)
    _, told = days_of(home(1), [readings(ts_s, [100.0] * 4, [10.0, 11.0, 12.0, 62.0])])
    assert told.of(Quantity.SILENT_MS)[0] == 3510_000
    assert told.gap_ms[0] == 0
    assert joules(told)[0] == 52 * 3600


def test_a_register_step_over_days_of_silence_is_spread_over_them() -> None:
    _, days = days_of(home(1), [readings([0, 30, 30 + 3 * DAY_S], [50.0] * 3, [0.0, 1.0, 73.0])])
    assert len(days) == 4
    np.testing.assert_allclose(joules(days)[1:3], 24 * 3600, rtol=1e-6)
    assert joules(days).sum() == 73 * 3600


@pytest.mark.parametrize(
    ("register", "used_wh"),
    [([40_000.0, 40_001.0, 40_003.0, 0.5], 3.5), ([99_997.0, 99_998.0, 99_999.0, 0.0], 3.0)],
    ids=["reset", "wrap"],
)
def test_resets_and_wraps_lose_and_double_nothing(register: list[float], used_wh: float) -> None:
    _, days = days_of(home(1), [readings([0, 30, 60, 90], [240.0] * 4, register)])
    assert joules(days)[0] == pytest.approx(used_wh * 3600)


def test_days_are_those_of_the_wall_clock_also_when_clocks_change() -> None:
    fleet = Fleet([DeviceRecord(site="home", device="d", time_zone="Europe/Berlin")])
    spring_ms = 1_774_738_800_000  # 2026-03-29 00:00 in Berlin, a day of 23 hours
    ts_s = np.arange(-1800, 24 * HOUR_S, 30.0) + (spring_ms - START_MS) / 1000
    _, days = days_of(fleet, [readings(ts_s, np.full(len(ts_s), 100.0))])
    assert days.of(Quantity.HELD_MS).tolist()[:2] == [1_800_000, 23 * 3_600_000]


AUTUMN_MS = 1_792_879_200_000
"""2026-10-25 00:00 in Berlin, a day of 25 hours."""


def test_a_day_of_25_hours_has_the_energy_and_the_prices_of_25_hours() -> None:
    fleet = Fleet([DeviceRecord(site="home", device="d", time_zone="Europe/Berlin")])
    ts_s = np.arange(-1800, 26 * HOUR_S, 30.0) + (AUTUMN_MS - START_MS) / 1000
    power_w, register_wh = np.full(len(ts_s), 1000.0), np.arange(len(ts_s)) * 1000.0 / 120
    dear_at_two = Tariff.by_hour(0.10, [Band(frozenset(range(7)), frozenset({2}), 1.00)])
    _, held = days_of(fleet, [readings(ts_s, power_w)], dear_at_two)
    _, counted = days_of(fleet, [readings(ts_s, power_w, register_wh)], dear_at_two)
    for days in (held, counted):
        assert days.of(Quantity.HELD_MS).tolist()[:2] == [1_800_000, 25 * 3_600_000]
        assert joules(days)[1] == pytest.approx(25 * 1000 * 3600)
        assert days.cost_pico[1] / 1e12 == pytest.approx(23 * 0.10 + 2 * 1.00), "two o'clock comes twice"


def test_cost_follows_the_hour_of_the_wall_clock() -> None:
    fleet = home(1)
    _, days = days_of(fleet, [every_30_s(DAY_S, 1000.0)], NIGHT)
    assert days.cost_pico[0] / 1e12 == pytest.approx(8 * 0.20 + 16 * 0.30)
    _, flat = days_of(fleet, [every_30_s(DAY_S, 1000.0)], Tariff.flat(0.25))
    assert flat.cost_pico[0] / 1e12 == pytest.approx(24 * 0.25)


def test_cycles_on_time_peak_and_standby() -> None:
    ts_s = np.arange(0, 4 * HOUR_S + 1, 30.0)
    power_w = np.where(ts_s % HOUR_S < 1200, 90.0, 1.0)
    power_w[5] = 700.0
    _, days = days_of(home(1), [readings(ts_s, power_w)])
    assert days.of(Quantity.CYCLES)[0] == 4, "the first was already on when it was first seen, the last begins"
    assert days.of(Quantity.ON_MS)[0] == 4 * 1_200_000
    assert days.of(Quantity.PEAK_MW)[0] == 700_000
    assert days.of(Quantity.FLOOR_MW)[0] == 1000


def test_an_on_change_plug_holds_its_value_until_its_heartbeat() -> None:
    fleet = home(1, reporting=Reporting.ON_CHANGE, heartbeat_s=3600.0)
    _, days = days_of(fleet, [readings([0, 3000, 3010], [60.0, 0.0, 0.0])])
    assert joules(days)[0] == 60 * 3000
    assert days.gap_ms[0] == 0


def test_quality_counts_every_reading_once() -> None:
    batch = readings([0, 30, 30, 60, 90, 120], [1.0, 2.0, 2.0, 1e-12, np.nan, 3.0])
    _, days = days_of(home(1), [batch])
    counts = [int(days.of(q).sum()) for q in (Quantity.ACCEPTED, Quantity.REPAIRED, Quantity.REJECTED)]
    assert counts == [3, 1, 2]


def test_a_silent_devices_day_is_handed_out_by_the_clock() -> None:
    ledger, days = days_of(home(1), [every_30_s(HOUR_S)])
    slot = np.array([0], dtype=np.int32)
    assert len(ledger.close(slot, np.array([START_MS + int(1.9 * DAY_S) * 1000]))) == 0
    closed = ledger.close(slot, np.array([START_MS + int(2.1 * DAY_S) * 1000]))
    np.testing.assert_array_equal(closed.values, days.settled().values)
    assert len(ledger.days.rows()) == 0


def test_totals_are_the_sum_of_all_days() -> None:
    ledger, days = days_of(home(1), [every_30_s(5 * DAY_S, 33.3)])
    assert len(days) == 6
    assert ledger.days.total_j[0] == days.values[:, list(ENERGY)].sum() // 10**6
