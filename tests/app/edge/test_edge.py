"""The edge: the same incidents however it is cut, killed or restarted, and the same as a replay's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.edge.stage import StageClock, incidents, live, messages, opened
from app.homes import DAY_MS, HOUR_MS, START_MS, home
from kilowatch.core.device import Stage
from kilowatch.core.events import RecordChanged
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.records import DeviceEdit

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.events import IncidentEvent

DAYS = 3.6


@pytest.fixture(scope="module")
def story() -> list[tuple[int, bytes]]:
    """Two days to learn, then a meter that draws four times as much for three hours, and a heater that stays on."""
    calm = home(DAYS)
    from_ms = START_MS + 2 * DAY_MS + 9 * HOUR_MS
    odd = (calm.slot == 0) & (calm.ts_ms >= from_ms) & (calm.ts_ms < from_ms + 3 * HOUR_MS)
    stuck = (calm.slot == 1) & (calm.ts_ms >= from_ms + 12 * HOUR_MS) & (calm.ts_ms < from_ms + 15 * HOUR_MS)
    power_w = np.where(odd, calm.power_w * 4, np.where(stuck, 1500.0, calm.power_w))
    return messages(ReadingBatch(calm.slot, calm.ts_ms, power_w))


@pytest.fixture(scope="module")
def told(story: list[tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory) -> list[IncidentEvent]:
    clock = StageClock()
    built = opened(tmp_path_factory.mktemp("through"), clock)
    live(built, clock, story)
    found = incidents(built)
    built.close()
    return found


def test_it_finds_what_went_wrong(told: list[IncidentEvent]) -> None:
    from_ms = START_MS + 2 * DAY_MS + 9 * HOUR_MS
    assert any(event.device == "meter" and abs(event.first_ms - from_ms) < HOUR_MS for event in told)
    assert any(event.device == "heater" and event.first_ms >= from_ms + 11 * HOUR_MS for event in told)


@pytest.mark.parametrize("turn_every", [60])
def test_any_pace_tells_the_same(
    story: list[tuple[int, bytes]], told: list[IncidentEvent], tmp_path: Path, turn_every: int
) -> None:
    clock = StageClock()
    built = opened(tmp_path, clock)
    live(built, clock, story, turn_every)
    assert incidents(built) == told
    built.close()


@pytest.mark.parametrize(("dies_at", "saves"), [(0.7, ()), (0.8, (0.3,)), (0.9, (0.62, 0.75))])
def test_a_life_cut_short_is_taken_up_where_it_ended(
    story: list[tuple[int, bytes]], told: list[IncidentEvent], tmp_path: Path, dies_at: float, saves: tuple[float, ...]
) -> None:
    clock, begin = StageClock(), 0
    built = opened(tmp_path, clock)
    for share in [share for share in saves if share < dies_at]:
        live(built, clock, story[begin : round(share * len(story))], 50)
        begin = round(share * len(story))
        built.edge.save()
    live(built, clock, story[begin : round(dies_at * len(story))], 50)
    built.close()
    again = opened(tmp_path, clock)
    live(again, clock, story[round(dies_at * len(story)) :], 50)
    assert incidents(again) == told
    again.close()


def test_devices_are_met_and_their_learning_ends(story: list[tuple[int, bytes]], tmp_path: Path) -> None:
    clock = StageClock()
    built = opened(tmp_path, clock)
    live(built, clock, story, 100)
    stages = {record.device: record.stage for record in built.parts.registry.records()}
    assert stages == {"meter": Stage.WATCHING, "heater": Stage.WATCHING, "lamp": Stage.WATCHING}
    built.close()


def test_the_past_can_be_looked_at(story: list[tuple[int, bytes]], tmp_path: Path) -> None:
    clock = StageClock()
    built = opened(tmp_path, clock)
    live(built, clock, story[:150], 20)
    series = built.parts.history.query("home", "meter", START_MS, clock.ms, 50)
    assert 0 < len(series.buckets.start_ms) <= 50
    built.close()


def test_what_a_person_says_is_on_the_disk_before_its_table_lets_go(
    story: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    clock = StageClock()
    built = opened(tmp_path, clock)
    live(built, clock, story[:40])
    built.edge.turn()
    offset = built.parts.log.next_offset
    built.parts.registry.edit("home", "heater", DeviceEdit(protected=True), "anna", clock.ms)
    built.edge.turn()
    with built.parts.database.read() as transaction:
        assert transaction.outbox.waiting() == 0
    values = [value for taken in built.parts.log.read(offset) for value in taken.values]
    assert [msgspec.json.decode(value, type=RecordChanged).device for value in values] == ["heater"]
    built.close()
