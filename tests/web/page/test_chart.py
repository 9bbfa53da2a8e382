"""A device's past as the browser draws it: on the clock on its wall, with gaps left open."""

from __future__ import annotations

import msgspec
import pytest

from kilowatch.web.page.chart import past_of, trimmed, utc_of
from kilowatch.web.views import HistoryView, Run

HOUR_MS = 3_600_000
STEP_MS = 60_000
NOON_MS = 1_767_571_200_000


def view_of(minutes: list[int]) -> HistoryView:
    known = [float(minute) for minute in minutes]
    return HistoryView(
        site="home",
        device="fridge",
        from_ms=NOON_MS - HOUR_MS,
        to_ms=NOON_MS + HOUR_MS,
        step_ms=STEP_MS,
        start_ms=[NOON_MS + minute * STEP_MS for minute in minutes],
        min_w=known,
        mean_w=known,
        max_w=known,
        score=[None for _ in known],
        low_w=[None for _ in known],
        high_w=[None for _ in known],
        runs=[Run(from_ms=NOON_MS, to_ms=NOON_MS + STEP_MS, energy_wh=1.0)],
    )


def test_times_are_those_of_the_clock_on_the_wall() -> None:
    past = past_of(view_of([0, 1]), "Europe/Berlin", [], NOON_MS)
    assert past["time"][0] == NOON_MS + HOUR_MS
    assert past["from"] == NOON_MS
    assert past["runs"] == [[NOON_MS + HOUR_MS, NOON_MS + HOUR_MS + STEP_MS]]


def test_no_line_is_drawn_where_nothing_was_heard() -> None:
    past = past_of(view_of([0, 1, 9, 10]), "UTC", [], NOON_MS)
    assert past["power"] == [0.0, 1.0, None, 9.0, 10.0]
    assert past["time"] == sorted(past["time"])
    assert len({len(past[name]) for name in ("time", "power", "least", "most", "low", "high", "score")}) == 1


def test_an_empty_past_is_drawn_empty() -> None:
    past = past_of(view_of([]), "UTC", [], NOON_MS)
    assert past["time"] == []
    assert trimmed(past, NOON_MS)["to"] == NOON_MS


def test_empty_stretches_around_an_incident_are_left_out() -> None:
    past = trimmed(past_of(view_of([0, 1]), "UTC", [], NOON_MS), NOON_MS + STEP_MS)
    assert (past["from"], past["to"]) == (NOON_MS, NOON_MS + STEP_MS)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("change_ms", [1_774_746_000_000, 1_772_953_200_000])
def test_what_is_zoomed_to_is_what_was_drawn_also_near_a_change_of_clocks(zone: str, change_ms: int) -> None:
    times = [change_ms + quarter * 900_000 for quarter in range(-48, 48)]
    view = msgspec.structs.replace(view_of([(time - NOON_MS) // STEP_MS for time in times]), step_ms=900_000)
    drawn = past_of(view, zone, [], NOON_MS)["time"]
    assert utc_of(zone, drawn) == view.start_ms
