"""Fleets: devices by name and by slot, records that are made when asked for, and a saved fleet found again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.app.packing import pack, unpack
from kilowatch.core.device import DeviceRecord, Fleet, Kind, Reporting, first_seen
from kilowatch.core.slots import UNKNOWN, SlotTable
from kilowatch.core.state import freeze, thaw
from kilowatch.errors import ConfigError, StateError

NAMES = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=100, unique=True)


def records(number: int) -> list[DeviceRecord]:
    kinds = list(Kind)
    return [
        first_seen(f"home{i % 7}", f"plug{i}", kinds[i % 5], rating_w=float(i % 3), version=1 + i % 4)
        for i in range(number)
    ]


@given(NAMES)
@settings(deadline=None, max_examples=50)
def test_every_device_is_found_by_name_and_by_slot(names: list[tuple[str, str]]) -> None:
    fleet = Fleet([first_seen(*name) for name in names])
    assert [fleet.slot(*name) for name in names] == list(range(len(names)))
    assert [(record.site, record.device) for record in fleet.records] == names
    assert fleet.slot("nobody", "knows it") is None


def test_records_are_as_they_were_given() -> None:
    given_ones = records(200)
    fleet = Fleet(given_ones)
    assert list(fleet.records) == given_ones
    assert fleet.records[-1] == given_ones[-1]
    assert fleet.records[3:9] == given_ones[3:9]
    with pytest.raises(IndexError):
        fleet.records[200]


def test_an_update_changes_one_record_and_its_traits() -> None:
    fleet = Fleet(records(20))
    changed = first_seen("home4", "plug4", Kind.WASHER, reporting=Reporting.ON_CHANGE, interval_s=60.0)
    assert fleet.update(changed) == 4
    assert fleet.records[4] == changed
    assert (fleet.grid_ms[4], bool(fleet.on_change[4])) == (60_000, True)
    assert [*fleet.records[:4], *fleet.records[5:]] == [one for slot, one in enumerate(records(20)) if slot != 4]


@pytest.mark.parametrize("more", [[2], [20, 20]])
def test_a_device_joins_once(more: list[int]) -> None:
    fleet = Fleet(records(10))
    with pytest.raises(ConfigError, match="known already"):
        fleet.extend([records(30)[number] for number in [15, *more]])
    assert len(fleet) == 10
    assert fleet.slot("home1", "plug15") is None


def test_a_saved_fleet_is_the_same_fleet() -> None:
    fleet, again = Fleet(records(100)), Fleet()
    assert thaw(again, unpack(pack(freeze(fleet)))) == []
    assert list(again.records) == records(100)
    assert again.slot("home3", "plug10") == 10
    assert again.add(first_seen("new", "one")) == 100
    assert again.records[100] == first_seen("new", "one")


@pytest.mark.parametrize("broken", ["sites", "devices", "_patterns"])
def test_a_saved_fleet_that_does_not_hold_together_is_refused(broken: str) -> None:
    fleet = Fleet(records(50))
    del getattr(fleet.records, broken)[2:]
    with pytest.raises(StateError):
        thaw(Fleet(), unpack(pack(freeze(fleet))))


def test_alike_records_are_kept_once() -> None:
    fleet = Fleet([first_seen(f"m{number}", "meter", Kind.METER) for number in range(1000)])
    assert len(fleet.records._patterns) == 1
    assert len({id(device) for device in fleet.records.devices}) == 1


def test_the_table_grows_and_stays_half_empty() -> None:
    table = SlotTable()
    for start in range(0, 20_000, 700):
        assert table.add(["home"] * 700, [f"plug-{number}" for number in range(start, start + 700)])
    assert len(table) == 20_300
    assert table.find(["home", "home", "shed"], ["plug-0", "plug-13999", "plug-0"]).tolist() == [0, 13_999, UNKNOWN]
    assert len(table._slot) >= 2 * len(table)


def test_the_table_says_that_a_name_was_known() -> None:
    table = SlotTable()
    assert table.add(["a"], ["b"])
    assert not table.add(["a"], ["b"])
