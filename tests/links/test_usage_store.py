from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kilowatch.core.usage import EMPTY, Quantity, StoredDay, described
from kilowatch.errors import StateError
from kilowatch.links.usage_store import UsageStore
from links.databases import database, database_url

if TYPE_CHECKING:
    from kilowatch.links.database.database import Database

__all__ = ["database", "database_url"]


@pytest.fixture
def store(database: Database) -> UsageStore:
    return UsageStore(database)


def part(day: int, **quantities: int) -> StoredDay:
    values = EMPTY.tolist()
    for name, value in quantities.items():
        values[Quantity[name.upper()]] = value
    return StoredDay(site="home", device="fridge", day=day, values=tuple(values))


def test_parts_of_a_day_become_one(store: UsageStore) -> None:
    first = part(20_000, register_uj=5, peak_mw=900, floor_mw=7, accepted=3)
    later = part(20_000, register_uj=2, peak_mw=400, floor_mw=5, cycles=1)
    store.save([], [first, part(20_001, held_ms=4), later])
    store.save([], [part(20_000, accepted=1)])
    found = store.days("home", "fridge", 20_000, 20_001)
    assert found == [part(20_000, register_uj=7, peak_mw=900, floor_mw=5, accepted=4, cycles=1)]
    assert store.days("home", "tv", 0, 99_999) == []


def test_a_state_moves_on_only_from_the_one_before(store: UsageStore) -> None:
    assert store.load("IoTDevices", 3) is None
    store.save([("IoTDevices", 3, -1, 100, b"one")], [])
    store.save([("IoTDevices", 3, 100, 150, b"two")], [])
    assert store.load("IoTDevices", 3) == (150, b"two")
    with pytest.raises(StateError):
        store.save([("IoTDevices", 3, 100, 170, b"late")], [part(20_005, accepted=1)])
    with pytest.raises(StateError):
        store.save([("IoTDevices", 3, -1, 10, b"anew")], [])
    assert store.load("IoTDevices", 3) == (150, b"two")
    assert store.days("home", "fridge", 20_005, 20_006) == [], "all of a call or nothing"


def test_a_day_as_people_read_it() -> None:
    day = described(part(20_454, register_uj=3_600_000_000_000, cost_pico=300_000_000_000, peak_mw=1500, on_ms=60_000))
    assert (day.day, day.energy_wh, day.register_share, day.cost) == ("2026-01-01", 1000.0, 1.0, 0.3)
    assert (day.peak_w, day.standby_w, day.demand_w, day.on_s) == (1.5, None, None, 60.0)
