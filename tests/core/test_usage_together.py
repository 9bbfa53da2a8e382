from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.usage_streams import home
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.state import freeze, thaw
from kilowatch.core.usage_together import KEPT_DAYS, MOST_DEVICES, CoRunning

MINUTE = 60_000
DAY = 1440 * MINUTE
TODAY = 20_000 * DAY


def co_running(fleet: Fleet, spans: list[tuple[int, int, int]]) -> CoRunning:
    """Take spans (slot, from minute, until minute) of today in."""
    together = CoRunning(fleet)
    together.reserve()
    slot, low, high = (np.array(column, dtype=np.int64) for column in zip(*spans, strict=True))
    together.add(slot.astype(np.int32), TODAY + low * MINUTE, TODAY + high * MINUTE)
    return together


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1430), st.integers(0, 9)), min_size=1, max_size=30))
def test_minutes_are_those_of_sets(spans: list[tuple[int, int, int]]) -> None:
    found = co_running(home(3), [(slot, low, low + lasts) for slot, low, lasts in spans]).of_site("home")
    on = [{m for s, low, lasts in spans if s == device for m in range(low, low + lasts)} for device in range(3)]
    expected = [[len(a & b) for a in on] for b in on]
    assert found.devices == ("d0", "d1", "d2")
    assert found.minutes.tolist() == expected


def test_a_minute_counts_for_who_is_on_at_its_first_instant() -> None:
    together = CoRunning(home(2))
    together.reserve()
    slot = np.array([0, 1], dtype=np.int32)
    together.add(slot, TODAY + np.array([1, 59_999]), TODAY + np.array([60_000, 60_001]))
    assert together.of_site("home").minutes.tolist() == [[0, 0], [0, 1]]


def test_days_long_past_give_way() -> None:
    together = co_running(home(2), [(0, 0, 10), (1, 5, 15)])
    assert together.of_site("home").minutes[0, 1] == 5
    later = TODAY + KEPT_DAYS * DAY
    together.add(np.array([0], dtype=np.int32), np.array([later]), np.array([later + 3 * MINUTE]))
    assert together.of_site("home").minutes.tolist() == [[3, 0], [0, 0]]


def test_a_lone_meter_costs_nothing_and_a_homes_meter_is_not_shown() -> None:
    fleet = Fleet([DeviceRecord(site=f"m{i}", device="meter", kind=Kind.METER) for i in range(100)])
    lone = CoRunning(fleet)
    lone.reserve()
    assert lone._bits.size == 0
    assert lone.of_site("m3").devices == ()
    mixed = Fleet(
        [DeviceRecord(site="h", device=d, kind=k) for d, k in (("m", Kind.METER), ("a", Kind.TV), ("b", Kind.TV))]
    )
    found = co_running(mixed, [(0, 0, 9), (1, 0, 9), (2, 0, 4)]).of_site("h")
    assert found.devices == ("a", "b")
    assert found.minutes.tolist() == [[9, 4], [4, 4]]


def test_the_matrix_of_a_site_is_bounded() -> None:
    together = CoRunning(home(MOST_DEVICES + 5))
    together.reserve()
    assert len(together.of_site("home").devices) == MOST_DEVICES


def test_a_restart_keeps_the_minutes() -> None:
    before, after = co_running(home(3), [(0, 0, 10), (2, 5, 15)]), CoRunning(home(3))
    thaw(after, freeze(before))
    np.testing.assert_array_equal(after.of_site("home").minutes, before.of_site("home").minutes)
    assert after.of_site("home").minutes[0, 2] == 5
