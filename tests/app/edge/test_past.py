"""What is past switches nothing on an edge, however it comes: after an hour's silence, again, or imported."""

from __future__ import annotations

import msgspec

from app.edge.house import MINUTE_MS, NOW_MS, STUCK_W, House, armed
from app.homes import DAY_MS
from app.messages import as_json, plain
from kilowatch.core.events import ReadingColumns

HOUR_MIN = 60


def columns(from_ms: int, minutes: int, *, backfill: bool) -> bytes:
    """A heater that draws without end, in one message."""
    ts_ms = list(range(from_ms, from_ms + minutes * MINUTE_MS, 30_000))
    rows = len(ts_ms)
    return msgspec.json.encode(
        ReadingColumns(
            v=1,
            site="home",
            device=["heater"] * rows,
            ts_ms=ts_ms,
            power_w=[STUCK_W + number % 3 for number in range(rows)],
            backfill=[True] * rows if backfill else None,
        )
    )


def assert_told_and_not_called(house: House) -> None:
    house.turn()
    assert any(event.device == "heater" for event in house.told()), "nothing was found, so nothing is shown"
    assert house.calls == []
    assert house.plug.told == 0
    house.lose_snapshots()
    assert house.plug.told == 0, "offsets at the beginning"
    house.close()


def test_an_edge_that_was_away_for_an_hour_switches_nothing_for_what_it_missed() -> None:
    house = armed(House())
    house.clock.ms = NOW_MS + HOUR_MIN * MINUTE_MS
    house.offer(columns(NOW_MS, HOUR_MIN - 5, backfill=False))
    assert_told_and_not_called(house)


def test_a_day_that_waited_in_the_way_upstream_of_another_switches_nothing() -> None:
    house = armed(House())
    house.clock.ms = NOW_MS + DAY_MS
    for hour in range(23):
        house.offer(columns(NOW_MS + hour * HOUR_MIN * MINUTE_MS, HOUR_MIN, backfill=True))
    assert_told_and_not_called(house)


def test_history_that_is_imported_up_to_this_minute_switches_nothing() -> None:
    house = armed(House())
    house.clock.ms = NOW_MS + 40 * MINUTE_MS
    house.offer(columns(NOW_MS, 40, backfill=True))
    assert_told_and_not_called(house)


def test_the_same_readings_of_the_present_do_switch() -> None:
    house = armed(House())
    for number in range(80):
        house.clock.ms = NOW_MS + number * 30_000
        one = plain(device="heater", ts_ms=house.clock.ms, power_w=STUCK_W + number % 3)
        house.offer(as_json(one))
        house.turn()
    assert house.plug.told == 1
    house.close()
