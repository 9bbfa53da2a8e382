from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.usage_streams import days_of, readings
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.usage_site import Sites

if TYPE_CHECKING:
    from kilowatch.core.reading import ReadingBatch

HOUR_S = np.arange(0, 3601, 30.0)


def steady(slot: int, power_w: float) -> ReadingBatch:
    return readings(HOUR_S, np.full(len(HOUR_S), power_w), slot=slot)


def test_the_rest_is_what_no_plug_measures() -> None:
    kinds = {"main": Kind.METER, "fridge": Kind.FRIDGE, "tv": Kind.TV}
    fleet = Fleet([DeviceRecord(site="home", device=name, kind=kind) for name, kind in kinds.items()])
    fleet.add(DeviceRecord(site="shed", device="lamp", kind=Kind.LAMP))
    _, days = days_of(fleet, [steady(0, 500.0), steady(1, 80.0), steady(2, 120.0), steady(3, 60.0)])
    sites = Sites(fleet)
    found = sites.compare(days)
    assert [sites.names[number] for number in found.site] == ["home"], "a shed without a meter has no rest"
    assert found.rest_uj.tolist() == [300 * 3600 * 10**6]


def test_plugs_that_claim_more_than_the_meter_show_below_zero() -> None:
    fleet = Fleet([DeviceRecord(site="h", device="m", kind=Kind.METER), DeviceRecord(site="h", device="p")])
    _, days = days_of(fleet, [steady(0, 50.0), steady(1, 60.0)])
    assert Sites(fleet).compare(days).rest_uj.tolist() == [-10 * 3600 * 10**6]


def test_a_kind_that_a_person_corrects_counts_from_then_on() -> None:
    fleet = Fleet([DeviceRecord(site="h", device="m"), DeviceRecord(site="h", device="p")])
    _, days = days_of(fleet, [steady(0, 50.0), steady(1, 20.0)])
    sites = Sites(fleet)
    assert len(sites.compare(days).site) == 0
    sites.refresh(fleet.update(DeviceRecord(site="h", device="m", kind=Kind.METER)))
    assert sites.compare(days).rest_uj.tolist() == [30 * 3600 * 10**6]
