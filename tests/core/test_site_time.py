"""Site time: each site for itself, forward only, however readings arrive."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.site_time import SiteTime

SITES = ("home", "office", "home", "shed")


def fleet() -> Fleet:
    return Fleet([DeviceRecord(site=site, device=f"d{number}") for number, site in enumerate(SITES)])


def times_of(of: Fleet) -> SiteTime:
    time = SiteTime(of)
    time.reserve()
    return time


def observe(time: SiteTime, *readings: tuple[int, int]) -> None:
    slots, ts_ms = np.array(readings, dtype=np.int64).reshape(-1, 2).T
    time.observe(slots.astype(np.int32), ts_ms)


def now(time: SiteTime, devices: int = len(SITES)) -> list[int]:
    return time.of(np.arange(devices, dtype=np.int32)).tolist()


def test_a_reading_moves_every_device_of_its_site_and_no_other() -> None:
    time = times_of(fleet())
    assert now(time) == [0, 0, 0, 0]
    observe(time, (0, 500), (3, 900))
    assert now(time) == [500, 0, 500, 900]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000)), max_size=30), st.integers(0, 30))
def test_time_never_goes_back_and_no_cut_matters(readings: list[tuple[int, int]], cut: int) -> None:
    whole, pieces = times_of(fleet()), times_of(fleet())
    observe(whole, *readings)
    observe(pieces, *readings[:cut])
    before = now(pieces)
    observe(pieces, *readings[cut:])
    assert now(pieces) == now(whole)
    assert all(later >= earlier for later, earlier in zip(now(pieces), before, strict=True))
    for slot, site in enumerate(SITES):
        assert now(whole)[slot] == max((ts for other, ts in readings if SITES[other] == site), default=0)


def test_ticks_move_a_site_without_a_reading_and_never_back() -> None:
    time = times_of(fleet())
    time.tick("office", 700)
    time.tick("office", 600)
    observe(time, (1, 650))
    assert now(time) == [0, 700, 0, 0]


def test_a_tick_of_a_site_without_devices_is_no_harm() -> None:
    time = times_of(fleet())
    time.tick("moon", 700)
    assert now(time) == [0, 0, 0, 0]


def test_devices_that_join_share_the_time_of_their_site() -> None:
    joined = fleet()
    time = times_of(joined)
    observe(time, (0, 500))
    for number in range(200):
        joined.add(DeviceRecord(site="home" if number % 2 else f"new{number}", device=f"late{number}"))
    time.reserve()
    assert now(time)[:4] == [500, 0, 500, 0]
    assert now(time, 204)[4:] == [500 if number % 2 else 0 for number in range(200)]
    observe(time, (203, 800))
    assert now(time)[0] == 800


DAY_MS = 86_400_000


def test_one_clock_that_is_not_set_does_not_move_the_site() -> None:
    time = times_of(fleet())
    observe(time, (0, 500), (2, 600))
    observe(time, (0, 500 + 2 * DAY_MS))
    assert now(time)[2] == 600
    observe(time, (2, 700), (0, 800))
    assert now(time)[0] == 700 + 100


def test_a_device_that_is_back_after_days_moves_the_site_with_its_second_reading() -> None:
    time = times_of(fleet())
    observe(time, (0, 500))
    observe(time, (0, 500 + 3 * DAY_MS), (0, 530 + 3 * DAY_MS))
    assert now(time)[0] == 530 + 3 * DAY_MS


def test_time_passes_everywhere_at_once_and_never_back() -> None:
    time = times_of(fleet())
    observe(time, (3, 900))
    time.tick_all(700)
    assert now(time) == [700, 700, 700, 900]
