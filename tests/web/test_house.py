"""The house: live, database and history joined into what people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.homes import START_MS
from core.messages import EVENT
from kilowatch.core.device import Kind
from kilowatch.core.events import LabelWord
from kilowatch.core.history import Buckets, HistoryRows, HistorySeries, bucketed
from kilowatch.core.records import DeviceEdit
from kilowatch.web.house import NotKnownError
from kilowatch.web.past import runs_of, with_newest
from web.rooms import HOUR_MS, NOW_MS, ODD, SLASHED, Rooms, rooms_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    rooms = rooms_in(tmp_path)
    yield rooms
    rooms.close()


def buckets_of(start_ms: list[int], mean_w: list[float], step_ms: int = 60_000) -> Buckets:
    rows = len(start_ms)
    none = np.full(rows, np.nan, dtype=np.float32)
    power_w = np.array(mean_w, dtype=np.float32)
    ends = np.array(start_ms, dtype=np.int64) + step_ms
    zeros = np.zeros(rows, dtype=np.int32)
    return bucketed(HistoryRows((("s", "d"),), zeros, ends, power_w, none, none, none, none == 0), step_ms)


def test_the_overview_shows_each_device_as_it_stands(rooms: Rooms) -> None:
    seen = rooms.house.overview()
    cards = {card.device: card for card in seen.devices}
    assert seen.armed == ["home/heater"]
    assert seen.protected == ["home/fridge"]
    assert cards["heater"].incident is not None
    assert cards["heater"].incident.id == ODD.id
    assert cards["meter"].incident is None
    assert cards["meter"].live.power_w is not None
    assert cards["fridge"].live.power_w is None
    assert seen.totals.open_incidents == 1


def test_a_sites_meter_counts_and_not_its_plugs_besides(rooms: Rooms) -> None:
    meter_w = rooms.live.of("home", "meter").power_w
    assert rooms.house.overview().totals.power_w == meter_w
    rooms.registry.edit("home", "meter", DeviceEdit(kind=Kind.LAMP), "me", NOW_MS)
    every = sum(one.power_w or 0.0 for one in rooms.live.all().values())
    assert rooms.house.overview().totals.power_w == pytest.approx(every, abs=0.1)


def test_browsers_share_one_overview_until_a_word_is_said(rooms: Rooms) -> None:
    house = rooms.house
    house.settings = type(house.settings)(fresh_s=60.0)
    first = house.overview()
    rooms.words.disarm("home", "heater", "me")
    assert house.overview() is first
    house.touched()
    assert house.overview().armed == []


def test_a_device_page_holds_record_words_and_why_it_cannot_be_armed(rooms: Rooms) -> None:
    page = rooms.house.device("home", "fridge")
    assert page.why_not_armed is not None
    assert "protected" in page.why_not_armed
    assert rooms.house.device("home", "heater").why_not_armed is None
    assert [one.event.id for one in rooms.house.device("home", "heater").incidents] == [ODD.id]
    assert rooms.house.device("home", SLASHED).record.kind is Kind.KETTLE
    with pytest.raises(NotKnownError):
        rooms.house.device("home", "nobody")


def test_history_falls_back_on_what_is_live(rooms: Rooms) -> None:
    seen = rooms.house.history("home", "meter", NOW_MS - 3 * HOUR_MS, NOW_MS, points=100)
    assert 80 <= len(seen.start_ms) <= 100
    points = rooms.live.recent("home", "meter", NOW_MS - 3 * HOUR_MS)
    assert max(seen.max_w) == pytest.approx(float(points.power_w.max()), abs=0.01)
    assert min(seen.min_w) == pytest.approx(float(points.power_w.min()), abs=0.01)
    assert seen.runs[0].energy_wh == pytest.approx(float(points.power_w.mean()) * 3, rel=0.02)


def test_history_keeps_a_spike_however_coarse_it_is_drawn(rooms: Rooms) -> None:
    ts_ms = START_MS + np.arange(1, 2881, dtype=np.int64) * 30_000
    power_w = np.full(2880, 10.0, dtype=np.float32)
    power_w[1000] = 3000.0
    none = np.full(2880, np.nan, dtype=np.float32)
    rows = HistoryRows(
        (("home", "fridge"),), np.zeros(2880, dtype=np.int32), ts_ms, power_w, none, none, none, none != 0
    )
    rooms.history.append(rows)
    for points in (3, 24, 480):
        seen = rooms.house.history("home", "fridge", START_MS, START_MS + 24 * HOUR_MS, points)
        assert len(seen.start_ms) <= points
        assert max(seen.max_w) == 3000.0
        assert min(seen.min_w) == 10.0
        assert seen.score == [None] * len(seen.start_ms)


def test_what_history_has_already_is_not_taken_from_live_again(rooms: Rooms) -> None:
    newest = rooms.live.recent("home", "meter")
    known = buckets_of([int(newest.ts_ms[-5]) // 60_000 * 60_000], [1.0])
    joined = with_newest(HistorySeries(60_000, known), newest, NOW_MS, 1000).buckets
    assert joined.start_ms[0] == known.start_ms[0]
    assert (np.diff(joined.start_ms) > 0).all()
    assert len(joined) <= 4


@pytest.mark.parametrize(
    ("start", "mean_w", "runs"),
    [
        ([0, 1, 2, 3], [0.0, 50.0, 60.0, 0.0], [(1, 3)]),
        ([0, 1, 2], [50.0, 0.0, 50.0], [(0, 1), (2, 3)]),
        ([0, 1, 5, 6], [50.0, 50.0, 50.0, 50.0], [(0, 2), (5, 7)]),
        ([0, 1], [0.0, 1.9], []),
        ([], [], []),
    ],
)
def test_runs_are_stretches_on_and_a_gap_ends_one(
    start: list[int], mean_w: list[float], runs: list[tuple[int, int]]
) -> None:
    buckets = buckets_of([60_000 * minute for minute in start], mean_w)
    found = runs_of(buckets, 60_000, 2.0)
    assert [(one.from_ms // 60_000, one.to_ms // 60_000) for one in found] == runs
    of_minute = dict(zip(start, mean_w, strict=True))
    for one in found:
        minutes = range(one.from_ms // 60_000, one.to_ms // 60_000)
        assert one.energy_wh == pytest.approx(sum(of_minute[minute] for minute in minutes) / 60, abs=1e-3)


def test_incidents_come_newest_first_and_only_open_ones_where_asked(rooms: Rooms) -> None:
    assert [one.incident.event.id for one in rooms.house.incidents()] == ["odd-heater", "over-meter"]
    assert [one.incident.event.id for one in rooms.house.incidents(only_open=True)] == ["odd-heater"]
    assert rooms.house.incidents(device="lamp") == []
    assert [one.incident.event.id for one in rooms.house.incidents(before_ms=ODD.first_ms)] == ["over-meter"]


def test_open_incidents_are_those_of_the_time_that_was_asked_for(rooms: Rooms) -> None:
    assert rooms.house.incidents(only_open=True, before_ms=ODD.first_ms) == []
    assert rooms.house.incidents(only_open=True, from_ms=ODD.first_ms + 1) == []
    assert rooms.house.incidents(only_open=True, from_ms=ODD.first_ms, before_ms=ODD.first_ms + 1)


@pytest.mark.parametrize("only_open", [False, True])
def test_pages_lose_none_of_the_incidents_that_began_together(rooms: Rooms, only_open: bool) -> None:
    together = [msgspec.structs.replace(ODD, id=f"odd-{n}") for n in range(5)]
    rooms.registry.project(together)
    whole = [one.incident.event.id for one in rooms.house.incidents(only_open=only_open)]
    read, last = [], rooms.house.incidents(only_open=only_open, limit=2)
    while last:
        read += [one.incident.event.id for one in last]
        edge = last[-1].incident.event
        last = rooms.house.incidents(before_ms=edge.first_ms, after_id=edge.id, only_open=only_open, limit=2)
    assert read == whole
    assert len(whole) == 6 + (not only_open)


def test_an_incident_page_tells_what_was_said_and_done(rooms: Rooms) -> None:
    rooms.words.label(ODD.id, LabelWord.WRONG, "anna")
    rooms.words.take_back(ODD.id, "anna")
    page = rooms.house.incident(ODD.id)
    assert [entry.what for entry in page.audit] == ["label", "undo"]
    assert [entry.label for entry in page.labels] == [LabelWord.WRONG, None]
    assert page.window.from_ms < ODD.first_ms < page.window.to_ms
    with pytest.raises(NotKnownError):
        rooms.house.incident(EVENT.id)
